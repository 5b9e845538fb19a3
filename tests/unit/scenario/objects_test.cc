// What scenarios say about objects: stores, disks, outputs and inputs, patterns, faults of disks.
#include <gtest/gtest.h>

#include "sim/scenario/scenario.h"

namespace orrery {
namespace {

const std::string kCluster =
    "cluster: {node_types: [{name: n, count: 3, resources: {CPU: 2}, object_store_memory: 2GiB,"
    " disk: {read: 1GBps, write: 500MBps, capacity: 10GiB}}]}\n";

Scenario Parsed(const std::string& workload, const std::string& rest = "") {
  auto scenario = ParseScenario(kCluster + "workload: " + workload + "\n" + rest, "s.yaml");
  EXPECT_TRUE(scenario.ok()) << scenario.status().message();
  return scenario.ok() ? std::move(*scenario) : Scenario{};
}

std::string ErrorOf(const std::string& workload, const std::string& cluster = kCluster) {
  const auto scenario = ParseScenario(cluster + "workload: " + workload + "\n", "s.yaml");
  return scenario.ok() ? "accepted" : scenario.status().message();
}

bool Says(const std::string& error, const std::string& part) { return error.find(part) != std::string::npos; }

TEST(Objects, NodesHaveStoresAndDisks) {
  const Scenario scenario = Parsed("{generator: {kind: burst, count: 1, task: {duration: 1s, output: 1GiB}}}");
  const NodeSpec node = ExpandNodes(scenario.cluster).value()[2];
  EXPECT_EQ(node.resources.Get(ResourceKind::kObjectStoreMemory), FixedPoint::Whole(int64_t{2} << 30));
  EXPECT_EQ(node.disk.read_bandwidth, 1e9);
  EXPECT_EQ(node.disk.write_bandwidth, 5e8);
  EXPECT_EQ(node.disk.capacity, int64_t{10} << 30);
}

TEST(Objects, ADagNamesOutputsPutsAndInputs) {
  const Scenario scenario = Parsed(
      "{dag: {puts: [{name: data, size: 1MiB}], tasks: ["
      "{name: split, duration: 1s, inputs: data, outputs: [1MiB, 2MiB]},"
      "{name: left, duration: 1s, inputs: split.1, output: 3MiB},"
      "{name: join, duration: 1s, inputs: [split, left], after: split}]}}");
  const auto& dag = std::get<DagSpec>(scenario.workload.sources[0].what);
  ASSERT_EQ(dag.tasks.size(), 4u);
  EXPECT_TRUE(dag.tasks[0].put);
  EXPECT_EQ(dag.tasks[0].task.outputs, (std::vector<int64_t>{1 << 20}));
  EXPECT_EQ(dag.tasks[1].inputs, (std::vector<DagSpec::Input>{{0, 0}}));
  EXPECT_EQ(dag.tasks[2].inputs, (std::vector<DagSpec::Input>{{1, 1}}));
  EXPECT_EQ(dag.tasks[3].inputs, (std::vector<DagSpec::Input>{{1, 0}, {1, 1}, {2, 0}}));
  EXPECT_EQ(dag.tasks[3].after, (std::vector<int64_t>{1}));
  EXPECT_EQ(dag.order, (std::vector<int64_t>{1, 2, 3})) << "puts are not tasks";
}

TEST(Objects, WrongInputsAreToldWithTheNearestName) {
  const auto dag = [](const std::string& inputs) {
    return ErrorOf(
        "{dag: {tasks: [{name: load, duration: 1s, outputs: [1MiB, 1MiB]}, {name: wait, duration: 1s},"
        "{name: use, duration: 1s, inputs: " +
        inputs + "}]}}");
  };
  EXPECT_EQ(dag("load"), "accepted");
  EXPECT_TRUE(Says(dag("laod"), "there is no task 'laod'; did you mean 'load'?")) << dag("laod");
  EXPECT_TRUE(Says(dag("load.2"), "task 'load' has 2 outputs, counted from 0")) << dag("load.2");
  EXPECT_TRUE(Says(dag("load.x"), "task 'load' has 2 outputs")) << dag("load.x");
  EXPECT_TRUE(Says(dag("wait"), "task 'wait' has no output")) << dag("wait");
  EXPECT_TRUE(Says(dag("use"), "has no output")) << dag("use");
}

TEST(Objects, CyclesThroughInputsAreFound) {
  EXPECT_TRUE(Says(ErrorOf("{dag: {tasks: [{name: a, duration: 1s, output: 1B, inputs: b},"
                           "{name: b, duration: 1s, output: 1B, inputs: a}]}}"),
                   "the tasks wait for each other: a -> b -> a"));
}

TEST(Objects, SizesWithoutUnitOrStoreAreErrors) {
  EXPECT_TRUE(Says(ErrorOf("{generator: {kind: burst, count: 1, task: {duration: 1s, output: 100}}}"), "not a size"));
  EXPECT_TRUE(Says(ErrorOf("{generator: {kind: burst, count: 1, task: {duration: 1s, output: -1GiB}}}"), "negative"));
  EXPECT_TRUE(Says(ErrorOf("{generator: {kind: burst, count: 1, task: {duration: 1s, output: 1B, outputs: [1B]}}}"),
                   "give output or outputs, not both"));
  const std::string storeless = "cluster: {node_types: [{name: n, resources: {CPU: 1}}]}\n";
  EXPECT_TRUE(Says(ErrorOf("{generator: {kind: burst, count: 1, task: {duration: 1s, output: 1GiB}}}", storeless),
                   "no node type has an object_store_memory"));
  EXPECT_EQ(ErrorOf("{generator: {kind: burst, count: 1, task: {duration: 1s, output: 10KiB}}}", storeless), "accepted")
      << "small values need no store";
  EXPECT_TRUE(Says(ErrorOf("{generator: {kind: burst, count: 1, task: {duration: 1s}}}",
                           "cluster: {node_types: [{name: n, resources: {CPU: 1, object_store_memory: 1GiB},"
                           " object_store_memory: 1GiB}]}\n"),
                   "given twice"));
}

TEST(Objects, Patterns) {
  const auto pattern = [](const std::string& keys) {
    return std::get<PatternSpec>(
        Parsed("{generator: {size: 1MiB, task: {duration: 1s}, " + keys + "}}").workload.sources[0].what);
  };
  EXPECT_EQ(pattern("kind: broadcast, one_per_node: true").readers, 3);
  EXPECT_EQ(pattern("kind: broadcast, consumers: 7").readers, 7);
  EXPECT_EQ(pattern("kind: shuffle, maps: 4, reduces: 5").objects, 4);
  EXPECT_EQ(pattern("kind: allreduce, width: 8").fan_in, 2);
  EXPECT_EQ(pattern("kind: spill, objects: 8, reads: 3").readers, 3);
  EXPECT_EQ(pattern("kind: hot, objects: 8, readers: 3, skew: 1.5").skew, 1.5);
  EXPECT_EQ(pattern("kind: chain, length: 9").width, 9);
  EXPECT_EQ(pattern("kind: chain, length: 9").size, 1 << 20);
}

TEST(Objects, WrongPatterns) {
  const auto error = [](const std::string& keys) {
    return ErrorOf("{generator: {task: {duration: 1s}, " + keys + "}}");
  };
  EXPECT_TRUE(Says(error("kind: shuffle, size: 1MiB, maps: 4"), "'reduces'"));
  EXPECT_TRUE(Says(error("kind: shuffle, size: 1MiB, maps: 0, reduces: 1"), "maps must be from 1"));
  EXPECT_TRUE(Says(error("kind: shuffle, size: 1MiB, maps: 1000000, reduces: 1000000"), "more than ten million"));
  EXPECT_TRUE(Says(error("kind: chain, size: 0, length: 4"), "at least one byte"));
  EXPECT_TRUE(Says(error("kind: chain, length: 4"), "'size'"));
  EXPECT_TRUE(Says(error("kind: chain, size: 1MiB, lenght: 4"), "did you mean 'length'?"));
  EXPECT_TRUE(Says(error("kind: broadcast, size: 1MiB, consumers: 4, one_per_node: true"), "consumers"));
  EXPECT_TRUE(Says(ErrorOf("{generator: {kind: chain, size: 1MiB, length: 2, task: {duration: 1s, output: 1B}}}"),
                   "key size says"));
}

TEST(Objects, FaultsOfDisks) {
  const Scenario scenario =
      Parsed("{generator: {kind: burst, count: 1, task: {duration: 1s}}}",
             "faults: [{at: 1s, kind: disk_full, target: 'node:1', for: 2s}, {at: 2s, kind: slow_disk, factor: 0.5},"
             " {at: 3s, kind: disk_error, probability: 20%}]\n");
  ASSERT_EQ(scenario.faults.size(), 3u);
  EXPECT_EQ(scenario.faults[0].kind, FaultKind::kDiskFull);
  EXPECT_EQ(scenario.faults[1].factor, 0.5);
  EXPECT_EQ(scenario.faults[2].probability, 0.2);
}

}  // namespace
}  // namespace orrery
