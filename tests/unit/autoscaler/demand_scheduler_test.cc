// The rules of one round, each by a small cluster. Source of the rules: Ray's autoscaler v2 scheduler.
#include "runtime/autoscaler/demand_scheduler.h"

#include <gtest/gtest.h>

namespace orrery {
namespace {

ResourceSet Res(double cpu, double gpu = 0) {
  ResourceSet set = ResourceSet::Cpu(cpu);
  return set.Set(ResourceKind::kGpu, FixedPoint::FromDouble(gpu));
}

NodeType Type(const std::string& name, const ResourceSet& resources, int64_t max, int64_t min = 0, double price = 1) {
  NodeType type;
  type.name = name;
  type.resources = resources;
  type.min_workers = min;
  type.max_workers = max;
  type.price = price;
  return type;
}

AutoscalerConfig Config(std::vector<NodeType> types) {
  AutoscalerConfig config;
  config.types = std::move(types);
  config.upscaling_speed = 1000;
  return config;
}

ScaledNode Node(const AutoscalerConfig& config, uint64_t instance, uint32_t type, double free_cpu, Duration idle = {}) {
  ScaledNode node;
  node.instance = instance;
  node.type = type;
  node.total = config.types[type].resources;
  node.available = node.total;
  node.available.Set(ResourceKind::kCpu, FixedPoint::FromDouble(free_cpu));
  node.labels = config.types[type].labels;
  node.busy = node.available != node.total;
  node.idle = idle;
  return node;
}

std::string Text(const AutoscalerConfig& config, const ScalingDecision& decision) {
  std::string text;
  for (const auto& launch : decision.launches)
    text +=
        "launch " + std::to_string(launch.count) + " " + config.types[launch.type].name + ": " + launch.reason + "\n";
  for (const auto& end : decision.ends) text += "end " + std::to_string(end.instance) + ": " + end.reason + "\n";
  for (const auto& note : decision.notes)
    text += note.what + " " + std::to_string(note.count) + " " + note.type + ": " + note.reason + "\n";
  return text;
}

std::string Decide(const AutoscalerConfig& config, const ScalingInput& input) {
  return Text(config, DecideScaling(config, input));
}

TEST(DemandScheduler, NothingToDoIsNothing) { EXPECT_EQ(Decide(Config({Type("a", Res(4), 5)}), {}), ""); }

TEST(DemandScheduler, MinimumIsLaunchedWithoutDemandAndAtOnce) {
  AutoscalerConfig config = Config({Type("a", Res(4), 5, 3)});
  config.upscaling_speed = 1;
  EXPECT_EQ(Decide(config, {}), "launch 3 a: min_workers\n");
  ScalingInput two;
  two.nodes = {Node(config, 1, 0, 4), Node(config, 2, 0, 4)};
  two.nodes[1].running = false;
  EXPECT_EQ(DecideScaling(config, two).launches.front().count, 1);
}

TEST(DemandScheduler, PendingTasksUseFreeNodesFirst) {
  const AutoscalerConfig config = Config({Type("a", Res(4), 10)});
  ScalingInput input;
  input.nodes = {Node(config, 1, 0, 3)};
  input.demands = {{Res(1), {}, 9}};
  EXPECT_EQ(Decide(config, input), "launch 2 a: pending tasks and actors\n");
}

TEST(DemandScheduler, WhatIsOnItsWayCounts) {
  const AutoscalerConfig config = Config({Type("a", Res(4), 10)});
  ScalingInput input;
  input.demands = {{Res(1), {}, 8}};
  for (uint64_t i = 1; i <= 2; ++i) {
    ScaledNode node = Node(config, i, 0, 4);
    node.running = false;
    input.nodes.push_back(node);
  }
  EXPECT_EQ(Decide(config, input), "");
}

TEST(DemandScheduler, MaximaOfATypeAndOfAllBound) {
  AutoscalerConfig config = Config({Type("a", Res(4), 2), Type("b", Res(2), 10)});
  ScalingInput input;
  input.demands = {{Res(1), {}, 100}};
  config.max_workers = 5;
  EXPECT_EQ(Decide(config, input),
            "launch 2 a: pending tasks and actors\nlaunch 3 b: pending tasks and actors\n"
            "wait 86 : max_workers reached\n");
}

TEST(DemandScheduler, ATypeThatFailedLatelyIsReplacedByAnother) {
  const AutoscalerConfig config = Config({Type("a", Res(4), 9), Type("b", Res(2), 9)});
  ScalingInput input;
  input.demands = {{Res(1), {}, 4}};
  input.backed_off = {true, false};
  EXPECT_EQ(Decide(config, input), "launch 2 b: pending tasks and actors\n");
}

TEST(DemandScheduler, UpscalingSpeedBoundsWhatIsOnItsWay) {
  AutoscalerConfig config = Config({Type("a", Res(1), 100)});
  config.upscaling_speed = 1;
  ScalingInput input;
  input.demands = {{Res(1), {}, 50}};
  EXPECT_EQ(DecideScaling(config, input).launches.front().count, 1);
  for (uint64_t i = 1; i <= 4; ++i) input.nodes.push_back(Node(config, i, 0, 0));
  EXPECT_EQ(DecideScaling(config, input).launches.front().count, 4);
  input.nodes.push_back(Node(config, 5, 0, 1));
  input.nodes.back().running = false;
  EXPECT_EQ(DecideScaling(config, input).launches.front().count, 3);
}

TEST(DemandScheduler, CpuWorkAvoidsGpuNodesAndGpuWorkGetsThem) {
  const AutoscalerConfig config = Config({Type("gpu", Res(8, 4), 9), Type("cpu", Res(8), 9)});
  ScalingInput input;
  input.demands = {{Res(1), {}, 8}, {Res(1, 1), {}, 4}};
  EXPECT_EQ(Decide(config, input), "launch 1 gpu: pending tasks and actors\nlaunch 1 cpu: pending tasks and actors\n");
}

TEST(DemandScheduler, SharesOfAGpuDoNotAddUpAcrossGpus) {
  const AutoscalerConfig config = Config({Type("gpu", Res(8, 2), 9)});
  ScalingInput input;
  input.demands = {{Res(0, 0.6), {}, 3}};  // 1.8 GPUs, but each needs one of its own
  EXPECT_EQ(Decide(config, input), "launch 2 gpu: pending tasks and actors\n");
}

TEST(DemandScheduler, LabelsChooseTheType) {
  AutoscalerConfig config = Config({Type("a", Res(4), 9), Type("b", Res(4), 9)});
  config.types[1].labels = {{"zone", "north"}};
  ScalingInput input;
  input.demands = {{Res(1), {{"zone", LabelExpression::Op::kIn, {"north"}}}, 1}};
  EXPECT_EQ(Decide(config, input), "launch 1 b: pending tasks and actors\n");
  input.demands[0].labels[0].values = {"south"};
  EXPECT_EQ(Decide(config, input),
            "infeasible 1 : no node type has the labels it asks for; 'a' would be large enough\n");
}

TEST(DemandScheduler, WhatNoTypeCanHoldNamesTheNearest) {
  const AutoscalerConfig config = Config({Type("small", Res(4), 9), Type("big", Res(64), 9)});
  ScalingInput input;
  input.demands = {{Res(128), {}, 2}};
  EXPECT_EQ(Decide(config, input),
            "infeasible 2 : no node type can hold {CPU: 128}; the nearest, 'big', has {CPU: 64}\n");
}

TEST(DemandScheduler, TheFloorCountsTotalsOfAllNodesAndKeepsThemFromIdling) {
  const AutoscalerConfig config = Config({Type("a", Res(4), 9)});
  ScalingInput input;
  input.floor = {{Res(4), {}, 3}};
  input.nodes = {Node(config, 1, 0, 0), Node(config, 2, 0, 4, Duration::Seconds(10'000))};
  EXPECT_EQ(Decide(config, input), "launch 1 a: request_resources\nkeep 1 a: request_resources\n");
  input.floor.clear();
  EXPECT_EQ(Decide(config, input), "end 2: idle for idle_timeout\n");
}

TEST(DemandScheduler, AGangIsAllOrNothing) {
  AutoscalerConfig config = Config({Type("a", Res(4), 3)});
  ScalingInput input;
  input.gangs = {{BundleStrategy::kPack, {{Res(4), {}, 4}}}};
  EXPECT_EQ(Decide(config, input), "wait 1 : max_workers reached\n");
  config.types[0].max_workers = 4;
  EXPECT_EQ(Decide(config, input), "launch 4 a: placement group\n");
}

TEST(DemandScheduler, StrictGangs) {
  const AutoscalerConfig config = Config({Type("a", Res(4), 9), Type("b", Res(8), 9)});
  ScalingInput input;
  input.gangs = {{BundleStrategy::kStrictPack, {{Res(2), {}, 4}}}};
  EXPECT_EQ(Decide(config, input), "launch 1 b: placement group\n");
  input.gangs = {{BundleStrategy::kStrictSpread, {{Res(1), {}, 3}}}};
  const ScalingDecision spread = DecideScaling(config, input);
  int64_t nodes = 0;
  for (const auto& launch : spread.launches) nodes += launch.count;
  EXPECT_EQ(nodes, 3);
}

TEST(DemandScheduler, TasksUseWhatGangsLeave) {
  const AutoscalerConfig config = Config({Type("a", Res(4), 9)});
  ScalingInput input;
  input.gangs = {{BundleStrategy::kPack, {{Res(3), {}, 2}}}};
  input.demands = {{Res(1), {}, 2}};
  EXPECT_EQ(Decide(config, input), "launch 2 a: placement group\n");
}

TEST(DemandScheduler, IdleNodesGoLongestIdleFirstDownToTheMinimum) {
  AutoscalerConfig config = Config({Type("a", Res(4), 9, 1)});
  ScalingInput input;
  input.nodes = {Node(config, 1, 0, 4, Duration::Seconds(400)), Node(config, 2, 0, 4, Duration::Seconds(500)),
                 Node(config, 3, 0, 4, Duration::Seconds(10)), Node(config, 4, 0, 1)};
  EXPECT_EQ(Decide(config, input),
            "end 2: idle for idle_timeout\nend 1: idle for idle_timeout\nkeep 1 a: idle for less than idle_timeout\n");
  input.nodes.pop_back();
  input.nodes.pop_back();
  EXPECT_EQ(Decide(config, input), "end 2: idle for idle_timeout\nkeep 1 a: min_workers\n");
  config.types[0].idle_timeout = Duration::Seconds(450);
  EXPECT_EQ(Decide(config, input), "end 2: idle for idle_timeout\nkeep 1 a: idle for less than idle_timeout\n");
}

TEST(DemandScheduler, AnIdleNodeThatPendingDemandWillUseStays) {
  const AutoscalerConfig config = Config({Type("a", Res(4), 9)});
  ScalingInput input;
  input.nodes = {Node(config, 1, 0, 4, Duration::Seconds(400))};
  input.demands = {{Res(1), {}, 1}};
  EXPECT_EQ(Decide(config, input), "keep 1 a: pending demand will use it\n");
}

// Whoever asks why a node without running work stays must find a line about it.
TEST(DemandScheduler, ANodeThatIsBusyWithoutUsingAnythingIsKeptForAReason) {
  const AutoscalerConfig config = Config({Type("a", Res(4), 9)});
  ScalingInput input;
  input.nodes = {Node(config, 1, 0, 4, Duration::Seconds(400)), Node(config, 2, 0, 3), Node(config, 3, 0, 4)};
  input.nodes[0].busy = input.nodes[1].busy = input.nodes[2].busy = true;
  input.nodes[2].total = input.nodes[2].available = {};  // has not said yet what it has
  EXPECT_EQ(Decide(config, input), "keep 1 a: has objects or work, though nothing of it is in use\n");
}

TEST(DemandScheduler, TheHeadAndForeignNodesAreNeverEnded) {
  const AutoscalerConfig config = Config({Type("a", Res(4), 9)});
  ScalingInput input;
  input.nodes = {Node(config, 0, 0, 4, Duration::Seconds(4000)), Node(config, 7, 0, 4, Duration::Seconds(4000))};
  input.nodes[0].type = ScaledNode::kNoType;
  input.nodes[1].head = true;
  EXPECT_EQ(Decide(config, input), "");
}

TEST(DemandScheduler, AboveTheMaximumTheOnesOnTheirWayGoFirst) {
  AutoscalerConfig config = Config({Type("a", Res(4), 1)});
  ScalingInput input;
  input.nodes = {Node(config, 1, 0, 0), Node(config, 2, 0, 4), Node(config, 3, 0, 0)};
  input.nodes[2].running = false;
  EXPECT_EQ(Decide(config, input), "end 3: above max_workers of its type\nend 2: above max_workers of its type\n");
}

TEST(DemandScheduler, WhatIsGoingCountsForTheMaximumUntilItIsGone) {
  const AutoscalerConfig config = Config({Type("a", Res(4), 2, 2)});
  ScalingInput input;
  input.nodes = {Node(config, 1, 0, 4), Node(config, 2, 0, 4)};
  input.nodes[0].draining = true;
  input.demands = {{Res(4), {}, 2}};
  EXPECT_EQ(Decide(config, input), "keep 1 a: pending demand will use it\nwait 1 : max_workers reached\n");
}

TEST(DemandScheduler, ANodeWhoseTypeIsGoneEnds) {
  const AutoscalerConfig config = Config({Type("a", Res(4), 1)});
  ScalingInput input;
  input.nodes = {Node(config, 1, 0, 4)};
  input.nodes[0].type = ScaledNode::kNoType;
  EXPECT_EQ(Decide(config, input), "end 1: its node type is no longer configured\n");
}

TEST(DemandScheduler, CostFirstTakesTheCheapestMixture) {
  AutoscalerConfig config = Config({Type("small", Res(4), 99, 0, 1), Type("big", Res(16), 99, 0, 3)});
  ScalingInput input;
  input.demands = {{Res(1), {}, 20}};
  config.objective = AutoscalerConfig::Objective::kCost;
  EXPECT_EQ(Decide(config, input),
            "launch 1 small: pending tasks and actors\nlaunch 1 big: pending tasks and actors\n");
}

TEST(DemandScheduler, BadConfigurationsAreNamed) {
  const auto why = [](const AutoscalerConfig& config) { return ValidateConfig(config).message(); };
  EXPECT_TRUE(ValidateConfig(Config({Type("a", Res(4), 1)})).ok());
  EXPECT_EQ(why(Config({Type("a", Res(4), 1, 2)})), "node type 'a': min_workers (2) is above max_workers (1)");
  EXPECT_EQ(why(Config({Type("a", Res(4), 1), Type("a", Res(4), 1)})), "node type 'a': there are two of this name");
  EXPECT_EQ(why(Config({Type("a", ResourceSet(), 1)})), "node type 'a': it has no resources");
  AutoscalerConfig few = Config({Type("a", Res(4), 5, 3)});
  few.max_workers = 2;
  EXPECT_EQ(why(few), "max_workers (2) is below the sum of all min_workers (3)");
}

}  // namespace
}  // namespace orrery
