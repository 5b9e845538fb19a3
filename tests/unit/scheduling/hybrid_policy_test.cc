// Ray's hybrid policy, rule by rule (hybrid_scheduling_policy.cc), for the indexed and for the plain implementation.
#include <gtest/gtest.h>

#include <functional>
#include <set>

#include "runtime/scheduling/node_picker.h"
#include "runtime/scheduling/plain_policy.h"
#include "tests/unit/scheduling/builders.h"

namespace orrery {
namespace {

using Maker = Result<std::unique_ptr<PlacementPolicy>> (*)(std::string_view, const PolicyOptions&);

class Hybrid : public testing::TestWithParam<Maker> {
 protected:
  // `used` CPUs of 10.
  void AddNode(uint32_t id, double used, double gpus = 0) {
    view.AddNode(NodeId{id}, Res(10, gpus, 1000));
    view.Deduct(NodeId{id}, Res(used));
  }
  Placement Pick(const SchedulingRequest& request, uint32_t preferred = 0, uint32_t avoid = 0,
                 bool require_available = false) {
    if (!policy) policy = GetParam()("hybrid", options).value();
    return policy->Pick(view, {request, NodeId{preferred}, NodeId{avoid}, require_available}, random);
  }
  // Every node that is picked in many tries.
  std::set<uint32_t> PickedOften(const SchedulingRequest& request, uint32_t preferred = 0, uint32_t avoid = 0) {
    std::set<uint32_t> picked;
    for (int i = 0; i < 300; ++i) picked.insert(Pick(request, preferred, avoid).node.value);
    return picked;
  }
  using Ids = std::set<uint32_t>;

