#include "runtime/common/ids.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "runtime/common/lookup.h"
#include "runtime/common/random.h"
#include "runtime/common/time.h"

namespace orrery {
namespace {

TEST(Ids, AWorkerKnowsItsNode) {
  const WorkerId worker = WorkerId::Of(NodeId{3}, 7);
  EXPECT_EQ(worker.node(), NodeId{3});
  EXPECT_EQ(worker.index(), 7u);
  const WorkerId largest = WorkerId::Of(NodeId{0xffffffff}, 0xffffffff);
  EXPECT_EQ(largest.node().value, 0xffffffffu);
  EXPECT_EQ(largest.index(), 0xffffffffu);
}

TEST(Ids, DefaultMeansNone) {
  EXPECT_FALSE(NodeId{});
  EXPECT_FALSE(JobId{});
  EXPECT_FALSE(WorkerId{});
  EXPECT_FALSE(TaskId{});
  EXPECT_FALSE(LeaseId{});
  EXPECT_FALSE(ObjectId{});
  EXPECT_TRUE((TaskId{WorkerId::Of(NodeId{1}, 1), 1}));
}

TEST(Ids, PrintForPeople) {
  const WorkerId worker = WorkerId::Of(NodeId{3}, 7);
  EXPECT_EQ(ToString(NodeId{3}), "node-3");
  EXPECT_EQ(ToString(JobId{1}), "job-1");
  EXPECT_EQ(ToString(worker), "worker-3.7");
  EXPECT_EQ(ToString(TaskId{worker, 12}), "task-3.7.12");
  EXPECT_EQ(ToString(LeaseId{worker, 4}), "lease-3.7.4");
  EXPECT_EQ(ToString(ObjectId{{worker, 12}, 0}), "object-3.7.12.0");
}

TEST(Ids, OrderByParentThenIndex) {
  const WorkerId a = WorkerId::Of(NodeId{1}, 9), b = WorkerId::Of(NodeId{2}, 0);
  EXPECT_LT(a, b);
  EXPECT_LT((TaskId{a, 100}), (TaskId{b, 1}));
  EXPECT_LT((TaskId{a, 1}), (TaskId{a, 2}));
}

TEST(Ids, NeighboursHashApart) {
  std::set<size_t> hashes;
  for (uint32_t node = 1; node <= 50; ++node) {
    for (uint64_t index = 1; index <= 200; ++index)
      hashes.insert(IdHash()(TaskId{WorkerId::Of(NodeId{node}, 1), index}));
  }
  EXPECT_EQ(hashes.size(), 10'000u);
}

TEST(Ids, MixIsFixedForEver) {
  // Splitmix64's first outputs for seed 0 are Mix64 of multiples of its increment.
  EXPECT_EQ(Mix64(0x9e3779b97f4a7c15ULL), 0xe220a8397b1dcdafULL);
  EXPECT_EQ(Mix64(2 * 0x9e3779b97f4a7c15ULL), 0x6e789e6aa1b965f4ULL);
}

TEST(Lookup, AgreesWithAMapUnderRandomUse) {
  Lookup<NodeId, int> lookup;
  std::map<NodeId, int> model;
  Random random(5);
  for (int step = 0; step < 20'000; ++step) {
    const NodeId key{static_cast<uint32_t>(random.Below(500))};
    switch (random.Below(4)) {
      case 0: EXPECT_EQ(lookup.Insert(key, step).second, model.insert({key, step}).second); break;
      case 1: EXPECT_EQ(lookup.Erase(key), model.erase(key) != 0); break;
      case 2: lookup[key] = model[key] = step; break;
      default: {
        const auto it = model.find(key);
        ASSERT_EQ(lookup.Contains(key), it != model.end());
        if (it != model.end()) {
          EXPECT_EQ(*lookup.Find(key), it->second);
        }
      }
    }
    ASSERT_EQ(lookup.size(), model.size());
  }
  lookup.Clear();
  EXPECT_TRUE(lookup.empty());
  EXPECT_EQ(lookup.Find(NodeId{1}), nullptr);
}

TEST(Lookup, InsertKeepsWhatIsThere) {
  Lookup<JobId, std::string> lookup;
  EXPECT_TRUE(lookup.Insert(JobId{1}, "first").second);
  const auto [value, inserted] = lookup.Insert(JobId{1}, "second");
  EXPECT_FALSE(inserted);
  EXPECT_EQ(*value, "first");
}

TEST(Time, RoundsSecondsToTheNearestNanosecond) {
  EXPECT_EQ(Duration::FromSeconds(0.1).ns, 100'000'000);
  EXPECT_EQ(Duration::FromSeconds(-0.1).ns, -100'000'000);
  EXPECT_EQ(Duration::FromSeconds(1e-10).ns, 0);
  EXPECT_EQ(Duration::FromSeconds(6e-10).ns, 1);
  EXPECT_EQ(Time{5} + Duration{7}, Time{12});
  EXPECT_EQ(Time{5} - Time{7}, Duration{-2});
}

}  // namespace
}  // namespace orrery
