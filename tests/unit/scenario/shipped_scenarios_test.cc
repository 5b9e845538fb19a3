// The scenarios that ship with the project are valid, and take the overrides that others rely on.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "sim/scenario/scenario.h"

namespace orrery {
namespace {

const std::string kFolder = ORRERY_SCENARIOS;

std::string ReadAll(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<std::string> AllScenarios() {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(kFolder)) {
    if (entry.path().extension() == ".yaml") paths.push_back(entry.path().string());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

TEST(ShippedScenarios, AllAreValid) {
  const auto paths = AllScenarios();
  EXPECT_GE(paths.size(), 15u);
  for (const std::string& path : paths) {
    const auto scenario = ParseScenario(ReadAll(path), path);
    EXPECT_TRUE(scenario.ok()) << scenario.status().message();
  }
}

TEST(ShippedScenarios, PlanningTakesTheAgreedOverrides) {
  for (const char* name : {"openb", "lcg"}) {
    const std::string path = kFolder + "/planning/" + name + ".yaml";
    for (const char* placement : {"random", "dot_product", "gpu_packing", "best_fit", "fgd", "hybrid", "spread"}) {
      const auto scenario = ParseScenario(
          ReadAll(path), path,
          {"workload.trace.path=w", "cluster.trace.path=c", std::string("policy.placement=") + placement});
      ASSERT_TRUE(scenario.ok()) << scenario.status().message();
      EXPECT_EQ(std::get<TraceSpec>(scenario.value().workload.sources[0].what).path, "w");
      EXPECT_EQ(scenario.value().cluster.trace->path, "c");
      EXPECT_EQ(scenario.value().policy.placement, placement);
    }
  }
}

TEST(ShippedScenarios, AbsentTracesNameTheirOption) {
  const std::string path = kFolder + "/planning/lcg.yaml";
  const auto scenario = LoadScenario(path, {"workload.trace.path=/nonexistent/LCG.swf.gz"});
  ASSERT_FALSE(scenario.ok());
  EXPECT_NE(scenario.status().message().find("--set workload.trace.path=FILE"), std::string::npos);
}

TEST(ShippedScenarios, GrahamWithFourMachines) {
  const auto scenario = LoadScenario(kFolder + "/scheduling/graham.yaml",
                                     {"cluster.node_types.machine.count=4", "checks.makespan.equals.value=15s"});
  ASSERT_TRUE(scenario.ok()) << scenario.status().message();
  EXPECT_EQ(ExpandNodes(scenario.value().cluster).value().size(), 4u);
  EXPECT_EQ(scenario.value().checks[1].value, 15);
}

TEST(ShippedScenarios, QuickstartIsShortEnoughForALiveRun) {
  const auto scenario = LoadScenario(kFolder + "/quickstart.yaml");
  ASSERT_TRUE(scenario.ok()) << scenario.status().message();
  const auto trace = LoadTrace(std::get<TraceSpec>(scenario.value().workload.sources[0].what));
  ASSERT_TRUE(trace.ok()) << trace.status().message();
  EXPECT_EQ(trace.value().tasks.size(), 300u);
  double cpu_seconds = 0;
  for (const TraceTask& task : trace.value().tasks) {
    EXPECT_GE(task.duration, Duration::Millis(5));
    EXPECT_LE(task.duration, Duration::Millis(200));
    cpu_seconds += task.duration.seconds() * task.resources.Get(ResourceKind::kCpu).value();
  }
  const double last = trace.value().tasks.back().submit_time.seconds();
  EXPECT_GT(last, 8);
  EXPECT_LT(last + cpu_seconds / 6, 15);
}

TEST(ShippedScenarios, GrowthScales) {
  const auto scenario = LoadScenario(kFolder + "/scheduling/growth.yaml", {"cluster.node_types.node.count=10000"});
  ASSERT_TRUE(scenario.ok()) << scenario.status().message();
  EXPECT_EQ(std::get<GeneratorSpec>(scenario.value().workload.sources[0].what).count, 1'000'000);
}

}  // namespace
}  // namespace orrery