  ClusterView view;
  PolicyOptions options;
  Random random{1};
  std::unique_ptr<PlacementPolicy> policy;
};

TEST_P(Hybrid, TakesTheLeastLoadedAboveTheThreshold) {
  AddNode(1, 8);
  AddNode(2, 6);
  AddNode(3, 7);
  EXPECT_EQ(Pick(Ask(Res(1))), Available(2));
}

TEST_P(Hybrid, BelowTheThresholdLoadsAreEqualAndTheLeastIdWins) {
  AddNode(1, 4.9);
  AddNode(2, 0);
  AddNode(3, 1);
  EXPECT_EQ(Pick(Ask(Res(1))), Available(1)) << "0.49 truncates to 0";
  EXPECT_EQ(Pick(Ask(Res(1)), 3), Available(3)) << "so does the preferred node's";
}

TEST_P(Hybrid, ExactlyTheThresholdIsNotTruncated) {
  AddNode(1, 5);
  AddNode(2, 4.9999);
  EXPECT_EQ(Pick(Ask(Res(1))), Available(2));
}

TEST_P(Hybrid, PreferredNodeWinsTiesOnly) {
  AddNode(1, 6);
  AddNode(2, 6);
  AddNode(3, 7);
  EXPECT_EQ(Pick(Ask(Res(1)), 2), Available(2));
  EXPECT_EQ(Pick(Ask(Res(1)), 3), Available(1)) << "0.7 is worse than 0.6";
}

TEST_P(Hybrid, TheScoreIsTheWorstOfCpuMemoryAndObjectStoreOnly) {
  view.AddNode(NodeId{1}, Res(10, 0, 100));
  view.Deduct(NodeId{1}, Res(1, 0, 90));
  view.AddNode(NodeId{2}, Res(10, 8, 100).Set("widget", F(10)));
  view.Deduct(NodeId{2}, Res(7, 8).Set("widget", F(10)));
  options.avoid_gpu_nodes = false;
  EXPECT_EQ(Pick(Ask(Res(1))), Available(2)) << "0.7 for CPU beats 0.9 for memory; GPU and widgets do not count";
  const ResourceSet total = ResourceSet::Cpu(4).Set(ResourceKind::kObjectStoreMemory, F(100));
  EXPECT_DOUBLE_EQ(HybridScore(total, ResourceSet::Cpu(4).Set(ResourceKind::kObjectStoreMemory, F(25))), 0.75);
  EXPECT_EQ(HybridScore(Res(0, 4), Res(0, 0)), 0) << "a node without any of the three has no load";
  EXPECT_DOUBLE_EQ(HybridScore(Res(4), Res(-2)), 1.5) << "oversubscribed";
}

TEST_P(Hybrid, BusyNodesOnlyWhenNoneIsAvailable) {
  AddNode(1, 10);
  AddNode(2, 9.5);
  EXPECT_EQ(Pick(Ask(Res(1))), Feasible(2));
  EXPECT_EQ(Pick(Ask(Res(1)), 1), Feasible(2)) << "the preferred node is more loaded";
  EXPECT_EQ(Pick(Ask(Res(1)), 0, 0, true), (Placement{NodeId{}, Placement::Kind::kFeasible}));
  AddNode(3, 9);
  EXPECT_EQ(Pick(Ask(Res(1)), 2), Available(3));
}

TEST_P(Hybrid, InfeasibleWhenNoTotalFits) {
  EXPECT_EQ(Pick(Ask(Res(1))), Infeasible()) << "no nodes at all";
  AddNode(1, 0);
  EXPECT_EQ(Pick(Ask(Res(11))), Infeasible());
  EXPECT_EQ(Pick(Ask(Res(1, 1))), Infeasible());
  EXPECT_EQ(Pick(Ask(Res(1).Set("widget", F(1)))), Infeasible());
}

TEST_P(Hybrid, DrainingNodesAreNoCandidatesButCountForK) {
  for (uint32_t id = 1; id <= 10; ++id) AddNode(id, 0);
  for (uint32_t id = 1; id <= 7; ++id) view.SetDraining(NodeId{id}, true);
  EXPECT_EQ(PickedOften(Ask(Res(1))), (Ids{8, 9})) << "k = 0.2 × 10 = 2";
}

TEST_P(Hybrid, ChoosesUniformlyAmongTheFirstK) {
  for (uint32_t id = 1; id <= 19; ++id) AddNode(id, id == 2 ? 6 : 0);
  EXPECT_EQ(PickedOften(Ask(Res(1))), (Ids{1, 3, 4})) << "k = ⌊0.2 × 19⌋ = 3; node 2 sorts behind";
  view.AddNode(NodeId{20}, Res(1));
  EXPECT_EQ(PickedOften(Ask(Res(1))), (Ids{1, 3, 4, 5})) << "k = 4";
}

TEST_P(Hybrid, KIsCutToTheCandidates) {
  for (uint32_t id = 1; id <= 30; ++id) AddNode(id, id <= 28 ? 10 : 0);
  EXPECT_EQ(PickedOften(Ask(Res(1))), (Ids{29, 30})) << "k = 6, two are available";
}

TEST_P(Hybrid, TopKAbsoluteIsAFloor) {
  options.top_k_absolute = 3;
  for (uint32_t id = 1; id <= 5; ++id) AddNode(id, 0);
  EXPECT_EQ(PickedOften(Ask(Res(1))), (Ids{1, 2, 3}));
}

TEST_P(Hybrid, AvoidLeavesOutTheNodeEvenWhenPreferred) {
  AddNode(1, 0);
  AddNode(2, 8);
  EXPECT_EQ(Pick(Ask(Res(1)), 1, 1), Available(2));
  view.RemoveNode(NodeId{2});
  EXPECT_EQ(Pick(Ask(Res(1)), 1, 1), Infeasible());
}

TEST_P(Hybrid, RequestsWithoutGpuLeaveGpuNodesAlone) {
  AddNode(1, 0, 8);
  AddNode(2, 9);
  EXPECT_EQ(Pick(Ask(Res(1)), 1), Available(2)) << "even the preferred one";
  EXPECT_EQ(Pick(Ask(Res(2)), 1), Available(1)) << "no other node is available";
  EXPECT_EQ(Pick(Ask(Res(1, 1))), Available(1));
}

TEST_P(Hybrid, GpuAvoidanceRequiresAvailabilityThenForgetsIt) {
  AddNode(1, 10, 8);
  AddNode(2, 9.5);
  EXPECT_EQ(Pick(Ask(Res(1))), Feasible(2)) << "both busy: all nodes again, least loaded";
  EXPECT_EQ(Pick(Ask(Res(1)), 0, 2), Feasible(1));
}

TEST_P(Hybrid, AFractionNeedsOneGpuWithThatMuchLeft) {
  view.AddNode(NodeId{1}, Res(10, 2));
  view.AddNode(NodeId{2}, Res(10, 1));
  view.Deduct(NodeId{1}, Res(0, 0.6), {{{0, F(0.6)}}});
  view.Deduct(NodeId{1}, Res(0, 0.6), {{{1, F(0.6)}}});
  EXPECT_EQ(Pick(Ask(Res(1, 0.5))), Available(2)) << "node 1 has 0.8 left, but 0.4 on each";
  EXPECT_EQ(Pick(Ask(Res(1, 2))), Feasible(1));
}

TEST_P(Hybrid, DrawsOnlyWhenThereIsAChoice) {
  AddNode(1, 0);
  AddNode(2, 0);
  Random untouched{1};
  Pick(Ask(Res(1)));      // k = 1
  Pick(Ask(Res(1)), 2);   // preferred
  Pick(Ask(Res(100)));    // none
  EXPECT_EQ(random.Next(), untouched.Next());
}

INSTANTIATE_TEST_SUITE_P(Both, Hybrid, testing::Values(&MakePolicy, &MakePlainPolicy),
                         [](const auto& info) { return info.index == 0 ? "Indexed" : "Plain"; });

}  // namespace
}  // namespace orrery
