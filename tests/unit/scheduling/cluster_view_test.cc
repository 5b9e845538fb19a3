#include "runtime/scheduling/cluster_view.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "tests/unit/scheduling/builders.h"

namespace orrery {
namespace {

std::set<uint32_t> ChangedSince(const ClusterView& view, uint64_t version) {
  std::set<uint32_t> slots;
  view.ForEachChangedSince(version, [&](uint32_t slot) { EXPECT_TRUE(slots.insert(slot).second) << "visited twice"; });
  return slots;
}

TEST(ClusterView, KeepsNodesById) {
  ClusterView view;
  for (const uint32_t id : {3u, 1u, 2u}) view.AddNode(NodeId{id}, Res(id), {{"name", std::to_string(id)}});
  EXPECT_EQ(view.ids(), (std::vector<NodeId>{{1}, {2}, {3}}));
  EXPECT_EQ(view.Find(NodeId{2})->available, Res(2));
  EXPECT_EQ(view.Find(NodeId{2})->labels.at("name"), "2");
  EXPECT_TRUE(view.RemoveNode(NodeId{2}));
  EXPECT_EQ(view.Find(NodeId{2}), nullptr);
  EXPECT_EQ(view.size(), 2u);
}

TEST(ClusterView, UnknownNodesAreRefused) {
  ClusterView view;
  EXPECT_FALSE(view.RemoveNode(NodeId{1}));
  EXPECT_FALSE(view.SetDraining(NodeId{1}, true));
  EXPECT_FALSE(view.SetAvailable(NodeId{1}, Res(1)));
  EXPECT_FALSE(view.Deduct(NodeId{1}, Res(1)));
  EXPECT_FALSE(view.Restore(NodeId{1}, Res(1)));
}

TEST(ClusterView, DeductionsGuessTheGpuAndRestoreUndoes) {
  ClusterView view;
  view.AddNode(NodeId{1}, Res(8, 2));
  view.Deduct(NodeId{1}, Res(1, 0.5));
  view.Deduct(NodeId{1}, Res(1, 0.25));
  EXPECT_EQ(view.Find(NodeId{1})->gpu_free, (GpuFree{F(0.25), F(1)}));
  view.Deduct(NodeId{1}, Res(1, 1));
  EXPECT_EQ(view.Find(NodeId{1})->gpu_free, (GpuFree{F(0.25), F(0)}));
  view.Restore(NodeId{1}, Res(1, 1));
  view.Restore(NodeId{1}, Res(1, 0.25));
  view.Restore(NodeId{1}, Res(1, 0.5));
  EXPECT_EQ(view.Find(NodeId{1})->gpu_free, (GpuFree{F(1), F(1)}));
  EXPECT_EQ(view.Find(NodeId{1})->available, Res(8, 2));
}

TEST(ClusterView, AReportReplacesDeductions) {
  ClusterView view;
  view.AddNode(NodeId{1}, Res(8, 2));
  view.Deduct(NodeId{1}, Res(100));  // stale, too optimistic
  EXPECT_EQ(view.Find(NodeId{1})->available.Get(ResourceKind::kCpu), F(-92));
  view.SetAvailable(NodeId{1}, Res(3, 1.5), {F(0.5), F(1)});
  EXPECT_EQ(view.Find(NodeId{1})->available, Res(3, 1.5));
  EXPECT_EQ(view.Find(NodeId{1})->gpu_free, (GpuFree{F(0.5), F(1)}));
  view.SetAvailable(NodeId{1}, Res(3, 1.25));
  EXPECT_EQ(view.Find(NodeId{1})->gpu_free, (GpuFree{F(1), F(0.25)})) << "derived where the report has no GPUs";
  view.SetAvailable(NodeId{1}, Res(3, 2), {F(1), F(1), F(1)});
  EXPECT_EQ(view.Find(NodeId{1})->gpu_free, (GpuFree{F(1), F(1)})) << "a report that cannot be true is no crash";
  view.SetAvailable(NodeId{1}, Res(3, 2), {F(-1), F(3)});
  EXPECT_EQ(view.Find(NodeId{1})->gpu_free, (GpuFree{F(0), F(1)}));
}

TEST(ClusterView, TheChangeLogNamesEachChangedNodeOnce) {
  ClusterView view;
  for (uint32_t id = 1; id <= 5; ++id) view.AddNode(NodeId{id}, Res(8));
  const uint64_t version = view.version();
  EXPECT_TRUE(ChangedSince(view, version).empty());
  view.Deduct(NodeId{2}, Res(1));
  view.Deduct(NodeId{4}, Res(1));
  view.Deduct(NodeId{2}, Res(1));
  EXPECT_EQ(ChangedSince(view, version), (std::set<uint32_t>{view.SlotOf(NodeId{2}), view.SlotOf(NodeId{4})}));
  EXPECT_EQ(ChangedSince(view, 0).size(), 5u);
  const uint64_t later = view.version();
  view.SetAvailable(NodeId{3}, Res(8));
  view.SetDraining(NodeId{3}, false);
  EXPECT_EQ(view.version(), later) << "what changes nothing costs indexes nothing";
}

TEST(ClusterView, CountsNodesWithGpus) {
  ClusterView view;
  view.AddNode(NodeId{1}, Res(8, 2));
  view.AddNode(NodeId{2}, Res(8));
  EXPECT_EQ(view.gpu_nodes(), 1u);
  view.RemoveNode(NodeId{1});
  EXPECT_EQ(view.gpu_nodes(), 0u);
}

// A mirror of versions by node must be brought up to date by the change log alone, over additions, removals and reuse
// of slots.
TEST(ClusterView, FollowingTheChangeLogReproducesTheView) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    Random random(seed);
    ClusterView view;
    std::vector<std::pair<NodeId, ResourceSet>> mirror;
    uint64_t seen = 0;
    uint32_t next_id = 1;
    for (int step = 0; step < 300; ++step) {
      const NodeId some = view.empty() ? NodeId{} : view.ids()[random.Below(view.size())];
      switch (random.Below(4)) {
        case 0: view.AddNode(NodeId{next_id++}, Res(8)); break;
        case 1: view.RemoveNode(some); break;
        default: view.Deduct(some, Res(0.5)); break;
      }
      if (!random.Chance(0.2)) continue;
      mirror.resize(view.slot_count());
      view.ForEachChangedSince(seen, [&](uint32_t s) { mirror[s] = {view.slot(s).id, view.slot(s).available}; });
      seen = view.version();
      for (uint32_t s = 0; s < view.slot_count(); ++s) {
        ASSERT_EQ(mirror[s].first, view.slot(s).id) << "seed " << seed;
        ASSERT_EQ(mirror[s].second, view.slot(s).available) << "seed " << seed;
      }
    }
  }
}

}  // namespace
}  // namespace orrery
