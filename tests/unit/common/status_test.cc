#include "runtime/common/status.h"

#include <gtest/gtest.h>

#include <memory>
#include <set>

namespace orrery {
namespace {

TEST(Status, OkByDefault) {
  EXPECT_TRUE(Status().ok());
  EXPECT_EQ(Status().ToString(), "Ok");
  EXPECT_EQ(Status(StatusCode::kNotFound, "no node 7").ToString(), "NotFound: no node 7");
}

TEST(Status, EveryCodeHasANameOfItsOwn) {
  std::set<std::string> names;
  for (int code = 0; code <= static_cast<int>(StatusCode::kInternal); ++code) {
    names.insert(StatusCodeName(static_cast<StatusCode>(code)));
  }
  EXPECT_EQ(names.size(), static_cast<size_t>(StatusCode::kInternal) + 1);
  EXPECT_EQ(names.count("Unknown"), 0u);
}

TEST(Status, CodesOnTheWireNeverChange) {
  EXPECT_EQ(static_cast<int>(StatusCode::kCancelled), 6);
  EXPECT_EQ(static_cast<int>(StatusCode::kApplicationError), 9);
  EXPECT_EQ(static_cast<int>(StatusCode::kWorkerDied), 10);
  EXPECT_EQ(static_cast<int>(StatusCode::kInternal), 14);
}

Result<std::unique_ptr<int>> Half(int x) {
  if (x % 2 != 0) return Status(StatusCode::kInvalidArgument, "odd");
  return std::make_unique<int>(x / 2);
}

TEST(Result, HoldsAValueOrTheReason) {
  Result<std::unique_ptr<int>> four = Half(8);
  ASSERT_TRUE(four.ok());
  EXPECT_EQ(**four, 4);
  EXPECT_TRUE(four.status().ok());
  const std::unique_ptr<int> moved = std::move(four).value();
  EXPECT_EQ(*moved, 4);
  const Result<std::unique_ptr<int>> none = Half(7);
  EXPECT_FALSE(none.ok());
  EXPECT_EQ(none.status().message(), "odd");
}

TEST(ResultDeathTest, AskingForTheValueOfAnErrorAborts) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  Result<std::unique_ptr<int>> none = Half(7);
  EXPECT_DEATH((void)*none, "odd");
}

TEST(AssertDeathTest, StaysOnInReleaseAndNamesTheCondition) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const int two = 2;
  EXPECT_DEATH(ORRERY_ASSERT(two == 3), "status_test.cc:.*two == 3");
  ORRERY_ASSERT(two == 2);
}

}  // namespace
}  // namespace orrery
