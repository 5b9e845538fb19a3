#include "runtime/common/fixed_point.h"

#include <gtest/gtest.h>

namespace orrery {
namespace {

TEST(FixedPoint, TenthsAddUpExactly) {
  FixedPoint sum;
  for (int i = 0; i < 10; ++i) sum += FixedPoint::FromDouble(0.1);
  EXPECT_EQ(sum, FixedPoint::Whole(1));
  for (int i = 0; i < 10; ++i) sum -= FixedPoint::FromDouble(0.1);
  EXPECT_EQ(sum, FixedPoint{});
}

TEST(FixedPoint, RoundsToTheNearestTenThousandth) {
  EXPECT_EQ(FixedPoint::FromDouble(0.00004).raw, 0);
  EXPECT_EQ(FixedPoint::FromDouble(0.00006).raw, 1);
  EXPECT_EQ(FixedPoint::FromDouble(-0.00006).raw, -1);
  EXPECT_EQ(FixedPoint::FromDouble(1.0 / 3).raw, 3333);
}

TEST(FixedPoint, MilliAndWholeAgree) {
  EXPECT_EQ(FixedPoint::Milli(1500), FixedPoint::FromDouble(1.5));
  EXPECT_EQ(FixedPoint::Milli(4000), FixedPoint::Whole(4));
  EXPECT_TRUE(FixedPoint::Whole(4).whole());
  EXPECT_FALSE(FixedPoint::Milli(1).whole());
}

TEST(FixedPoint, HoldsBytesOfMemoryExactly) {
  const int64_t bytes = int64_t{64} << 40;  // 64 TiB
  EXPECT_EQ(FixedPoint::Whole(bytes).raw / FixedPoint::kUnit, bytes);
  EXPECT_EQ(ToString(FixedPoint::Whole(bytes)), std::to_string(bytes));
}

TEST(FixedPoint, OrdersByValue) {
  EXPECT_LT(FixedPoint::Milli(999), FixedPoint::Whole(1));
  EXPECT_GT(FixedPoint{}, FixedPoint::Milli(-1));
}

TEST(FixedPoint, PrintsTheShortestDecimal) {
  EXPECT_EQ(ToString(FixedPoint::Whole(4)), "4");
  EXPECT_EQ(ToString(FixedPoint::FromDouble(0.5)), "0.5");
  EXPECT_EQ(ToString(FixedPoint::FromDouble(1.25)), "1.25");
  EXPECT_EQ(ToString(FixedPoint{1}), "0.0001");
  EXPECT_EQ(ToString(FixedPoint{}), "0");
  EXPECT_EQ(ToString(FixedPoint::FromDouble(-0.5)), "-0.5");
  EXPECT_EQ(ToString(FixedPoint::FromDouble(10.07)), "10.07");
}

}  // namespace
}  // namespace orrery
