// Every wrong scenario says where, what, and what was probably meant.
#include <gtest/gtest.h>

#include <algorithm>

#include "sim/scenario/scenario.h"

namespace orrery {
namespace {

std::string ErrorOf(const std::string& text, const std::vector<std::string>& overrides = {}) {
  const auto scenario = ParseScenario(text, "s.yaml", overrides);
  if (scenario.ok()) return "accepted";
  EXPECT_EQ(scenario.status().code(), StatusCode::kInvalidArgument);
  return scenario.status().message();
}

const std::string kCluster = "cluster: {node_types: [{name: n, resources: {CPU: 1}}]}\n";
const std::string kWork = "workload: {generator: {kind: burst, count: 1, task: {duration: 1s}}}\n";

std::string TaskError(const std::string& task) {
  return ErrorOf(kCluster + "workload: {generator: {kind: burst, count: 1, task: {" + task + "}}}\n");
}

TEST(ScenarioErrors, TheBaseIsValid) { EXPECT_EQ(ErrorOf(kCluster + kWork), "accepted"); }

TEST(ScenarioErrors, UnknownKeyWithTheNearestOne) {
  EXPECT_EQ(ErrorOf(kCluster + kWork + "cheks: []\n"),
            "s.yaml:3:1: unknown key 'cheks' in the scenario; did you mean 'checks'?");
  EXPECT_EQ(ErrorOf(kCluster + kWork + "run:\n  time_limt: 5s\n"),
            "s.yaml:4:3: unknown key 'time_limt' in run; did you mean 'time_limit'?");
  EXPECT_EQ(ErrorOf(kCluster + kWork + "policy: {placment: hybrid}\n"),
            "s.yaml:3:10: unknown setting 'placment'; did you mean 'placement'?");
  EXPECT_EQ(ErrorOf(kCluster + kWork + "policy: {placement: bestfit}\n"),
            "s.yaml:3:21: there is no placement 'bestfit'; did you mean 'best_fit'?");
}

TEST(ScenarioErrors, WrongUnit) {
  EXPECT_EQ(ErrorOf("cluster:\n  node_types:\n    - name: n\n      resources: {CPU: 1, memory: 4Gib}\n" + kWork),
            "s.yaml:4:35: '4Gib' is not a size; write for example 100B, 16KiB, 512MB or 4GiB");
  EXPECT_EQ(TaskError("duration: 100"), "s.yaml:2:64: '100' is not a duration; write for example 250ms, 2s or 1h30m");
}

TEST(ScenarioErrors, NegativeTime) {
  EXPECT_EQ(TaskError("duration: -5s"), "s.yaml:2:64: '-5s' is negative; expected a duration like 250ms, 2s or 1h30m");
  EXPECT_NE(
      ErrorOf(kCluster + kWork + "faults: [{at: -1s, kind: kill_worker}]\n").find("s.yaml:3:15: '-1s' is negative"),
      std::string::npos);
}

TEST(ScenarioErrors, CyclicDagShowsThePath) {
  EXPECT_EQ(
      ErrorOf(kCluster + "workload:\n  dag:\n    tasks:\n      - {name: a, duration: 1s, after: c}\n"
                         "      - {name: b, duration: 1s, after: a}\n      - {name: c, duration: 1s, after: [b]}\n"),
      "s.yaml:5:7: the tasks wait for each other: a -> b -> c -> a");
}

TEST(ScenarioErrors, Actors) {
  const auto actors = [](const std::string& rest) {
    return ErrorOf(kCluster + "workload: {generator: {kind: actors, " + rest + "}}\n");
  };
  const std::string templates = "actor: {duration: 1ms}, call: {duration: 1s}";
  EXPECT_EQ(actors("actors: 2, calls: 3, in_flight: 2, end: kill, max_restarts: 1, " + templates), "accepted");
  const auto has = [](const std::string& error, const std::string& part) {
    EXPECT_NE(error.find(part), std::string::npos) << error;
  };
  has(actors("calls: 3, " + templates), "actors");
  has(actors("actors: 0, calls: 3, " + templates), "actors must be from 1 to ten million");
  has(actors("actors: 5000000, calls: 9, " + templates), "more than ten million calls");
  has(actors("actors: 1, calls: 1, in_flight: 0, " + templates), "in_flight must be at least 1");
  has(actors("actors: 1, calls: 1, max_restarts: -1, " + templates), "-1");
  has(actors("actors: 1, calls: 1, max_concurrency: 0, " + templates), "max_concurrency must be from 1 to 1000");
  has(actors("actors: 1, calls: 1, end: drop, " + templates), "end: unknown 'drop'; expected handle, kill");
  has(actors("actors: 1, calls: 1, actor: {duration: 1ms}"), "call");
  has(actors("actors: 1, calls: 1, actor: {duration: 1ms}, call: {duration: 1s, cpus: 1}"),
      "a call runs where its actor is");
  has(actors("actors: 1, calls: 1, actor: {duration: 1ms, output: 1GiB}, call: {duration: 1s}"),
      "nobody takes what actors make");
  has(actors("actors: 1, calls: 1, actor: {duration: 1ms}, call: {duration: 1s, max_retries: 1}"), "max_task_retries");
}

TEST(ScenarioErrors, DagNamesAndOrder) {
  const auto dag = [](const std::string& rest) { return ErrorOf(kCluster + "workload: {dag: {" + rest + "}}\n"); };
  EXPECT_NE(dag("tasks: [{name: load, duration: 1s}, {name: b, duration: 1s, after: laod}]")
                .find("there is no task 'laod'; did you mean 'load'?"),
            std::string::npos);
  EXPECT_NE(dag("tasks: [{name: a, duration: 1s}, {name: a, duration: 1s}]").find("two tasks named 'a'"),
            std::string::npos);
  EXPECT_NE(dag("tasks: [{name: a, duration: 1s}, {name: b, duration: 1s}], order: [a]").find("every task once"),
            std::string::npos);
  EXPECT_NE(dag("tasks: []").find("at least one task"), std::string::npos);
}

TEST(ScenarioErrors, ImpossibleValues) {
  EXPECT_NE(TaskError("duration: 1s, gpus: 1.5").find("GPU"), std::string::npos);
  EXPECT_NE(TaskError("duration: {kind: uniform, min: 2s, max: 1s}").find("max is below min"), std::string::npos);
  EXPECT_NE(TaskError("duration: {kind: pareto, shape: 0.9, mean: 1s}").find("has no mean"), std::string::npos);
  EXPECT_NE(TaskError("duration: {kind: exponental, mean: 1s}").find("did you mean 'exponential'?"), std::string::npos);
  EXPECT_NE(TaskError("duration: {kind: hyperexponential, mean: 1s, cv: 0.5}").find("cv must be above 1"),
            std::string::npos);
  EXPECT_NE(TaskError("duration: {kind: empirical, values: []}").find("at least one value"), std::string::npos);
  EXPECT_NE(
      ErrorOf("cluster: {node_types: [{name: n, count: 0, resources: {CPU: 1}}]}\n" + kWork).find("without a node"),
      std::string::npos);
  EXPECT_NE(ErrorOf("cluster: {node_types: [{name: n, min: 5, max: 2, resources: {CPU: 1}}]}\n" + kWork)
                .find("max is below min"),
            std::string::npos);
  EXPECT_NE(ErrorOf("cluster: {head: m, node_types: [{name: n, resources: {CPU: 1}}]}\n" + kWork)
                .find("there is no node type 'm'"),
            std::string::npos);
  EXPECT_NE(
      ErrorOf("cluster: {node_types: [{name: n, speed: 0, resources: {CPU: 1}}]}\n" + kWork).find("not above zero"),
      std::string::npos);
  EXPECT_NE(ErrorOf("cluster: {node_types: [{name: n, resources: {cpus: 1}}]}\n" + kWork).find("did you mean 'CPU'?"),
            std::string::npos)
      << "must not become a custom resource";
}

TEST(ScenarioErrors, GeneratorKeysBelongToTheirKind) {
  const auto generator = [](const std::string& keys) {
    return ErrorOf(kCluster + "workload: {generator: {" + keys + ", task: {duration: 1s}}}\n");
  };
  EXPECT_NE(
      generator("kind: closed, clients: 2, count: 5, rate: 1/s").find("key 'rate' in generator: only with kind: open"),
      std::string::npos);
  EXPECT_NE(generator("kind: open, rate: 1/s").find("needs count or until"), std::string::npos);
  EXPECT_NE(generator("kind: open, count: 5").find("needs the key 'rate'"), std::string::npos);
  EXPECT_NE(generator("kind: open, rate: 5, count: 5").find("'5' is not a rate"), std::string::npos);
  EXPECT_NE(generator("kind: fork_join, width: 0, stages: 2").find("at least 1"), std::string::npos);
  EXPECT_NE(generator("kind: opne, rate: 1/s, count: 1").find("did you mean 'open'?"), std::string::npos);
  EXPECT_NE(generator("kind: open, rate: 1/s, until: 1s, at: 2s").find("until must be after at"), std::string::npos);
}

TEST(ScenarioErrors, FaultsAndChecks) {
  const auto fault = [](const std::string& keys) {
    return ErrorOf(kCluster + kWork + "faults: [{at: 1s, " + keys + "}]\n");
  };
  EXPECT_NE(fault("kind: kill_wroker").find("did you mean 'kill_worker'?"), std::string::npos);
  EXPECT_NE(fault("kind: kill_node, target: 'node:5'").find("there are 1"), std::string::npos);
  EXPECT_NE(fault("kind: kill_node, target: 'driver:0'").find("kill_node cannot hit 'driver:0'"), std::string::npos);
  EXPECT_NE(fault("kind: kill_worker, factor: 2").find("only with slow_node"), std::string::npos);
  EXPECT_NE(fault("kind: drop_messages, probability: 150%").find("not between 0 and 1"), std::string::npos);
  const auto check = [](const std::string& keys) { return ErrorOf(kCluster + kWork + "checks: [{" + keys + "}]\n"); };
  EXPECT_NE(check("max: {metric: wait_s.p95}").find("max needs the key 'value'"), std::string::npos);
  EXPECT_NE(check("all_task_finish: true").find("did you mean 'all_tasks_finish'?"), std::string::npos);
  EXPECT_NE(check("name: x").find("each check has one of"), std::string::npos);
  EXPECT_NE(check("near: {metric: m, value: 1, tolerance: -1}").find("negative"), std::string::npos);
}

TEST(ScenarioErrors, SeveralProblemsAtOnceInTheOrderOfTheFile) {
  EXPECT_EQ(ErrorOf("cluster: {node_types: [{name: n, resources: {CPU: x}}]}\n" + kWork + "run: {seed: y}\nfoo: 1\n"),
            "s.yaml:1:51: 'x' is not an amount; write for example 2, 0.5 or 500m (thousandths)\n"
            "s.yaml:3:13: 'y' is not a whole number\n"
            "s.yaml:4:1: unknown key 'foo' in the scenario; expected name, description, cluster, autoscaler, workload, "
            "policy, faults, checks, run");
}

TEST(ScenarioErrors, AtMostTwentyAreShownAndTheRestCounted) {
  std::string many = kCluster + kWork + "policy:\n";
  for (int i = 0; i < 25; ++i) many += "  zzzzzzzzzz" + std::to_string(i) + ": 1\n";
  const std::string error = ErrorOf(many);
  EXPECT_EQ(std::count(error.begin(), error.end(), '\n'), 20);
  EXPECT_NE(error.find("and 5 more problems"), std::string::npos);
}

TEST(ScenarioErrors, BrokenYamlAndBombs) {
  EXPECT_NE(ErrorOf("cluster: [1, 2\n").find("s.yaml:"), std::string::npos);
  EXPECT_NE(ErrorOf("a: 1\na: 2\n").find("s.yaml:2:1: the key 'a' is given twice"), std::string::npos);
  EXPECT_NE(ErrorOf("").find("empty"), std::string::npos);
  EXPECT_NE(ErrorOf("- 1\n").find("must be a map"), std::string::npos);
  EXPECT_NE(ErrorOf("a: 1\n---\nb: 2\n").find("more than one YAML document"), std::string::npos);
  EXPECT_NE(ErrorOf(std::string(200, '[')).find("32 levels"), std::string::npos);
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 9; ++i) {
    const std::string p = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + p + ", " + p + ", " + p + ", " + p + ", " +
            p + ", " + p + ", " + p + ", " + p + ", " + p + ", " + p + "]\n";
  }
  EXPECT_NE(ErrorOf(bomb).find("more than 200000 values"), std::string::npos);
  EXPECT_NE(ErrorOf("a: &x [1, *x]\n").find("s.yaml:"), std::string::npos) << "an alias inside of its own anchor";
}

TEST(ScenarioErrors, AliasesWork) {
  EXPECT_EQ(ErrorOf("cluster: {node_types: [{name: n, resources: &r {CPU: 1}}, {name: m, resources: *r}]}\n" + kWork),
            "accepted");
}

TEST(ScenarioErrors, MissingFileAndMissingTraceNameTheOption) {
  const auto none = LoadScenario("/nonexistent/s.yaml");
  EXPECT_EQ(none.status().code(), StatusCode::kNotFound);
  const std::string path = testing::TempDir() + "/needs_trace.yaml";
  FILE* file = fopen(path.c_str(), "w");
  ASSERT_NE(file, nullptr);
  fputs((kCluster + "workload: {trace: {format: swf, path: absent.swf}}\n").c_str(), file);
  fclose(file);
  const auto scenario = LoadScenario(path);
  ASSERT_FALSE(scenario.ok());
  EXPECT_EQ(scenario.status().message(), path + ":2:39: there is no file '" + testing::TempDir() +
                                             "/absent.swf'; give its place with --set workload.trace.path=FILE "
                                             "(scenarios/README.md says where to download traces)");
  remove(path.c_str());
}

}  // namespace
}  // namespace orrery
