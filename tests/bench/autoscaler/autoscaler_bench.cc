// One round of the demand scheduler: nodes in every state of fullness, pending demands of many shapes.
#include <chrono>
#include <cmath>
#include <string>
#include <vector>

#include "runtime/autoscaler/demand_scheduler.h"
#include "runtime/common/random.h"
#include "tests/bench/report.h"

namespace orrery {
namespace {

constexpr double kBudgetMs = 100;  // at 10,000 nodes and 100,000 demands

ResourceSet Draw(Random& random, int64_t cpus, int64_t gib, int64_t gpus) {
  ResourceSet set;
  set.Set(ResourceKind::kCpu, FixedPoint::Whole(1 + static_cast<int64_t>(random.Below(static_cast<uint64_t>(cpus)))));
  const int64_t memory = (1 + static_cast<int64_t>(random.Below(static_cast<uint64_t>(gib)))) << 30;
  set.Set(ResourceKind::kMemory, FixedPoint::Whole(memory));
  set.Set(ResourceKind::kGpu, FixedPoint::Whole(static_cast<int64_t>(random.Below(static_cast<uint64_t>(gpus) + 1))));
  return set;
}

AutoscalerConfig MakeConfig(int64_t nodes) {
  AutoscalerConfig config;
  config.upscaling_speed = 1000;
  for (int t = 0; t < 10; ++t) {
    NodeType type;
    type.name = "type-" + std::to_string(t);
    const int64_t cpus = int64_t{8} << (t % 5);
    type.resources.Set(ResourceKind::kCpu, FixedPoint::Whole(cpus));
    type.resources.Set(ResourceKind::kMemory, FixedPoint::Whole((cpus * (t < 5 ? 4 : 8)) << 30));
    if (t >= 7) type.resources.Set(ResourceKind::kGpu, FixedPoint::Whole(8));
    type.max_workers = nodes;
    type.price = static_cast<double>(cpus) * (t >= 7 ? 0.4 : 0.05);
    config.types.push_back(type);
  }
  return config;
}

ScalingInput MakeInput(const AutoscalerConfig& config, uint64_t nodes, uint64_t demands, uint64_t shapes) {
  Random random(3);
  ScalingInput input;
  for (uint64_t i = 0; i < nodes; ++i) {
    ScaledNode node;
    node.instance = i + 1;
    node.type = static_cast<uint32_t>(random.Below(config.types.size()));
    node.total = node.available = config.types[node.type].resources;
    node.labels = {{"orrery.io/instance", std::to_string(i)}};
    node.busy = true;
    // Partly used, hardly two alike: the hard case for grouping.
    const int64_t cpus = node.total.Get(ResourceKind::kCpu).raw / FixedPoint::kUnit;
    const int64_t gib = (node.total.Get(ResourceKind::kMemory).raw / FixedPoint::kUnit) >> 30;
    node.available -= Draw(random, cpus, gib, node.total.Get(ResourceKind::kGpu).raw / FixedPoint::kUnit);
    input.nodes.push_back(std::move(node));
  }
  for (uint64_t s = 0; s < shapes; ++s)
    input.demands.push_back({Draw(random, 16, 32, s % 5 == 0 ? 4 : 0), {}, demands / shapes});
  return input;
}

double RoundMs(const AutoscalerConfig& config, const ScalingInput& input, int repetitions) {
  std::vector<double> times;
  for (int i = 0; i < repetitions; ++i) {
    const auto start = std::chrono::steady_clock::now();
    const ScalingDecision decision = DecideScaling(config, input);
    times.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
    if (decision.launches.empty()) std::abort();  // the round must have had work to do
  }
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

int Main(int argc, char** argv) {
  const BenchOptions options = BenchOptions::Parse(argc, argv, {.repetitions = 5});
  const Report report(options, "autoscaler round, one core", "budget", "");
  for (const auto objective : {AutoscalerConfig::Objective::kUtilization, AutoscalerConfig::Objective::kCost}) {
    const bool cost = objective == AutoscalerConfig::Objective::kCost;
    const std::string suffix = cost ? ".cost_first" : "";
    double small = 0, large = 0;
    for (const uint64_t nodes : {100u, 1'000u, 10'000u}) {
      AutoscalerConfig config = MakeConfig(1'000'000);
      config.objective = objective;
      const double ms = RoundMs(config, MakeInput(config, nodes, nodes * 10, 50), options.repetitions);
      const bool whole = nodes == 10'000;  // the budget's size gives the figure its name
      report.Print("autoscaler_round_ms" + (whole ? "" : "." + std::to_string(nodes) + "_nodes") + suffix, ms, "ms",
                   whole ? kBudgetMs : 0);
      if (nodes == 100) small = ms;
      large = ms;
    }
    report.Print("autoscaler_round_growth" + suffix, std::log(large / small) / std::log(100.0), "");
  }
  return 0;
}

}  // namespace
}  // namespace orrery

int main(int argc, char** argv) { return orrery::Main(argc, argv); }
