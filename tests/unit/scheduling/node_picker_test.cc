// Strategies: spread, random, node affinity and labels in front of the policies.
#include "runtime/scheduling/node_picker.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/unit/scheduling/builders.h"

namespace orrery {
namespace {

using Kind = SchedulingStrategy::Kind;

class Picker : public testing::Test {
 protected:
  Placement Pick(const SchedulingRequest& request, uint32_t avoid = 0, bool require_available = false) {
    return picker->PickNode(view, {request, NodeId{}, NodeId{avoid}, require_available}, random);
  }
  SchedulingRequest With(Kind kind, double cpu = 1) {
    SchedulingRequest request = Ask(Res(cpu));
    request.strategy.kind = kind;
    return request;
  }
  SchedulingRequest Affinity(uint32_t node, bool soft, double cpu = 1) {
    SchedulingRequest request = With(Kind::kNodeAffinity, cpu);
    request.strategy.affinity_node = node;
    request.strategy.soft = soft;
    return request;
  }
  ClusterView view;
  Random random{1};
  std::unique_ptr<NodePicker> picker = NodePicker::Make("hybrid").value();
};

TEST(NodePicker, UnknownPolicyNamesTheNearest) {
  const auto made = NodePicker::Make("best-fit");
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.status().code(), StatusCode::kInvalidArgument);
  EXPECT_NE(made.status().message().find("did you mean 'best_fit'"), std::string::npos) << made.status().message();
  for (const std::string& name : PolicyNames()) EXPECT_TRUE(NodePicker::Make(name).ok()) << name;
}

TEST_F(Picker, SpreadGoesRoundInOrderOfIds) {
  for (const uint32_t id : {5u, 2u, 9u}) view.AddNode(NodeId{id}, Res(4));
  const SchedulingRequest request = With(Kind::kSpread);
  EXPECT_EQ(Pick(request), Available(2));
  EXPECT_EQ(Pick(request), Available(5));
  EXPECT_EQ(Pick(request), Available(9));
  EXPECT_EQ(Pick(request), Available(2));
  view.AddNode(NodeId{3}, Res(4));
  EXPECT_EQ(Pick(request), Available(3)) << "a new node takes its place in the round";
  EXPECT_EQ(Pick(request, 5), Available(9)) << "avoided";
}

TEST_F(Picker, SpreadSkipsBusyNodesUntilAllAreBusy) {
  for (uint32_t id = 1; id <= 3; ++id) view.AddNode(NodeId{id}, Res(1));
  view.Deduct(NodeId{1}, Res(1));
  const SchedulingRequest request = With(Kind::kSpread);
  EXPECT_EQ(Pick(request), Available(2));
  view.Deduct(NodeId{2}, Res(1));
  view.Deduct(NodeId{3}, Res(1));
  EXPECT_EQ(Pick(request), Feasible(3));
  EXPECT_EQ(Pick(request), Feasible(1));
  EXPECT_EQ(Pick(request, 0, true), (Placement{NodeId{}, Placement::Kind::kFeasible}));
}

TEST_F(Picker, RandomReachesEveryAvailableNode) {
  for (uint32_t id = 1; id <= 4; ++id) view.AddNode(NodeId{id}, Res(1));
  view.Deduct(NodeId{3}, Res(1));
  std::set<uint32_t> picked;
  for (int i = 0; i < 200; ++i) picked.insert(Pick(With(Kind::kRandom)).node.value);
  EXPECT_EQ(picked, (std::set<uint32_t>{1, 2, 4}));
}

TEST_F(Picker, HardAffinityIsThatNodeOrNothing) {
  view.AddNode(NodeId{1}, Res(4));
  view.AddNode(NodeId{2}, Res(2));
  EXPECT_EQ(Pick(Affinity(2, false)), Available(2));
  EXPECT_EQ(Pick(Affinity(2, false), 2), Available(2)) << "it has no other choice";
  view.Deduct(NodeId{2}, Res(2));
  EXPECT_EQ(Pick(Affinity(2, false)), Feasible(2));
  EXPECT_EQ(Pick(Affinity(2, false), 0, true), (Placement{NodeId{}, Placement::Kind::kFeasible}));
  EXPECT_EQ(Pick(Affinity(2, false, 3)), Infeasible());
  EXPECT_EQ(Pick(Affinity(7, false)), Infeasible());
  view.SetDraining(NodeId{2}, true);
  EXPECT_EQ(Pick(Affinity(2, false)), Infeasible());
}

TEST_F(Picker, SoftAffinityFallsBackWhenTheNodeCannotEver) {
  view.AddNode(NodeId{1}, Res(4));
  view.AddNode(NodeId{2}, Res(2));
  view.Deduct(NodeId{2}, Res(2));
  EXPECT_EQ(Pick(Affinity(2, true)), Feasible(2)) << "busy is not gone";
  EXPECT_EQ(Pick(Affinity(2, true), 2), Available(1));
  EXPECT_EQ(Pick(Affinity(2, true, 3)), Available(1));
  EXPECT_EQ(Pick(Affinity(7, true)), Available(1));
}

TEST_F(Picker, AffinityStillNeedsTheHardLabels) {
  view.AddNode(NodeId{1}, Res(4), {{"zone", "a"}});
  SchedulingRequest request = Affinity(1, false);
  request.strategy.hard_labels = {In("zone", {"b"})};
  EXPECT_EQ(Pick(request), Infeasible());
}

TEST_F(Picker, LabelOperators) {
  view.AddNode(NodeId{1}, Res(4), {{"zone", "a"}});
  view.AddNode(NodeId{2}, Res(4), {{"zone", "b"}, {"ssd", "yes"}});
  view.AddNode(NodeId{3}, Res(4));
  using Op = LabelExpression::Op;
  EXPECT_EQ(Pick(Ask(Res(1), {In("zone", {"b", "c"})})), Available(2));
  EXPECT_EQ(Pick(Ask(Res(1), {{"zone", Op::kNotIn, {"a", "b"}}})), Available(3));
  EXPECT_EQ(Pick(Ask(Res(1), {{"ssd", Op::kExists, {}}})), Available(2));
  EXPECT_EQ(Pick(Ask(Res(1), {{"zone", Op::kDoesNotExist, {}}})), Available(3));
  EXPECT_EQ(Pick(Ask(Res(1), {In("zone", {"a"}), In("zone", {"b"})})), Infeasible());
}

// Each selector in turn: first over the nodes that can take it now, then over those that could.
TEST_F(Picker, FallbacksInOrder) {
  for (const char* zone : {"c", "b", "a"})
    view.AddNode(NodeId{static_cast<uint32_t>('d' - *zone)}, Res(2), {{"zone", zone}});
  SchedulingRequest request = Ask(Res(1), {In("zone", {"x"})});
  request.strategy.fallbacks = {{In("zone", {"b"})}, {In("zone", {"c"})}};
  EXPECT_EQ(Pick(request), Available(2)) << "no node has the first";
  request.strategy.hard_labels = {In("zone", {"a"})};
  EXPECT_EQ(Pick(request), Available(3));
  EXPECT_EQ(Pick(request, 3), Available(2));
  view.Deduct(NodeId{3}, Res(2));
  EXPECT_EQ(Pick(request), Available(2)) << "who can take it now comes before who must wait";
  view.Deduct(NodeId{2}, Res(2));
  EXPECT_EQ(Pick(request), Available(1));
  view.Deduct(NodeId{1}, Res(2));
  EXPECT_EQ(Pick(request), Feasible(3)) << "all are busy: the first choice again";
  EXPECT_EQ(Pick(request, 0, true), (Placement{NodeId{}, Placement::Kind::kFeasible}));
  request.resources = Res(3);
  EXPECT_EQ(Pick(request), Infeasible());
}

TEST_F(Picker, FallbacksCountForANodeThatIsNamed) {
  view.AddNode(NodeId{1}, Res(4), {{"zone", "a"}});
  SchedulingRequest request = Affinity(1, false);
  request.strategy.hard_labels = {In("zone", {"b"})};
  request.strategy.fallbacks = {{In("zone", {"c"})}};
  EXPECT_EQ(Pick(request), Infeasible());
  request.strategy.fallbacks.push_back({In("zone", {"a"})});
  EXPECT_EQ(Pick(request), Available(1));
}

TEST_F(Picker, PreferredLabelsComeFirstWithinEachFallback) {
  view.AddNode(NodeId{1}, Res(2), {{"zone", "b"}});
  view.AddNode(NodeId{2}, Res(2), {{"zone", "b"}, {"disk", "ssd"}});
  view.AddNode(NodeId{3}, Res(2), {{"zone", "a"}});
  SchedulingRequest request = Ask(Res(1), {In("zone", {"a"})});
  request.strategy.soft_labels = {In("disk", {"ssd"})};
  request.strategy.fallbacks = {{In("zone", {"b"})}};
  EXPECT_EQ(Pick(request), Available(3)) << "the first choice without the preferred before a fallback with it";
  EXPECT_EQ(Pick(request, 3), Available(2));
}

// hard∧soft∧available, hard∧available, hard∧soft∧feasible, hard∧feasible: as nodes fill up, in that order.
TEST_F(Picker, LabelStagesInOrder) {
  const Labels hard_and_soft = {{"zone", "a"}, {"ssd", "yes"}}, hard = {{"zone", "a"}};
  view.AddNode(NodeId{1}, Res(9), {{"ssd", "yes"}});  // never: the hard label is missing
  view.AddNode(NodeId{2}, Res(1), hard);
  view.AddNode(NodeId{3}, Res(1), hard_and_soft);
  const SchedulingRequest request = Ask(Res(1), {In("zone", {"a"})}, {In("ssd", {"yes"})});
  EXPECT_EQ(Pick(request), Available(3));
  view.Deduct(NodeId{3}, Res(1));
  EXPECT_EQ(Pick(request), Available(2));
  view.Deduct(NodeId{2}, Res(1));
  EXPECT_EQ(Pick(request), Feasible(3));
  EXPECT_EQ(Pick(request, 0, true), (Placement{NodeId{}, Placement::Kind::kFeasible}));
  view.RemoveNode(NodeId{3});
  EXPECT_EQ(Pick(request), Feasible(2));
  view.RemoveNode(NodeId{2});
  EXPECT_EQ(Pick(request), Infeasible());
}

TEST_F(Picker, LabelsApplyToSpreadAndRandomToo) {
  for (uint32_t id = 1; id <= 4; ++id) view.AddNode(NodeId{id}, Res(4), {{"half", id <= 2 ? "low" : "high"}});
  SchedulingRequest spread = With(Kind::kSpread);
  spread.strategy.hard_labels = {In("half", {"high"})};
  EXPECT_EQ(Pick(spread), Available(3));
  EXPECT_EQ(Pick(spread), Available(4));
  EXPECT_EQ(Pick(spread), Available(3));
  SchedulingRequest random_soft = With(Kind::kRandom);
  random_soft.strategy.soft_labels = {In("half", {"low"})};
  for (int i = 0; i < 50; ++i) EXPECT_LE(Pick(random_soft).node.value, 2u);
}

// What HybridKeepsLocal promises: then the policy picks the local node in any cluster around it.
TEST(HybridKeepsLocal, ImpliesThatThePolicyPicksTheLocalNode) {
  int kept = 0, refused = 0;
  for (uint64_t seed = 1; seed <= 2000; ++seed) {
    Random random(seed);
    const PolicyOptions options;
    const auto picker = NodePicker::Make("hybrid", options).value();
    const ResourceSet total = Res(8, random.Chance(0.3) ? 2 : 0, 100);
    NodeResourceInstances local(total, {{"zone", "a"}});
    local.Allocate(Res(static_cast<double>(random.Below(9))), GpuChoice::kLeastLeft, random);
    ClusterView view;
    for (uint32_t id = 1; id <= 1 + random.Below(8); ++id) {
      view.AddNode(NodeId{id}, Res(8, random.Chance(0.3) ? 2 : 0, 100), {{"zone", random.Chance(0.5) ? "a" : "b"}});
      view.Deduct(NodeId{id}, Res(static_cast<double>(random.Below(9))));
    }
    view.AddNode(NodeId{50}, total, local.labels());
    view.SetAvailable(NodeId{50}, local.available(), local.gpu_free());
    SchedulingRequest request = Ask(Res(1, random.Chance(0.3) ? 0.5 : 0));
    if (random.Chance(0.3)) request.strategy.soft_labels = {In("zone", {random.Chance(0.5) ? "a" : "b"})};
    const bool keeps = HybridKeepsLocal(local, request, options);
    (keeps ? kept : refused)++;
    if (!keeps) continue;
    ASSERT_EQ(picker->PickNode(view, {request, NodeId{50}}, random), Available(50)) << "seed " << seed;
  }
  EXPECT_GT(kept, 300);
  EXPECT_GT(refused, 300);
}

TEST(LocalFirst, OnlyHybrid) {
  for (const std::string& name : PolicyNames()) EXPECT_EQ(LocalFirst(name), name == "hybrid");
}

}  // namespace
}  // namespace orrery
