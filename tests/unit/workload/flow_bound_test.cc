// The flow bound against costs worked out by hand, and against whole nodes found by trying everything.
#include "sim/workload/flow_bound.h"

#include <gtest/gtest.h>

#include <cmath>

#include "runtime/common/random.h"

namespace orrery {
namespace {

TEST(FlowBound, TakesTheCheapestCpuFirstAndTheNextWhenThatIsUsedUp) {
  const std::vector<FluidLoad> load = {{1, 0, 30}};
  EXPECT_NEAR(*FlowBound(load, {{4, 0, 0.2, 100}, {8, 0, 0.8, 100}}), 1.5, 1e-4);
  EXPECT_NEAR(*FlowBound(load, {{4, 0, 0.2, 5}, {8, 0, 0.8, 100}}), 5 * 0.2 + 10 * 0.1, 1e-4);
  EXPECT_FALSE(FlowBound(load, {{4, 0, 0.2, 5}}).has_value()) << "20 CPUs do not carry 30";
}

TEST(FlowBound, TasksFlowOnlyToNodesThatTheyFit) {
  const std::vector<FluidNodes> nodes = {{4, 0, 0.2, 100}, {16, 0, 1.6, 100}};
  EXPECT_NEAR(*FlowBound({{1, 0, 8}, {8, 0, 1}}, nodes), 0.4 + 0.8, 1e-4);
  EXPECT_FALSE(FlowBound({{32, 0, 1}}, nodes).has_value());
  // The only nodes with GPUs are needed for their GPUs, and dearer than all the CPUs.
  EXPECT_NEAR(*FlowBound({{1, 0, 8}, {2, 1, 4}}, {{4, 0, 0.2, 9}, {8, 2, 3, 9}}), 6, 1e-4);
}

TEST(FlowBound, CheapNodesGoToThoseThatFitNoOthers) {
  // Both fit the cheap nodes, but only small tasks fit the dear ones: a greedy choice for small tasks first costs more.
  const std::vector<FluidNodes> nodes = {{8, 0, 0.8, 2}, {2, 0, 0.8, 100}};
  EXPECT_NEAR(*FlowBound({{1, 0, 16}, {8, 0, 2}}, nodes), 1.6 + 6.4, 1e-4);
}

TEST(FlowBound, NothingCostsNothing) { EXPECT_EQ(FlowBound({}, {{4, 0, 0.2, 5}}), 0.0); }

// The cheapest numbers of whole nodes whose CPUs carry small and large tasks; large ones fit the second type alone.
double CheapestWhole(const std::vector<FluidLoad>& loads, const std::vector<FluidNodes>& nodes) {
  const double small = loads[0].cpus * loads[0].running, large = loads[1].cpus * loads[1].running;
  double best = INFINITY;
  for (int64_t a = 0; a <= nodes[0].most; ++a) {
    for (int64_t b = 0; b <= nodes[1].most; ++b) {
      const double of_b = nodes[1].cpus * static_cast<double>(b);
      const bool enough = large <= of_b && small + large <= of_b + nodes[0].cpus * static_cast<double>(a);
      if (enough)
        best = std::min(best, nodes[0].price * static_cast<double>(a) + nodes[1].price * static_cast<double>(b));
    }
  }
  return best;
}

TEST(FlowBound, IsNeverAboveWholeNodesAndOftenNear) {
  Random random(5);
  double bounds = 0, optima = 0;
  for (int round = 0; round < 300; ++round) {
    const auto draw = [&](uint64_t most) { return static_cast<double>(1 + random.Below(most)); };
    const std::vector<FluidLoad> loads = {{1, 0, draw(40)}, {6, 0, draw(5)}};
    const std::vector<FluidNodes> nodes = {{4, 0, draw(9), 6}, {8, 0, draw(20), 9}};
    const double whole = CheapestWhole(loads, nodes);
    const auto bound = FlowBound(loads, nodes);
    ASSERT_TRUE(bound.has_value() || std::isinf(whole));
    if (std::isinf(whole)) continue;
    EXPECT_LE(*bound, whole + 1e-3);
    bounds += *bound, optima += whole;
  }
  EXPECT_GT(bounds, 0.8 * optima);
}

}  // namespace
}  // namespace orrery
