// Scores of the packing policies, worked out by hand from their formulas, and what follows for the choice of nodes.
#include <gtest/gtest.h>

#include "runtime/scheduling/ranking.h"
#include "tests/unit/scheduling/builders.h"

namespace orrery {
namespace {

NodeView Node(double cpu_free, GpuFree gpu_free) {
  NodeView node;
  node.id = NodeId{1};
  FixedPoint sum;
  for (const FixedPoint left : gpu_free) sum += left;
  node.total = Res(128, static_cast<double>(gpu_free.size()));
  node.available = Res(cpu_free).Set(ResourceKind::kGpu, sum);
  node.gpu_free = std::move(gpu_free);
  return node;
}
GpuFree Gpus(std::initializer_list<double> shares) {
  GpuFree free;
  for (const double share : shares) free.push_back(F(share));
  return free;
}

TEST(PackingScores, BestFitPrefersWhatIsNearlyFull) {
  const PolicyOptions options;
  // 100·(1 − ½·(64−32)/128 − ½·(4−1)/8) = 100·(1 − 0.125 − 0.1875) = 68.75
  EXPECT_EQ(ScoreBestFit(Node(64, Gpus({1, 1, 1, 1})), Res(32, 1), options), 68);
  EXPECT_EQ(ScoreBestFit(Node(32, Gpus({1})), Res(32, 1), options), 100) << "nothing would be left";
  // 100·(1 − ½·128/128 − ½·8/8) = 0
  EXPECT_EQ(ScoreBestFit(Node(128, Gpus({1, 1, 1, 1, 1, 1, 1, 1})), Res(0), options), 0);
}

TEST(PackingScores, DotProductPrefersMisalignment) {
  const PolicyOptions options;
  // 100·(1 − ½·(64/128·32/128 + 4/8·1/8)) = 100·(1 − ½·(0.125 + 0.0625)) = 90.625
  EXPECT_EQ(ScoreDotProduct(Node(64, Gpus({1, 1, 1, 1})), Res(32, 1), options), 90);
  EXPECT_EQ(ScoreDotProduct(Node(128, Gpus({1, 1, 1, 1, 1, 1, 1, 1})), Res(128, 8), options), 0);
}

struct PackingCase {
  const char* why;
  GpuFree free;
  double request;
  int64_t score;
};
TEST(PackingScores, GpuPackingTiers) {
  const PackingCase cases[] = {
      {"no GPU asked", Gpus({0.5, 1}), 0, 0},
      {"empty node: 33 − its GPUs", Gpus({1, 1}), 0.5, 31},
      {"empty node of 8", Gpus({1, 1, 1, 1, 1, 1, 1, 1}), 1, 25},
      {"started GPU suffices: 100 − 60/10", Gpus({0.6, 1}), 0.5, 94},
      {"the fullest that fits is meant: 100 − 50/10", Gpus({0.9, 0.5, 1}), 0.5, 95},
      {"a free GPU of a used node: 50 − 1", Gpus({0.3, 1}), 0.5, 49},
      {"three free GPUs of a used node: 50 − 3", Gpus({0.3, 1, 1, 1}), 3, 47},
  };
  for (const PackingCase& c : cases) EXPECT_EQ(ScoreGpuPacking(Node(64, c.free), Res(1, c.request)), c.score) << c.why;
}

TEST(PackingPolicies, TiesGoToTheLeastId) {
  for (const char* name : {"best_fit", "dot_product", "gpu_packing", "fgd"}) {
    ClusterView view;
    for (const uint32_t id : {4u, 2u, 3u}) view.AddNode(NodeId{id}, Res(64, 4));
    Random random;
    const SchedulingRequest request = Ask(Res(1, 1));
    EXPECT_EQ(MakePolicy(name).value()->Pick(view, {request}, random), Available(2)) << name;
  }
}

TEST(PackingPolicies, MemoryFiltersToo) {
  for (const char* name : {"best_fit", "dot_product", "gpu_packing", "fgd", "random"}) {
    ClusterView view;
    view.AddNode(NodeId{1}, Res(64, 4, 10));
    view.AddNode(NodeId{2}, Res(64, 4, 20));
    Random random;
    const SchedulingRequest request = Ask(Res(1, 1, 15));
    EXPECT_EQ(MakePolicy(name).value()->Pick(view, {request}, random), Available(2)) << name;
  }
}

TEST(PackingPolicies, BusyNodesByLoadThenId) {
  ClusterView view;
  for (uint32_t id = 1; id <= 3; ++id) view.AddNode(NodeId{id}, Res(10));
  view.Deduct(NodeId{1}, Res(10));
  view.Deduct(NodeId{2}, Res(9));
  view.Deduct(NodeId{3}, Res(9));
  Random random;
  const SchedulingRequest request = Ask(Res(2));
  EXPECT_EQ(MakePolicy("best_fit").value()->Pick(view, {request}, random), Feasible(2));
}

TEST(PackingPolicies, ChooseGpusInTheirOwnWay) {
  const PolicyOptions fgd_options = [] {
    PolicyOptions options;
    options.typical_pods = std::vector<TypicalPod>{{Res(1, 0.7), {}, 1}};
    return options;
  }();
  NodeView node = Node(64, Gpus({1, 0.7, 0.6}));
  Random random;
  const auto index = [&](std::string_view name) {
    return MakePolicy(name, fgd_options).value()->PickGpus(node, Res(1, 0.2), random)->parts[0].first;
  };
  EXPECT_EQ(index("best_fit"), 2u) << "least left";
  EXPECT_EQ(index("gpu_packing"), 2u);
  EXPECT_EQ(index("fgd"), 2u) << "0.6 is a fragment already";
  node.gpu_free[2] = F(0.1);
  node.available.Set(ResourceKind::kGpu, F(1.8));
  EXPECT_EQ(index("best_fit"), 1u);
  EXPECT_EQ(index("fgd"), 0u) << "0.8 still holds a 0.7; 0.5 would not";
  EXPECT_FALSE(MakePolicy("best_fit").value()->PickGpus(node, Res(1, 2), random));
}

}  // namespace
}  // namespace orrery
