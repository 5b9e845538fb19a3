#include "runtime/common/retry_schedule.h"

#include <gtest/gtest.h>

namespace orrery {
namespace {

TEST(RetrySchedule, DoublesUpToSixtyFourTimesTheBase) {
  RetrySchedule<int> schedule(Duration::Seconds(1));
  schedule.Add(7, Time{});
  Time now;
  std::vector<int64_t> gaps;
  for (int i = 0; i < 9; ++i) {
    const Time next = schedule.Next();
    gaps.push_back((next - now).ns / 1'000'000'000);
    now = next;
    EXPECT_EQ(schedule.TakeDue(now), std::vector<int>{7});
  }
  EXPECT_EQ(gaps, (std::vector<int64_t>{1, 2, 4, 8, 16, 32, 64, 64, 64}));
}

TEST(RetrySchedule, TakesInOrderOfDateAndOnlyWhatIsDue) {
  RetrySchedule<int> schedule(Duration::Seconds(1));
  schedule.Add(2, Time{});
  schedule.Add(1, Time{Duration::Millis(100).ns});
  schedule.Add(3, Time{Duration::Millis(500).ns});
  EXPECT_TRUE(schedule.TakeDue(Time{Duration::Millis(999).ns}).empty());
  EXPECT_EQ(schedule.TakeDue(Time{Duration::Millis(1200).ns}), (std::vector<int>{2, 1}));
  EXPECT_EQ(schedule.size(), 3u);
}

TEST(RetrySchedule, AnsweredKeysAreForgottenAndAddingAgainStartsOver) {
  RetrySchedule<int> schedule(Duration::Seconds(1));
  schedule.Add(1, Time{});
  schedule.TakeDue(Time{Duration::Seconds(1).ns});  // the interval is now two seconds
  schedule.Add(1, Time{Duration::Seconds(5).ns});
  EXPECT_EQ(schedule.Next().ns, Duration::Seconds(6).ns);
  schedule.Remove(1);
  schedule.Remove(1);
  EXPECT_TRUE(schedule.empty());
}

TEST(RetrySchedule, AnIntervalOfZeroDoesNotSpin) {
  RetrySchedule<int> schedule(Duration{});
  schedule.Add(1, Time{});
  EXPECT_EQ(schedule.TakeDue(Time{Duration::Micros(1).ns}).size(), 1u);
}

}  // namespace
}  // namespace orrery
