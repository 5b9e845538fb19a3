// The simulated cluster: cost profiles, faults that count themselves, conservation that can fail.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <fstream>

#include "runtime/gcs/gcs.h"
#include "sim/checkers/conservation.h"
#include "sim/faults/fault_injector.h"
#include "sim/platform/cost_profile.h"

namespace orrery {
namespace {

const char kCluster[] = "cluster: {node_types: [{name: n, count: 3, resources: {CPU: 2}}]}\n";
const char kWork[] = "workload: {generator: {kind: burst, size: 30, every: 1h, count: 30, task: {duration: 100ms}}}\n";

struct Simulation {
  explicit Simulation(const std::string& text, uint64_t seed = 1)
      : scenario(ParseScenario(text, "test.yaml").value()),
        cluster(SimCluster::Make(scenario, seed, {}, recorder).value()),
        faults(*cluster, recorder) {}
  void ToTheEnd() {
    cluster->engine().RunUntil(Time{Duration::Seconds(100).ns});
    cluster->engine().RunUntil(cluster->engine().Now() + kQuiescence);
    cluster->engine().Audit();
  }
  bool Conserved() {
    const auto checks = CheckConservation(*cluster);
    return std::all_of(checks.begin(), checks.end(), [](const CheckResult& check) { return check.ok; });
  }
  Scenario scenario;
  RunRecorder recorder;
  std::unique_ptr<SimCluster> cluster;
  FaultInjector faults;
};

TEST(CostProfile, UnknownKindNamesTheNearest) {
  const std::string path = testing::TempDir() + "/costs.yaml";
  std::ofstream(path) << "PushTsk: 1us\n";
  const auto profile = MakeCostProfile({CostProfileSpec::Kind::kFile, path});
  ASSERT_FALSE(profile.ok());
  EXPECT_NE(profile.status().message().find("did you mean 'PushTask'"), std::string::npos)
      << profile.status().message();
}

TEST(CostProfile, FileIsOnTopOfTheDefault) {
  const std::string path = testing::TempDir() + "/costs2.yaml";
  std::ofstream(path) << "PushTask: 5us\nTimer: 2us\n";
  const CostProfile profile = MakeCostProfile({CostProfileSpec::Kind::kFile, path}).value();
  EXPECT_EQ(profile.message_ns[static_cast<size_t>(MessageKind::kPushTask)], 5000);
  EXPECT_EQ(profile.timer_ns, 2000);
  const CostProfile usual = MakeCostProfile({CostProfileSpec::Kind::kDefault, ""}).value();
  const auto task_reply = static_cast<size_t>(MessageKind::kTaskReply);
  EXPECT_EQ(profile.message_ns[task_reply], usual.message_ns[task_reply]);
}

TEST(SimCluster, RunsToTheEndAndLeavesNothing) {
  Simulation run(std::string(kCluster) + kWork);
  run.ToTheEnd();
  EXPECT_EQ(run.recorder.finished(), 30u);
  EXPECT_TRUE(run.Conserved());
}

TEST(Conservation, SeesWhatIsStillHeld) {
  Simulation run(std::string(kCluster) + kWork);
  run.cluster->engine().RunUntil(Time{Duration::Millis(50).ns});  // in the middle
  EXPECT_FALSE(run.Conserved());
}

TEST(FaultInjector, AKilledWorkerIsRetriedAndCounted) {
  Simulation run(std::string(kCluster) + kWork + "faults: [{kind: kill_worker, at: 20ms, target: busy}]\n");
  run.ToTheEnd();
  EXPECT_EQ(run.recorder.finished(), 30u);
  EXPECT_EQ(run.faults.fired(), 1u);
  EXPECT_TRUE(run.faults.NeverFired().empty());
  EXPECT_TRUE(run.Conserved());
}

TEST(FaultInjector, AFaultThatHitsNothingSaysSo) {
  Simulation run(std::string(kCluster) + kWork + "faults: [{kind: kill_worker, at: 50s, target: busy}]\n");
  run.ToTheEnd();
  ASSERT_EQ(run.faults.NeverFired().size(), 1u);
  EXPECT_EQ(run.faults.NeverFired()[0], "kill_worker at 50s");
}

TEST(FaultInjector, ANodeComesBackAsANewNode) {
  Simulation run(std::string(kCluster) + kWork +
                 "faults: [{kind: kill_node, at: 20ms, target: 'node:1', for: 100ms}]\n");
  run.ToTheEnd();
  EXPECT_EQ(run.recorder.finished(), 30u);
  EXPECT_EQ(run.cluster->gcs()->nodes().alive_count(), 3u);
  EXPECT_EQ(run.cluster->nodes()[1].id, NodeId{4});
  EXPECT_TRUE(run.Conserved());
}

TEST(FaultInjector, BrokenConnectionsLoseNoTask) {
  Simulation run(std::string(kCluster) + kWork + "policy: {task_max_retries: 100}\n" +
                 "faults: [{kind: drop_messages, at: 0, for: 2s, probability: 30%, target: all}]\n");
  run.ToTheEnd();
  EXPECT_GT(run.faults.fired(), 0u);
  EXPECT_EQ(run.recorder.finished() + run.recorder.failed(), 30u);
  EXPECT_TRUE(run.Conserved());
}

TEST(FaultInjector, AShortPartitionOnlyDelays) {
  Simulation run(std::string(kCluster) + kWork + "faults: [{kind: partition, at: 10ms, for: 2s, target: 'node:2'}]\n");
  run.ToTheEnd();
  EXPECT_EQ(run.recorder.finished(), 30u);
  EXPECT_GT(run.faults.fired(), 0u);
  EXPECT_TRUE(run.Conserved());
}

}  // namespace
}  // namespace orrery
