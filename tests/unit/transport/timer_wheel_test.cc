#include "runtime/transport/timer_wheel.h"

#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "runtime/common/random.h"

namespace orrery {
namespace {

std::vector<uint64_t> Fire(TimerWheel& wheel, Time now) {
  wheel.Collect(now);
  std::vector<uint64_t> ids;
  TimerKey key;
  while (wheel.Pop(&key)) ids.push_back(key.id);
  return ids;
}
Time At(int64_t ns) { return Time{1'000'000'000'000 + ns}; }

TEST(TimerWheelTest, ExactOrderWithinASlotAndAcrossSlots) {
  TimerWheel wheel(At(0));
  wheel.Arm({0, 1}, At(900));
  wheel.Arm({0, 2}, At(100));
  wheel.Arm({0, 3}, At(5'000'000));
  wheel.Arm({0, 4}, At(100));
  EXPECT_EQ(wheel.Next(), At(100));
  EXPECT_TRUE(Fire(wheel, At(99)).empty()) << "never early";
  EXPECT_EQ(Fire(wheel, At(10'000'000)), (std::vector<uint64_t>{2, 4, 1, 3})) << "by date, then by order of arming";
  EXPECT_EQ(wheel.size(), 0u);
  EXPECT_EQ(wheel.Next().ns, INT64_MAX);
}

TEST(TimerWheelTest, CancelAndRearm) {
  TimerWheel wheel(At(0));
  wheel.Arm({0, 1}, At(100));
  wheel.Arm({1, 1}, At(150));
  EXPECT_TRUE(wheel.Cancel({0, 1}));
  EXPECT_FALSE(wheel.Cancel({0, 1}));
  EXPECT_FALSE(wheel.Cancel({0, 2}));
  wheel.Arm({1, 1}, At(300));
  EXPECT_TRUE(Fire(wheel, At(200)).empty());
  EXPECT_EQ(Fire(wheel, At(300)).size(), 1u);
  EXPECT_TRUE(Fire(wheel, At(400)).empty());
}

TEST(TimerWheelTest, ChangesWhilePoppingCount) {
  TimerWheel wheel(At(0));
  for (uint64_t id = 1; id <= 4; ++id) wheel.Arm({0, id}, At(static_cast<int64_t>(id)));
  wheel.Collect(At(10));
  TimerKey key;
  ASSERT_TRUE(wheel.Pop(&key));
  EXPECT_EQ(key.id, 1u);
  wheel.Cancel({0, 2});
  wheel.Arm({0, 3}, At(20));
  wheel.Arm({0, 5}, At(5));  // due already, but for the next round
  ASSERT_TRUE(wheel.Pop(&key));
  EXPECT_EQ(key.id, 4u);
  EXPECT_FALSE(wheel.Pop(&key));
  EXPECT_EQ(Fire(wheel, At(30)), (std::vector<uint64_t>{5, 3}));
}

TEST(TimerWheelTest, FarDatesAndLongPauses) {
  TimerWheel wheel(At(0));
  const int64_t hour = 3'600'000'000'000;
  wheel.Arm({0, 1}, At(hour));
  wheel.Arm({0, 2}, At(24 * hour));
  wheel.Arm({0, 3}, At(hour - 1));
  EXPECT_TRUE(Fire(wheel, At(hour - 2)).empty());
  EXPECT_EQ(Fire(wheel, At(23 * hour)), (std::vector<uint64_t>{3, 1}));
  EXPECT_EQ(Fire(wheel, At(24 * hour)), (std::vector<uint64_t>{2}));
}

TEST(TimerWheelTest, AgreesWithASortedMap) {
  Random random(7);
  TimerWheel wheel(At(0));
  std::map<uint64_t, int64_t> model;  // id → deadline
  int64_t now = 0;
  for (int step = 0; step < 60'000; ++step) {
    const uint64_t id = random.Below(400);
    switch (random.Below(4)) {
      case 0:
      case 1: {
        const int64_t deadline =
            now + static_cast<int64_t>(random.Below(random.Chance(0.1) ? 20'000'000'000 : 50'000'000));
        wheel.Arm({0, id}, At(deadline));
        model[id] = deadline;
        break;
      }
      case 2: ASSERT_EQ(wheel.Cancel({0, id}), model.erase(id) == 1); break;
      default: {
        int64_t earliest = INT64_MAX;
        for (const auto& [key, deadline] : model) earliest = std::min(earliest, deadline);
        if (!model.empty()) {
          ASSERT_LE(wheel.Next().ns, At(earliest).ns) << "a sleeper would oversleep";
        }
        now += static_cast<int64_t>(random.Below(30'000'000));
        std::vector<std::pair<int64_t, uint64_t>> due;
        for (const auto& [key, deadline] : model) {
          if (deadline <= now) due.emplace_back(deadline, key);
        }
        std::vector<uint64_t> fired = Fire(wheel, At(now));
        ASSERT_EQ(fired.size(), due.size());
        for (size_t i = 0; i < fired.size(); ++i) {
          ASSERT_LE(model.at(fired[i]), now);
          if (i > 0) {
            ASSERT_LE(model.at(fired[i - 1]), model.at(fired[i]));
          }
        }
        for (uint64_t done : fired) model.erase(done);
      }
    }
    ASSERT_EQ(wheel.size(), model.size());
  }
}

}  // namespace
}  // namespace orrery
