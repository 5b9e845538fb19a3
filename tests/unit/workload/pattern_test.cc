// Patterns of objects as graphs, and when their references are let go.
#include "sim/workload/pattern.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "sim/workload/source.h"

namespace orrery {
namespace {

PatternSpec Pattern(PatternSpec::Kind kind) {
  PatternSpec spec;
  spec.kind = kind;
  spec.size = 1 << 20;
  spec.task.duration = spec.reader.duration = Distribution::Deterministic(1);
  return spec;
}

DagSpec Expand(const PatternSpec& spec, uint64_t seed = 1) {
  Random random(seed);
  return ExpandPattern(spec, random);
}

// How many tasks take each output of task `task`.
int64_t Takers(const DagSpec& dag, DagSpec::Input output) {
  int64_t takers = 0;
  for (const auto& node : dag.tasks) takers += std::count(node.inputs.begin(), node.inputs.end(), output);
  return takers;
}

TEST(Pattern, BroadcastBindsAConsumerToEachNode) {
  PatternSpec spec = Pattern(PatternSpec::Kind::kBroadcast);
  spec.readers = spec.nodes = 4;
  const DagSpec dag = Expand(spec);
  ASSERT_EQ(dag.tasks.size(), 5u);
  EXPECT_TRUE(dag.tasks[0].put);
  EXPECT_EQ(Takers(dag, {0, 0}), 4);
  EXPECT_EQ(dag.tasks[3].task.strategy.affinity_node, 2u);
  EXPECT_FALSE(dag.tasks[3].task.strategy.soft);
  EXPECT_EQ(dag.order.size(), 4u);
}

TEST(Pattern, ShuffleConnectsEveryMapWithEveryReduceOnce) {
  PatternSpec spec = Pattern(PatternSpec::Kind::kShuffle);
  spec.objects = 3;
  spec.readers = 5;
  const DagSpec dag = Expand(spec);
  ASSERT_EQ(dag.tasks.size(), 8u);
  for (int64_t map = 0; map < 3; ++map) {
    EXPECT_EQ(dag.tasks[static_cast<size_t>(map)].task.outputs.size(), 5u);
    for (int64_t reduce = 0; reduce < 5; ++reduce) EXPECT_EQ(Takers(dag, {map, reduce}), 1);
  }
}

TEST(Pattern, AllReduceIsATree) {
  for (const int64_t width : {1, 2, 7, 16}) {
    PatternSpec spec = Pattern(PatternSpec::Kind::kAllReduce);
    spec.width = width;
    spec.fan_in = 3;
    const DagSpec dag = Expand(spec);
    int64_t roots = 0;
    for (size_t i = 0; i < dag.tasks.size(); ++i) {
      if (dag.tasks[i].task.outputs.empty()) continue;
      const int64_t takers = Takers(dag, {static_cast<int64_t>(i), 0});
      EXPECT_TRUE(takers == 1 || takers == width);
      roots += takers == width;
      EXPECT_LE(dag.tasks[i].inputs.size(), 3u);
    }
    EXPECT_GE(roots, 1);
  }
}

TEST(Pattern, SpillReadsNothingBeforeAllIsMade) {
  PatternSpec spec = Pattern(PatternSpec::Kind::kSpill);
  spec.objects = 4;
  spec.readers = 2;
  const DagSpec dag = Expand(spec);
  ASSERT_EQ(dag.tasks.size(), 4u + 1 + 8);
  EXPECT_EQ(dag.tasks[4].after, (std::vector<int64_t>{0, 1, 2, 3}));
  for (size_t i = 5; i < dag.tasks.size(); ++i) EXPECT_EQ(dag.tasks[i].after, (std::vector<int64_t>{4}));
  EXPECT_EQ(Takers(dag, {2, 0}), 2);
}

TEST(Pattern, HotFollowsZipfAndTheSeed) {
  PatternSpec spec = Pattern(PatternSpec::Kind::kHot);
  spec.objects = 10;
  spec.readers = 20'000;
  const DagSpec dag = Expand(spec);
  double harmonic = 0;
  for (int k = 1; k <= 10; ++k) harmonic += 1.0 / k;
  for (int64_t k : {1, 2, 5, 10})
    EXPECT_NEAR(static_cast<double>(Takers(dag, {k - 1, 0})), 20'000 / harmonic / static_cast<double>(k), 300);
  const auto first = [](const DagSpec& d) { return d.tasks[20].inputs[0]; };
  EXPECT_EQ(first(Expand(spec, 1)), first(Expand(spec, 1)));
}

TEST(Pattern, ChainsAreApart) {
  PatternSpec spec = Pattern(PatternSpec::Kind::kChain);
  spec.objects = 2;
  spec.width = 3;
  const DagSpec dag = Expand(spec);
  ASSERT_EQ(dag.tasks.size(), 6u);
  EXPECT_TRUE(dag.tasks[3].inputs.empty());
  EXPECT_EQ(dag.tasks[5].inputs, (std::vector<DagSpec::Input>{{4, 0}}));
  EXPECT_TRUE(dag.tasks[5].task.outputs.empty()) << "nobody takes what the last link makes";
}

// Notes the order of submissions and releases; ends everything at once when asked.
class Port final : public WorkloadPort {
 public:
  Duration Elapsed() const override { return {}; }
  void Submit(PlannedTask task) override {
    for (const TaskInput& input : task.inputs) EXPECT_FALSE(released.contains({input.number, input.position}));
    submitted.push_back(std::move(task));
  }
  void Release(uint64_t number, uint32_t position) override { ++released[{number, position}]; }
  void CreateGroup(const PlannedGroup&) override { ADD_FAILURE() << "patterns make no placement groups"; }
  void RemoveGroup(uint64_t) override { ADD_FAILURE() << "patterns make no placement groups"; }
  void KillActor(uint64_t) override { ADD_FAILURE() << "patterns make no actors"; }
  void WakeAt(Duration, uint64_t) override {}
  std::vector<PlannedTask> submitted;
  std::map<std::pair<uint64_t, uint32_t>, int> released;
};

void Play(WorkloadSource& source, Port& port) {
  source.Begin(port);
  source.OnWake(port, 0);
  for (size_t i = 0; i < port.submitted.size(); ++i) source.OnTaskEnded(port, port.submitted[i].number);
  EXPECT_TRUE(source.Exhausted());
}

TEST(References, EveryResultIsReleasedOnceAfterItsLastTaker) {
  for (const auto kind : {PatternSpec::Kind::kBroadcast, PatternSpec::Kind::kShuffle, PatternSpec::Kind::kAllReduce,
                          PatternSpec::Kind::kSpill, PatternSpec::Kind::kHot, PatternSpec::Kind::kChain}) {
    PatternSpec spec = Pattern(kind);
    spec.objects = 3;
    spec.readers = spec.width = 4;
    auto source = MakeSource({"s", spec}, Random(1)).value();
    Port port;
    Play(*source, port);
    size_t results = 0;
    for (const PlannedTask& task : port.submitted) {
      results += task.results.size();
      for (uint32_t i = 0; i < task.results.size(); ++i) {
        EXPECT_EQ((port.released[{task.number, i}]), 1) << static_cast<int>(kind) << " task " << task.name << " " << i;
      }
    }
    EXPECT_EQ(port.released.size(), results);
  }
}

TEST(References, PutsComeBeforeTasks) {
  PatternSpec spec = Pattern(PatternSpec::Kind::kBroadcast);
  spec.readers = 2;
  auto source = MakeSource({"s", spec}, Random(1)).value();
  Port port;
  source->Begin(port);
  source->OnWake(port, 0);
  ASSERT_EQ(port.submitted.size(), 1u);
  EXPECT_TRUE(port.submitted[0].put);
  EXPECT_FALSE(source->Exhausted());
  source->OnTaskEnded(port, 0);
  EXPECT_EQ(port.submitted.size(), 3u);
  EXPECT_EQ(source->Total(), 2u);
}

TEST(References, WaitingTakesAnEmptyResultBehindTheOutputs) {
  DagSpec dag;
  dag.tasks.resize(2);
  dag.tasks[0].task.outputs = {1 << 20};
  dag.tasks[1].after = {0};
  dag.order = {0, 1};
  auto source = MakeSource({"s", dag}, Random(1)).value();
  Port port;
  Play(*source, port);
  EXPECT_EQ(port.submitted[0].results, (std::vector<int64_t>{1 << 20, 0}));
  EXPECT_EQ(port.submitted[1].inputs, (std::vector<TaskInput>{{0, 1, 0}}));
}

TEST(References, AGraphWithoutObjectsReleasesNothing) {
  DagSpec dag;
  dag.tasks.resize(2);
  dag.tasks[1].after = {0};
  dag.order = {0, 1};
  auto source = MakeSource({"s", dag}, Random(1)).value();
  Port port;
  Play(*source, port);
  EXPECT_TRUE(port.released.empty());
  EXPECT_FALSE(source->MakesObjects());
}

}  // namespace
}  // namespace orrery
