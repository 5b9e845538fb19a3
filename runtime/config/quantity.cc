#include "runtime/config/quantity.h"

#include <array>
#include <charconv>
#include <cmath>
#include <string>

namespace orrery {

namespace {

struct Unit {
  std::string_view name;
  double factor;
};

constexpr double kKi = 1024, kMi = kKi * 1024, kGi = kMi * 1024, kTi = kGi * 1024, kPi = kTi * 1024;
constexpr std::array<Unit, 12> kBytes = {{{"B", 1},
                                          {"KiB", kKi},
                                          {"MiB", kMi},
                                          {"GiB", kGi},
                                          {"TiB", kTi},
                                          {"PiB", kPi},
                                          {"kB", 1e3},
                                          {"KB", 1e3},
                                          {"MB", 1e6},
                                          {"GB", 1e9},
                                          {"TB", 1e12},
                                          {"PB", 1e15}}};
constexpr std::array<Unit, 14> kBandwidths = {{{"bps", 0.125},
                                               {"kbps", 125},
                                               {"Kbps", 125},
                                               {"Mbps", 125e3},
                                               {"Gbps", 125e6},
                                               {"Tbps", 125e9},
                                               {"Bps", 1},
                                               {"kBps", 1e3},
                                               {"KBps", 1e3},
                                               {"MBps", 1e6},
                                               {"GBps", 1e9},
                                               {"KiBps", kKi},
                                               {"MiBps", kMi},
                                               {"GiBps", kGi}}};
constexpr std::array<Unit, 4> kPer = {{{"/ms", 1e3}, {"/s", 1}, {"/m", 1.0 / 60}, {"/h", 1.0 / 3600}}};

// Amounts of resources are kept in ten-thousandths of an int64.
constexpr double kLargest = 9.2e14;

Status Bad(std::string_view text, std::string_view expected) {
  return {StatusCode::kInvalidArgument, "'" + std::string(text) + "' is not " + std::string(expected)};
}

// Splits "1.5GiB" into 1.5 and "GiB". False without a leading finite number.
bool Split(std::string_view text, double& number, std::string_view& unit) {
  if (text.empty() || !((text[0] >= '0' && text[0] <= '9') || text[0] == '.')) return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (error != std::errc() || !std::isfinite(number)) return false;
  unit = text.substr(static_cast<size_t>(end - text.data()));
  return true;
}

// number × factor of the unit; false for an unknown unit.
template <size_t N>
bool Scale(const std::array<Unit, N>& units, std::string_view text, double& value) {
  double number = 0;
  std::string_view unit;
  if (!Split(text, number, unit)) return false;
  for (const Unit& known : units) {
    if (known.name != unit) continue;
    value = number * known.factor;
    return true;
  }
  return false;
}

}  // namespace

Result<int64_t> ParseBytes(std::string_view text) {
  double bytes = 0;
  if (text == "0") return 0;
  if (!Scale(kBytes, text, bytes)) return Bad(text, "a size; write for example 100B, 16KiB, 512MB or 4GiB");
  if (bytes > kLargest) return Bad(text, "a possible size: at most 800TiB");
  return std::llround(bytes);
}

Result<double> ParseBandwidth(std::string_view text) {
  double bytes = 0;
  if (!Scale(kBandwidths, text, bytes))
    return Bad(text, "a bandwidth; write for example 10Gbps (bits) or 1.25GBps (bytes)");
  if (!(bytes > 0)) return Bad(text, "a possible bandwidth: it must be above zero");
  return bytes;
}

Result<FixedPoint> ParseAmount(std::string_view text) {
  double number = 0;
  std::string_view unit;
  if (!Split(text, number, unit) || !(unit.empty() || unit == "m")) {
    return Bad(text, "an amount; write for example 2, 0.5 or 500m (thousandths)");
  }
  if (unit == "m") number /= 1000;
  if (number > kLargest) return Bad(text, "a possible amount: at most 9.2e14");
  const FixedPoint amount = FixedPoint::FromDouble(number);
  if (number > 0 && amount.raw == 0) return Bad(text, "a possible amount: the smallest is 0.0001");
  return amount;
}

Result<double> ParsePercent(std::string_view text) {
  double number = 0;
  std::string_view unit;
  if (!Split(text, number, unit) || unit != "%") return Bad(text, "a percentage; write for example 2%");
  return number / 100;
}

Result<double> ParseRate(std::string_view text) {
  double rate = 0;
  if (!Scale(kPer, text, rate)) return Bad(text, "a rate; write for example 100/s, 5/m or 30/h");
  if (!(rate > 0)) return Bad(text, "a possible rate: it must be above zero");
  return rate;
}

Result<int64_t> ParseCount(std::string_view text) {
  std::string digits;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_' || i == 0) digits.push_back(text[i]);
  }
  int64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size()) return Bad(text, "a whole number");
  if (number < 0) return Bad(text, "a possible count: it is negative");
  return number;
}

Result<double> ParseNumber(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(number)) return Bad(text, "a number");
  return number;
}

}  // namespace orrery
