#include "runtime/common/fixed_point.h"

#include <cmath>

namespace orrery {

FixedPoint FixedPoint::FromDouble(double x) { return {static_cast<int64_t>(std::llround(x * kUnit))}; }

std::string ToString(FixedPoint x) {
  const int64_t magnitude = x.raw < 0 ? -x.raw : x.raw;
  std::string text = (x.raw < 0 ? "-" : "") + std::to_string(magnitude / FixedPoint::kUnit);
  int64_t fraction = magnitude % FixedPoint::kUnit;
  if (fraction == 0) return text;
  std::string digits = std::to_string(FixedPoint::kUnit + fraction).substr(1);
  while (digits.back() == '0') digits.pop_back();
  return text + "." + digits;
}

}  // namespace orrery
