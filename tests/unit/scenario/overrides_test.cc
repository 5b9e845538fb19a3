#include <gtest/gtest.h>

#include "sim/scenario/scenario.h"

namespace orrery {
namespace {

constexpr char kBase[] =
    "cluster:\n  node_types:\n    - {name: big, resources: {CPU: 8}}\n    - {name: small, resources: {CPU: 2}}\n"
    "workload: {trace: {format: swf, path: log.swf}}\n"
    "checks: [{name: slo, max: {metric: m, value: 5}}]\n";

Scenario With(const std::vector<std::string>& overrides) {
  auto scenario = ParseScenario(kBase, "dir/base.yaml", overrides);
  EXPECT_TRUE(scenario.ok()) << scenario.status().message();
  return scenario.ok() ? std::move(scenario).value() : Scenario{};
}

std::string ErrorWith(const std::string& override) {
  const auto scenario = ParseScenario(kBase, "dir/base.yaml", {override});
  return scenario.ok() ? "accepted" : scenario.status().message();
}

TEST(Overrides, MissingMapsAreMade) {
  EXPECT_EQ(With({"policy.placement=fgd"}).policy.placement, "fgd");
  EXPECT_EQ(With({"cluster.network.latency=1ms"}).cluster.network.latency, Duration::Millis(1));
}

TEST(Overrides, ListElementsByNameAndByIndex) {
  EXPECT_EQ(With({"cluster.node_types.small.count=7"}).cluster.node_types[1].count, 7);
  EXPECT_EQ(With({"cluster.node_types.0.count=3"}).cluster.node_types[0].count, 3);
  EXPECT_EQ(With({"checks.slo.max.value=9s"}).checks[0].value, 9);
}

TEST(Overrides, ValuesMayBeWholeYaml) {
  EXPECT_EQ(With({"run.seeds=[4, 9]"}).run.seeds, (std::vector<uint64_t>{4, 9}));
  EXPECT_EQ(With({"cluster.worker_startup_time={kind: exponential, mean: 1s}"}).cluster.worker_startup_time.kind,
            Distribution::Kind::kExponential);
}

TEST(Overrides, PathsCountFromTheWorkingDirectory) {
  EXPECT_EQ(std::get<TraceSpec>(With({}).workload.sources[0].what).path, "dir/log.swf");
  EXPECT_EQ(std::get<TraceSpec>(With({"workload.trace.path=other.swf"}).workload.sources[0].what).path, "other.swf");
}

TEST(Overrides, AClusterTraceReplacesTheNodeTypes) {
  const Scenario scenario = With({"cluster.trace.path=nodes.csv"});
  ASSERT_TRUE(scenario.cluster.trace.has_value());
  EXPECT_EQ(scenario.cluster.trace->format, "openb");
  EXPECT_EQ(scenario.cluster.trace->path, "nodes.csv");
}

TEST(Overrides, OneSeedCanBePickedFromMany) {
  const auto scenario = ParseScenario(std::string(kBase) + "run: {seeds: 10}\n", "b.yaml", {"run.seed=7"});
  ASSERT_TRUE(scenario.ok()) << scenario.status().message();
  EXPECT_EQ(scenario.value().run.seeds, (std::vector<uint64_t>{7}));
}

TEST(Overrides, LaterOnesWin) { EXPECT_EQ(With({"run.seed=1", "run.seed=2"}).run.seeds, (std::vector<uint64_t>{2})); }

TEST(Overrides, ErrorsNameTheOptionAndTheNearestKey) {
  EXPECT_EQ(ErrorWith("polcy.placement=fgd"),
            "--set polcy.placement=fgd: unknown key 'polcy' in the scenario; did you mean 'policy'?");
  EXPECT_EQ(ErrorWith("workload.trace.pth=x"),
            "--set workload.trace.pth=x: unknown key 'pth' in trace; did you mean 'path'?");
  EXPECT_EQ(ErrorWith("cluster.node_types.smal.count=7"),
            "--set cluster.node_types.smal.count=7: the list has no element named 'smal'; did you mean 'small'?");
  EXPECT_EQ(ErrorWith("cluster.node_types.5.count=7"),
            "--set cluster.node_types.5.count=7: there is no element 5: the list has 2");
  EXPECT_EQ(ErrorWith("cluster.node_types.small.count=-7"),
            "--set cluster.node_types.small.count=-7: '-7' is negative; expected a whole number");
  EXPECT_EQ(ErrorWith("workload.trace.path.x=7"), "--set workload.trace.path.x=7: 'log.swf' has no part 'x'");
  EXPECT_EQ(ErrorWith("run.seed"), "--set run.seed: write --set key.path=value");
  EXPECT_EQ(ErrorWith("run..seed=1"), "--set run..seed=1: the path has an empty part");
  EXPECT_NE(ErrorWith("run.seeds=[1").find("--set run.seeds=[1: is not valid YAML"), std::string::npos);
}

}  // namespace
}  // namespace orrery
