#include "sim/engine/event_queue.h"

#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "runtime/common/random.h"

namespace orrery {
namespace {

struct Item {
  uint64_t number;
};

// Pops the next pending item, skipping cancelled entries.
bool PopPending(EventQueue<Item>& queue, int64_t* time, Item* item) {
  while (!queue.drained()) {
    if (queue.Pop(time, item)) return true;
  }
  return false;
}

TEST(EventQueue, LeavesInOrderOfTimeThenOfPush) {
  EventQueue<Item> queue;
  queue.Push(5, {0});
  queue.Push(3, {1});
  queue.Push(5, {2});
  queue.Push(3, {3});
  std::vector<uint64_t> order;
  int64_t time;
  Item item;
  while (PopPending(queue, &time, &item)) order.push_back(item.number);
  EXPECT_EQ(order, (std::vector<uint64_t>{1, 3, 0, 2}));
}

TEST(EventQueue, PeekDoesNotForbidEarlierTimes) {
  EventQueue<Item> queue;
  queue.Push(1000, {0});
  EXPECT_EQ(queue.PeekTime(), 1000);
  queue.Push(7, {1});
  EXPECT_EQ(queue.PeekTime(), 7);
}

TEST(EventQueue, ATimeBeforeTheLastPopIsABug) {
  EventQueue<Item> queue;
  queue.Push(10, {0});
  int64_t time;
  Item item;
  ASSERT_TRUE(queue.Pop(&time, &item));
  EXPECT_DEATH(queue.Push(9, {1}), "time >= last_");
  queue.Rewind(3);
  queue.Push(9, {1});
  EXPECT_EQ(queue.PeekTime(), 9);
}

TEST(EventQueue, CancelGivesThePayloadBackOnceAndOnlyOnce) {
  EventQueue<Item> queue;
  const EventId id = queue.Push(10, {42});
  Item item{0};
  EXPECT_TRUE(queue.Cancel(id, &item));
  EXPECT_EQ(item.number, 42u);
  EXPECT_FALSE(queue.Cancel(id));
  const EventId reused = queue.Push(20, {43});  // takes the same place
  EXPECT_EQ(reused.slot, id.slot);
  EXPECT_FALSE(queue.Cancel(id));
  int64_t time;
  ASSERT_TRUE(PopPending(queue, &time, &item));
  EXPECT_EQ(item.number, 43u);
  EXPECT_FALSE(queue.Cancel(reused));
}

TEST(EventQueue, ReorderFirstTouchesOnlyTheFirstInstant) {
  EventQueue<Item> queue;
  for (uint64_t i = 0; i < 6; ++i) queue.Push(i < 4 ? 10 : 11, {i});
  EXPECT_EQ(queue.ReorderFirst([](const Item& item) { return item.number % 2 == 0 ? 1 : 0; }), 4u);
  std::vector<uint64_t> order;
  int64_t time;
  Item item;
  while (PopPending(queue, &time, &item)) order.push_back(item.number);
  EXPECT_EQ(order, (std::vector<uint64_t>{1, 3, 0, 2, 4, 5}));
}

// Against a multimap, whose insert keeps equal keys in order: random pushes near and far, cancels, pops.
class EventQueueProperty : public testing::TestWithParam<uint64_t> {};

TEST_P(EventQueueProperty, BehavesAsAMultimap) {
  Random random(GetParam());
  EventQueue<Item> queue;
  std::multimap<int64_t, uint64_t> reference;
  std::map<uint64_t, std::pair<EventId, std::multimap<int64_t, uint64_t>::iterator>> pending;
  int64_t now = 0;
  uint64_t next = 0;
  for (int step = 0; step < 20'000; ++step) {
    const uint64_t choice = random.Below(10);
    if (choice < 5) {
      const uint64_t span = random.Below(4);
      const int64_t delay = span == 0 ? 0
                                      : static_cast<int64_t>(random.Below(span == 1   ? 10
                                                                          : span == 2 ? 100'000
                                                                                      : uint64_t{1} << 50));
      pending[next] = {queue.Push(now + delay, {next}), reference.emplace(now + delay, next)};
      ++next;
    } else if (choice < 6 && !pending.empty()) {
      auto it = pending.lower_bound(random.Below(next));
      if (it == pending.end()) it = pending.begin();
      Item item;
      ASSERT_TRUE(queue.Cancel(it->second.first, &item));
      ASSERT_EQ(item.number, it->first);
      reference.erase(it->second.second);
      pending.erase(it);
    } else if (!reference.empty()) {
      int64_t time;
      Item item;
      ASSERT_LE(queue.PeekTime(), reference.begin()->first);
      ASSERT_TRUE(PopPending(queue, &time, &item));
      ASSERT_EQ(time, reference.begin()->first);
      ASSERT_EQ(item.number, reference.begin()->second);
      now = time;
      pending.erase(item.number);
      reference.erase(reference.begin());
    }
    ASSERT_EQ(queue.size(), reference.size());
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, EventQueueProperty, testing::Range<uint64_t>(1, 9));

}  // namespace
}  // namespace orrery
