#include "sim/scenario/scenario.h"

#include <gtest/gtest.h>

namespace orrery {
namespace {

constexpr char kEverything[] = R"yaml(
name: everything
description: one of each
cluster:
  node_types:
    - {name: big, count: 2, resources: {CPU: 8, memory: 4GiB, GPU: 2, FPGA: 500m},
       labels: {zone: a}, speed: 2, boot_time: 1m, price: 0.5}
    - {name: small, min: 1, max: 10, resources: {CPU: 2, object_store_memory: 512MB}}
  network: {latency: 20us, bandwidth: 10Gbps, topology: racks, rack_size: 16, oversubscription: 4}
  head: small
  cost_profile: zero
  worker_startup_time: {kind: uniform, min: 10ms, max: 20ms}
workload:
  - generator:
      kind: open
      arrival: {kind: pareto, shape: 1.5}
      rate: 10/s
      until: 1m
      at: 5s
      task: {name: t, duration: 100ms, cpus: 500m, gpus: 1, memory: 1GiB, resources: {FPGA: 0.5}, max_retries: 2,
             work: spin, allocate: 16MiB, strategy: spread,
             labels: {zone: "in(a, b)", kind: "!x"}, soft_labels: {disk: ssd},
             fallback_labels: [{zone: d}, {}]}
  - generator: {kind: closed, clients: 4, think_time: 1s, count: 100,
                task: {duration: 1s, strategy: {node: 1, soft: true}}}
  - generator: {kind: burst, size: 10, every: 2s, count: 30, task: {duration: 1s}}
  - generator: {kind: fork_join, width: 5, stages: 3, task: {duration: 1s}}
  - name: graph
    dag: {tasks: [{name: a, duration: 1s}, {name: b, duration: 2s, after: a}, {name: c, duration: 1s, after: [a, b]}],
          order: [b, a, c]}
  - trace: {format: csv, path: t.csv, time_scale: 0.1, limit: 50, on_bad_row: drop,
            mapping: {submit_time: {column: when, unit: ms}, duration: length_s}}
policy: {placement: best_fit, task_max_retries: 5, worker_idle_timeout: 2s}
faults:
  - {at: 2s, kind: partition, target: ["node:1", "type:big"], for: 5s}
  - {at: 1s, kind: kill_worker}
  - {at: 3s, kind: slow_node, target: head, factor: 0.5, for: 1s}
  - {at: 4s, kind: delay_messages, target: all, delay: {kind: exponential, mean: 5ms},
     probability: 10%, message: PushTask}
checks:
  - all_tasks_finish: true
  - {name: slo, max: {metric: wait_s.p95, value: 60s}}
  - near: {metric: wait_s.mean, value: 0.8769, tolerance: 2%, seeds: mean}
  - near: {metric: gpu_allocation_percent.at_100, value: 86.3, tolerance: 0.3}
  - min: {metric: utilization, value: 80%}
  - littles_law: 2%
run: {seeds: [3, 5], time_limit: 1h, warmup: 100, outputs: [summary, tasks]}
)yaml";

class Everything : public testing::Test {
 protected:
  void SetUp() override {
    Result<Scenario> parsed = ParseScenario(kEverything, "dir/everything.yaml");
    ASSERT_TRUE(parsed.ok()) << parsed.status().message();
    scenario_ = std::move(parsed).value();
  }
  const GeneratorSpec& Generator(size_t i) { return std::get<GeneratorSpec>(scenario_.workload.sources[i].what); }
  Scenario scenario_;
};

TEST_F(Everything, Cluster) {
  const ClusterSpec& cluster = scenario_.cluster;
  ASSERT_EQ(cluster.node_types.size(), 2u);
  EXPECT_EQ(ToString(cluster.node_types[0].resources), "{CPU: 8, memory: 4294967296, GPU: 2, FPGA: 0.5}");
  EXPECT_EQ(cluster.node_types[0].labels, (Labels{{"zone", "a"}}));
  EXPECT_EQ(cluster.node_types[0].speed, 2);
  EXPECT_EQ(cluster.node_types[0].boot_time, Duration::Seconds(60));
  EXPECT_EQ(cluster.node_types[1].count, 1);
  EXPECT_EQ(cluster.node_types[1].max, 10);
  EXPECT_EQ(cluster.network.topology, NetworkSpec::Topology::kRacks);
  EXPECT_EQ(cluster.network.rack_size, 16);
  EXPECT_EQ(cluster.network.latency, Duration::Micros(20));
  EXPECT_EQ(cluster.cost_profile.kind, CostProfileSpec::Kind::kZero);
  EXPECT_DOUBLE_EQ(Mean(cluster.worker_startup_time), 0.015);
}

TEST_F(Everything, NodesStartWithTheHead) {
  const auto nodes = ExpandNodes(scenario_.cluster);
  ASSERT_TRUE(nodes.ok());
  ASSERT_EQ(nodes.value().size(), 3u);
  EXPECT_EQ(nodes.value()[0].name, "small-0");
  EXPECT_EQ(nodes.value()[1].name, "big-0");
  EXPECT_EQ(nodes.value()[2].name, "big-1");
}

TEST_F(Everything, OpenGenerator) {
  const GeneratorSpec& open = Generator(0);
  EXPECT_EQ(open.interarrival.kind, Distribution::Kind::kPareto);
  EXPECT_NEAR(Mean(open.interarrival), 0.1, 1e-12);
  EXPECT_EQ(open.at, Duration::Seconds(5));
  EXPECT_EQ(open.count, 0);
  const TaskSpec& task = open.task;
  EXPECT_EQ(ToString(task.resources), "{CPU: 0.5, memory: 1073741824, GPU: 1, FPGA: 0.5}");
  EXPECT_EQ(task.max_retries, 2);
  EXPECT_EQ(task.work, TaskSpec::Work::kSpin);
  EXPECT_EQ(task.allocate_bytes, 16 << 20);
  EXPECT_EQ(task.strategy.kind, SchedulingStrategy::Kind::kSpread);
  ASSERT_EQ(task.strategy.hard_labels.size(), 2u);
  EXPECT_TRUE(Matches(task.strategy.hard_labels, {{"zone", "b"}, {"kind", "y"}}));
  EXPECT_FALSE(Matches(task.strategy.hard_labels, {{"zone", "b"}, {"kind", "x"}}));
  EXPECT_FALSE(Matches(task.strategy.hard_labels, {{"zone", "c"}, {"kind", "y"}}));
  ASSERT_EQ(task.strategy.fallbacks.size(), 2u);
  EXPECT_TRUE(Matches(task.strategy.fallbacks[0], {{"zone", "d"}}));
  EXPECT_FALSE(Matches(task.strategy.fallbacks[0], {{"zone", "b"}}));
  EXPECT_TRUE(task.strategy.fallbacks[1].empty());
}

TEST_F(Everything, OtherGenerators) {
  EXPECT_EQ(Generator(1).clients, 4);
  EXPECT_EQ(Generator(1).task.strategy.affinity_node, 1u);
  EXPECT_TRUE(Generator(1).task.strategy.soft);
  EXPECT_EQ(Generator(2).size, 10);
  EXPECT_EQ(Generator(2).every, Duration::Seconds(2));
  EXPECT_EQ(Generator(3).count, 15);
  EXPECT_EQ(scenario_.workload.sources[0].name, "generator");
  EXPECT_EQ(scenario_.workload.sources[1].name, "generator-2");
  EXPECT_EQ(scenario_.workload.sources[4].name, "graph");
}

TEST_F(Everything, DagAndTrace) {
  const auto& dag = std::get<DagSpec>(scenario_.workload.sources[4].what);
  EXPECT_EQ(dag.tasks[2].after, (std::vector<int64_t>{0, 1}));
  EXPECT_EQ(dag.order, (std::vector<int64_t>{1, 0, 2}));
  const auto& trace = std::get<TraceSpec>(scenario_.workload.sources[5].what);
  EXPECT_EQ(trace.path, "dir/t.csv");
  EXPECT_EQ(trace.options.on_bad_row, OnBadRow::kDrop);
  EXPECT_EQ(trace.options.limit, 50);
  EXPECT_EQ(trace.mapping.at("submit_time").unit, "ms");
  EXPECT_EQ(trace.mapping.at("duration").name, "length_s");
}

TEST_F(Everything, PolicyFaultsChecksRun) {
  EXPECT_EQ(scenario_.policy.placement, "best_fit");
  EXPECT_EQ(scenario_.policy.worker_idle_timeout, Duration::Seconds(2));
  ASSERT_EQ(scenario_.faults.size(), 4u);
  EXPECT_EQ(scenario_.faults[0].kind, FaultKind::kKillWorker) << "sorted by time";
  EXPECT_EQ(scenario_.faults[0].targets[0].kind, FaultTarget::Kind::kAny);
  EXPECT_EQ(scenario_.faults[1].targets[0].index, 1);
  EXPECT_EQ(scenario_.faults[1].targets[1].name, "big");
  EXPECT_EQ(scenario_.faults[1].duration, Duration::Seconds(5));
  EXPECT_DOUBLE_EQ(scenario_.faults[3].probability, 0.1);
  ASSERT_EQ(scenario_.checks.size(), 6u);
  EXPECT_EQ(scenario_.checks[1].name, "slo");
  EXPECT_EQ(scenario_.checks[1].value, 60);
  EXPECT_TRUE(scenario_.checks[2].relative && scenario_.checks[2].mean_of_seeds);
  EXPECT_EQ(scenario_.checks[2].name, "near wait_s.mean");
  EXPECT_FALSE(scenario_.checks[3].relative);
  EXPECT_DOUBLE_EQ(scenario_.checks[4].value, 0.8);
  EXPECT_DOUBLE_EQ(scenario_.checks[5].tolerance, 0.02);
  EXPECT_EQ(scenario_.run.seeds, (std::vector<uint64_t>{3, 5}));
  EXPECT_EQ(scenario_.run.warmup_tasks, 100);
  EXPECT_TRUE(scenario_.run.Wants("tasks"));
  EXPECT_FALSE(scenario_.run.Wants("events"));
}

constexpr char kSmall[] =
    "cluster: {node_types: [{name: n, count: 7, resources: {CPU: 1}}]}\n"
    "workload: {generator: {kind: open, rate_per_node: 2/s, count_per_node: 100, task: {duration: 1s}}}\n";

TEST(Scenario, CountsAndRatesPerNodeFollowTheCluster) {
  const auto scenario = ParseScenario(kSmall, "dir/small.yaml");
  ASSERT_TRUE(scenario.ok()) << scenario.status().message();
  const auto& generator = std::get<GeneratorSpec>(scenario.value().workload.sources[0].what);
  EXPECT_EQ(generator.count, 700);
  EXPECT_NEAR(Mean(generator.interarrival), 1.0 / 14, 1e-12);
  EXPECT_EQ(scenario.value().name, "small");
  EXPECT_EQ(scenario.value().run.seeds, (std::vector<uint64_t>{1}));
  EXPECT_TRUE(scenario.value().run.Wants("events")) << "all outputs unless chosen";
}

TEST(Scenario, SeedsAsACount) {
  const auto scenario = ParseScenario(std::string(kSmall) + "run: {seeds: 3, warmup: 10s}\n", "s.yaml");
  ASSERT_TRUE(scenario.ok()) << scenario.status().message();
  EXPECT_EQ(scenario.value().run.seeds, (std::vector<uint64_t>{1, 2, 3}));
  EXPECT_EQ(scenario.value().run.warmup_time, Duration::Seconds(10));
}

}  // namespace
}  // namespace orrery
