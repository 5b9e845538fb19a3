// The small tables inside a simulated process, each against a standard container.
#include <gtest/gtest.h>

#include <map>

#include "runtime/common/random.h"
#include "sim/engine/peer_set.h"
#include "sim/engine/timer_table.h"

namespace orrery {
namespace {

TEST(PeerSet, BehavesAsASortedMapOfFlags) {
  Random random(7);
  PeerSet peers;
  std::map<uint32_t, bool> reference;
  for (int step = 0; step < 50'000; ++step) {
    const uint32_t id = 1 + static_cast<uint32_t>(random.Below(step < 25'000 ? 300 : 3));
    if (random.Chance(0.55)) {
      const bool flag = random.Chance(0.3);
      const bool is_new = reference.count(id) == 0;
      ASSERT_EQ(peers.Add(id, flag), is_new);
      reference[id] = (is_new ? false : reference[id]) || flag;
    } else {
      const auto it = reference.find(id);
      ASSERT_EQ(peers.Remove(id), it != reference.end() && it->second);
      if (it != reference.end()) reference.erase(it);
    }
    ASSERT_EQ(peers.size(), reference.size());
  }
  size_t i = 0;
  const auto sorted = peers.Sorted();
  ASSERT_EQ(sorted.size(), reference.size());
  for (const auto& [id, flag] : reference) {
    EXPECT_EQ(sorted[i].id, id);
    EXPECT_EQ(sorted[i++].by_endpoint, flag);
  }
}

TEST(TimerTable, BehavesAsAMapWithFewAndWithManyTimers) {
  Random random(8);
  TimerTable timers;
  std::map<std::pair<int, uint64_t>, uint32_t> reference;
  for (uint32_t step = 0; step < 50'000; ++step) {
    const int kind = static_cast<int>(random.Below(3));
    const uint64_t id = random.Below(step < 10'000 ? 2 : 100);
    const TimerKind timer = static_cast<TimerKind>(kind);
    const auto it = reference.find({kind, id});
    EventId* found = timers.Find(timer, id);
    ASSERT_EQ(found != nullptr, it != reference.end());
    if (found == nullptr) {
      timers.Insert(timer, id, {step, 0});
      reference[{kind, id}] = step;
    } else {
      ASSERT_EQ(found->slot, it->second);
      if (random.Chance(0.5)) {
        timers.Erase(timer, id);
        reference.erase(it);
      } else {
        *found = {step, 1};
        it->second = step;
      }
    }
    ASSERT_EQ(timers.size(), reference.size());
  }
}

}  // namespace
}  // namespace orrery
