// Resource quantities: integers in units of 1/10,000, so that sums and differences are exact.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

namespace orrery {

// Granularity 0.0001 as Ray's fixed_point.h. Holds up to 9.2e14 units (bytes of memory fit).
struct FixedPoint {
  int64_t raw = 0;
  static constexpr int64_t kUnit = 10'000;
  static constexpr FixedPoint Whole(int64_t n) { return {n * kUnit}; }
  static constexpr FixedPoint Milli(int64_t n) { return {n * (kUnit / 1000)}; }
  // Rounds to the nearest 0.0001.
  static FixedPoint FromDouble(double x);
  constexpr double value() const { return static_cast<double>(raw) / kUnit; }
  constexpr bool whole() const { return raw % kUnit == 0; }
  constexpr auto operator<=>(const FixedPoint&) const = default;
  constexpr FixedPoint& operator+=(FixedPoint o) {
    raw += o.raw;
    return *this;
  }
  constexpr FixedPoint& operator-=(FixedPoint o) {
    raw -= o.raw;
    return *this;
  }
};
constexpr FixedPoint operator+(FixedPoint a, FixedPoint b) { return {a.raw + b.raw}; }
constexpr FixedPoint operator-(FixedPoint a, FixedPoint b) { return {a.raw - b.raw}; }

// Shortest decimal form: "4", "0.5", "1.25".
std::string ToString(FixedPoint x);

}  // namespace orrery
