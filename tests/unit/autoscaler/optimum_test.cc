// The scheduler's launches against the cheapest possible ones, found by trying everything.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>

#include "runtime/autoscaler/demand_scheduler.h"
#include "runtime/common/random.h"

namespace orrery {
namespace {

struct OpenNode {
  ResourceSet free;
};

// The least price of new nodes that hold items[at..], given the nodes opened so far.
void Search(const AutoscalerConfig& config, const std::vector<ResourceSet>& items, size_t at,
            std::vector<OpenNode>& open, double price, double& best) {
  if (price >= best) return;
  if (at == items.size()) {
    best = price;
    return;
  }
  for (size_t i = 0; i < open.size(); ++i) {
    if (!items[at].FitsIn(open[i].free)) continue;
    open[i].free -= items[at];
    Search(config, items, at + 1, open, price, best);
    open[i].free += items[at];
  }
  for (const NodeType& type : config.types) {
    if (!items[at].FitsIn(type.resources)) continue;
    open.push_back({type.resources});
    open.back().free -= items[at];
    Search(config, items, at + 1, open, price + type.price, best);
    open.pop_back();
  }
}

ResourceSet Draw(Random& random, int64_t cpus, int64_t gpus) {
  ResourceSet set;
  set.Set(ResourceKind::kCpu, FixedPoint::Whole(static_cast<int64_t>(1 + random.Below(static_cast<uint64_t>(cpus)))));
  if (gpus > 0)
    set.Set(ResourceKind::kGpu, FixedPoint::Whole(static_cast<int64_t>(random.Below(static_cast<uint64_t>(gpus) + 1))));
  return set;
}

struct Ratios {
  double worst = 0, sum = 0;
  int cases = 0, optimal = 0;
};

Ratios Compare(AutoscalerConfig::Objective objective) {
  Random random(7);
  Ratios ratios;
  for (int round = 0; round < 400; ++round) {
    AutoscalerConfig config;
    config.objective = objective;
    config.upscaling_speed = 1000;
    const uint64_t types = 1 + random.Below(3);
    for (uint64_t t = 0; t < types; ++t) {
      NodeType type;
      type.name = "t" + std::to_string(t);
      type.resources = Draw(random, 12, 2);
      type.max_workers = 100;
      type.price = 1 + static_cast<double>(random.Below(10));
      config.types.push_back(type);
    }
    ScalingInput input;
    std::vector<ResourceSet> items;
    const uint64_t shapes = 1 + random.Below(3);
    for (uint64_t s = 0; s < shapes; ++s) {
      DemandGroup group{Draw(random, 6, random.Below(3) == 0 ? 1 : 0), {}, 1 + random.Below(3)};
      const bool fits = std::any_of(config.types.begin(), config.types.end(),
                                    [&](const NodeType& type) { return group.resources.FitsIn(type.resources); });
      if (!fits) continue;
      for (uint64_t i = 0; i < group.count; ++i) items.push_back(group.resources);
      input.demands.push_back(group);
    }
    if (items.empty()) continue;
    double best = 1e300;
    std::vector<OpenNode> open;
    Search(config, items, 0, open, 0, best);
    double price = 0;
    const ScalingDecision decision = DecideScaling(config, input);
    for (const auto& launch : decision.launches)
      price += config.types[launch.type].price * static_cast<double>(launch.count);
    for (const auto& note : decision.notes) EXPECT_NE(note.what, "infeasible") << note.reason;
    EXPECT_GE(price, best - 1e-9) << "cheaper than the optimum: something was not served";
    ++ratios.cases;
    ratios.sum += price / best;
    ratios.worst = std::max(ratios.worst, price / best);
    ratios.optimal += price <= best + 1e-9;
  }
  std::printf("%d cases: %d optimal, cost ratio mean %.4f, worst %.3f\n", ratios.cases, ratios.optimal,
              ratios.sum / ratios.cases, ratios.worst);
  return ratios;
}

TEST(Optimum, CostFirstIsNearTheCheapestPossible) {
  const Ratios ratios = Compare(AutoscalerConfig::Objective::kCost);
  EXPECT_GT(ratios.cases, 300);
  EXPECT_LE(ratios.sum / ratios.cases, 1.02);
  EXPECT_LE(ratios.worst, 1.7);
}

TEST(Optimum, UtilizationFirstServesEverythingToo) {
  const Ratios ratios = Compare(AutoscalerConfig::Objective::kUtilization);
  EXPECT_GT(ratios.cases, 300);
}

}  // namespace
}  // namespace orrery
