#include "runtime/common/subnet.h"

#include <gtest/gtest.h>

namespace orrery {
namespace {

TEST(Subnet, ReadsWhatItWrites) {
  for (const char* text : {"198.18.0.0/16", "10.0.0.0/8", "192.168.7.248/29"}) {
    Result<Subnet> subnet = ParseSubnet(text);
    ASSERT_TRUE(subnet.ok()) << subnet.status().message();
    EXPECT_EQ(ToString(*subnet), text);
  }
  EXPECT_EQ(ParseSubnet("198.18.0.0/16").value(), Subnet());
}

TEST(Subnet, NumbersItsHosts) {
  const Subnet subnet = ParseSubnet("192.168.7.248/29").value();
  EXPECT_EQ(subnet.hosts(), 6U);
  EXPECT_EQ(subnet.Host(1), "192.168.7.249");
  EXPECT_EQ(subnet.Host(6), "192.168.7.254");
  EXPECT_TRUE(subnet.Contains(subnet.base + 7));
  EXPECT_FALSE(subnet.Contains(subnet.base - 1));
  EXPECT_FALSE(subnet.Contains(subnet.base + 8));
}

TEST(Subnet, SaysWhatIsWrong) {
  for (const char* text : {"", "10", "10.0.0.0", "10.0.0.0/", "10.0.0.0/30", "10.0.0.0/7", "10.0.0.256/16",
                           "10.0.0.0/16x", "10.0.0/16", "-1.0.0.0/16", "10.0.0.0.0/16"})
    EXPECT_FALSE(ParseSubnet(text).ok()) << text;
  EXPECT_NE(ParseSubnet("10.1.2.3/16").status().message().find("did you mean 10.1.0.0/16?"), std::string::npos);
}

}  // namespace
}  // namespace orrery
