#include "runtime/config/quantity.h"

#include <gtest/gtest.h>

namespace orrery {
namespace {

TEST(Quantity, BytesKnowBothFamiliesOfUnits) {
  EXPECT_EQ(ParseBytes("4GiB").value(), 4294967296);
  EXPECT_EQ(ParseBytes("512MB").value(), 512'000'000);
  EXPECT_EQ(ParseBytes("16KiB").value(), 16384);
  EXPECT_EQ(ParseBytes("1.5KiB").value(), 1536);
  EXPECT_EQ(ParseBytes("100B").value(), 100);
  EXPECT_EQ(ParseBytes("0").value(), 0);
}

TEST(Quantity, BytesWithoutOrWithWrongUnitAreErrorsThatShowARightOne) {
  for (const char* wrong :
       {"4096", "4Gib", "4GB/s", "-1KiB", "", "GiB", "1e99GiB", "999999PiB", "4 GiB", "nan", "inf"}) {
    const auto bytes = ParseBytes(wrong);
    ASSERT_FALSE(bytes.ok()) << wrong;
    EXPECT_NE(bytes.status().message().find(std::string("'") + wrong + "'"), std::string::npos)
        << bytes.status().message();
  }
  EXPECT_EQ(ParseBytes("4096").status().message(),
            "'4096' is not a size; write for example 100B, 16KiB, 512MB or 4GiB");
}

TEST(Quantity, BandwidthTellsBitsFromBytes) {
  EXPECT_DOUBLE_EQ(ParseBandwidth("10Gbps").value(), 1.25e9);
  EXPECT_DOUBLE_EQ(ParseBandwidth("1GBps").value(), 1e9);
  EXPECT_DOUBLE_EQ(ParseBandwidth("1MiBps").value(), 1048576);
  EXPECT_FALSE(ParseBandwidth("10Gb").ok());
  EXPECT_FALSE(ParseBandwidth("0Gbps").ok());
}

TEST(Quantity, AmountsMayBeThousandths) {
  EXPECT_EQ(ParseAmount("500m").value(), FixedPoint::Milli(500));
  EXPECT_EQ(ParseAmount("2").value(), FixedPoint::Whole(2));
  EXPECT_EQ(ParseAmount("0.5").value(), FixedPoint::Milli(500));
  EXPECT_FALSE(ParseAmount("2 cpus").ok());
  EXPECT_FALSE(ParseAmount("0.00001").ok()) << "would silently be zero";
  EXPECT_FALSE(ParseAmount("1e3").ok());
}

TEST(Quantity, PercentRateCountNumber) {
  EXPECT_DOUBLE_EQ(ParsePercent("2%").value(), 0.02);
  EXPECT_FALSE(ParsePercent("2").ok());
  EXPECT_DOUBLE_EQ(ParseRate("100/s").value(), 100);
  EXPECT_DOUBLE_EQ(ParseRate("30/m").value(), 0.5);
  EXPECT_DOUBLE_EQ(ParseRate("2/ms").value(), 2000);
  EXPECT_FALSE(ParseRate("100").ok());
  EXPECT_FALSE(ParseRate("0/s").ok());
  EXPECT_EQ(ParseCount("1_000_000").value(), 1'000'000);
  EXPECT_FALSE(ParseCount("-1").ok());
  EXPECT_FALSE(ParseCount("1.5").ok());
  EXPECT_FALSE(ParseCount("99999999999999999999").ok());
  EXPECT_FALSE(ParseCount("_1").ok());
  EXPECT_DOUBLE_EQ(ParseNumber("-1e-3").value(), -0.001);
  EXPECT_FALSE(ParseNumber("nan").ok());
}

}  // namespace
}  // namespace orrery
