// Time as the state machines see it: integer nanoseconds since the world's epoch.
#pragma once

#include <compare>
#include <cstdint>

namespace orrery {

// A span of time in nanoseconds; may be negative as a difference.
struct Duration {
  int64_t ns = 0;
  static constexpr Duration Nanos(int64_t n) { return {n}; }
  static constexpr Duration Micros(int64_t n) { return {n * 1'000}; }
  static constexpr Duration Millis(int64_t n) { return {n * 1'000'000}; }
  static constexpr Duration Seconds(int64_t n) { return {n * 1'000'000'000}; }
  // Rounds to the nearest nanosecond.
  static constexpr Duration FromSeconds(double s) { return {static_cast<int64_t>(s * 1e9 + (s < 0 ? -0.5 : 0.5))}; }
  constexpr double seconds() const { return static_cast<double>(ns) / 1e9; }
  constexpr auto operator<=>(const Duration&) const = default;
};

// An instant: nanoseconds since the world's epoch; only differences between instants of one world mean anything.
struct Time {
  int64_t ns = 0;
  constexpr double seconds() const { return static_cast<double>(ns) / 1e9; }
  constexpr auto operator<=>(const Time&) const = default;
};

constexpr Time operator+(Time t, Duration d) { return {t.ns + d.ns}; }
constexpr Duration operator-(Time a, Time b) { return {a.ns - b.ns}; }
constexpr Duration operator+(Duration a, Duration b) { return {a.ns + b.ns}; }
constexpr Duration operator-(Duration a, Duration b) { return {a.ns - b.ns}; }
constexpr Duration operator*(Duration a, int64_t k) { return {a.ns * k}; }

}  // namespace orrery
