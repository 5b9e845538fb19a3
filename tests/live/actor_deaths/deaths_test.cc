// SIGKILL of an actor's process, its node, its owner and the GCS, also twice in a row: each has the documented outcome,
// no actor is doubled or lost.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "runtime/api/orrery.h"
#include "tests/live/actor_deaths/program.h"
#include "tests/live/faults/live_cluster.h"

namespace orrery::test {
namespace {

namespace fs = std::filesystem;

// Leaves a note, and goes on when there is a go.
void Pass(const std::string& gate) {
  std::ofstream(gate + "." + std::to_string(getpid())) << "";
  while (!fs::exists(gate + ".go")) usleep(1000);
}
void Open(const std::string& gate) { std::ofstream(gate + ".go") << ""; }
// Processes that have come to a gate.
std::vector<int> At(const LiveCluster& cluster, const std::string& gate) {
  std::vector<int> pids;
  for (const std::string& name : FilesIn(cluster.notes())) {
    const std::string file = fs::path(name).filename();
    if (file.starts_with(gate + ".") && !file.ends_with(".go")) pids.push_back(std::stoi(file.substr(gate.size() + 1)));
  }
  return pids;
}
int AwaitAt(const LiveCluster& cluster, const std::string& gate, size_t count = 1) {
  Eventually([&] { return At(cluster, gate).size() >= count; }, "somebody comes to " + gate);
  return At(cluster, gate).back();
}

class Counter {
 public:
  Counter() = default;
  explicit Counter(const std::string& gate) { Pass(gate); }
  int Next() { return ++count_; }
  int Pid() { return getpid(); }
  uint32_t Node() { return context().node.value; }
  int Hold(const std::string& gate) {
    Pass(gate);
    return ++count_;
  }

 private:
  int count_ = 0;
};

void KillProcess(int pid) {
  ASSERT_EQ(kill(pid, SIGKILL), 0);
  Eventually([&] { return !ProcessLives(pid); }, "the process ends");
}

TEST(ActorDeaths, ItsProcessTwiceInARowAndOnceMore) {
  LiveCluster cluster({2});
  Program program;
  // A call may be on its way to the dead process before its end is known here: then it is tried again.
  const auto counter = actor<Counter>({.max_restarts = 2, .max_task_retries = 1})();
  for (int life = 0; life < 3; ++life) {
    EXPECT_EQ(counter.call<&Counter::Next>().get(), 1) << "each incarnation begins anew";
    KillProcess(counter.call<&Counter::Pid>().get());
  }
  EXPECT_THROW(counter.call<&Counter::Next>().get(), ActorDiedError) << "no restarts are left";
}

TEST(ActorDeaths, ItsProcessDuringACall) {
  LiveCluster cluster({2});
  Program program;
  const auto retries = actor<Counter>({.max_restarts = 1, .max_task_retries = 1})();
  auto held = retries.call<&Counter::Hold>(cluster.notes() + "/first");
  KillProcess(AwaitAt(cluster, "first"));
  Open(cluster.notes() + "/first");
  EXPECT_EQ(held.get(), 1) << "tried again, by the next incarnation";
  const auto none = actor<Counter>({.max_restarts = 1})();
  auto lost = none.call<&Counter::Hold>(cluster.notes() + "/second");
  auto behind = none.call<&Counter::Next>();
  KillProcess(AwaitAt(cluster, "second"));
  EXPECT_THROW(lost.get(), ActorUnavailableError);
  EXPECT_THROW(behind.get(), ActorUnavailableError) << "it had been sent, too";
  EXPECT_EQ(none.call<&Counter::Next>().get(), 1);
}

TEST(ActorDeaths, ItsNodeTwiceInARow) {
  LiveCluster cluster({0, 1, 1, 1});
  Program program;
  const auto counter = actor<Counter>({.num_cpus = 1, .max_restarts = 2, .max_task_retries = 2})();
  std::vector<uint32_t> nodes;
  for (int life = 0; life < 2; ++life) {
    nodes.push_back(counter.call<&Counter::Node>().get());
    const std::string gate = "node" + std::to_string(life);
    auto held = counter.call<&Counter::Hold>(cluster.notes() + "/" + gate);
    AwaitAt(cluster, gate);
    cluster.processes().KillNode(nodes.back() - 1);
    Open(cluster.notes() + "/" + gate);
    EXPECT_EQ(held.get(), 1) << "tried again on another node";
  }
  nodes.push_back(counter.call<&Counter::Node>().get());
  EXPECT_NE(nodes[0], nodes[1]);
  EXPECT_NE(nodes[1], nodes[2]);
  EXPECT_NE(nodes[0], nodes[2]);
}

// A task that has an actor, and says so.
int OwnUntilKilled(const std::string& gate) {
  const auto counter = actor<Counter>({.name = "owned", .max_restarts = 5})();
  counter.call<&Counter::Next>().get();
  Pass(gate);
  return 0;
}

TEST(ActorDeaths, ItsOwner) {
  LiveCluster cluster({2});
  Program program;
  auto owner = task<&OwnUntilKilled>({.max_retries = 0})(cluster.notes() + "/owner");
  const int pid = AwaitAt(cluster, "owner");
  const auto found = get_actor<Counter>("owned");
  const int process = found.call<&Counter::Pid>().get();
  KillProcess(pid);
  EXPECT_THROW(owner.get(), WorkerDiedError);
  Eventually([&] { return !ProcessLives(process); }, "the actor ends although it could be restarted");
  EXPECT_THROW(found.call<&Counter::Next>().get(), Error);
  EXPECT_THROW(get_actor<Counter>("owned"), Error) << "its name is free";
}

TEST(ActorDeaths, TheGcsWhileTheConstructorRuns) {
  LiveCluster cluster({2});
  Program program;
  const auto counter = actor<Counter>({})(cluster.notes() + "/made");
  AwaitAt(cluster, "made");
  for (int round = 0; round < 2; ++round) {
    cluster.processes().KillGcs();
    ASSERT_TRUE(cluster.processes().StartGcs().ok());
  }
  Open(cluster.notes() + "/made");
  EXPECT_EQ(counter.call<&Counter::Next>().get(), 1);
  EXPECT_EQ(At(cluster, "made").size(), 1U) << "the constructor ran once";
}

TEST(ActorDeaths, TheGcsWhileItWaitsForRoom) {
  LiveCluster cluster({1});
  Program program;
  const auto first = actor<Counter>({.num_cpus = 1})();
  EXPECT_EQ(first.call<&Counter::Next>().get(), 1);
  const auto second = actor<Counter>({.num_cpus = 1, .name = "waits"})();  // returns when the GCS knows it
  for (int round = 0; round < 2; ++round) {
    cluster.processes().KillGcs();
    ASSERT_TRUE(cluster.processes().StartGcs().ok());
  }
  first.kill();
  EXPECT_EQ(second.call<&Counter::Next>().get(), 1) << "the successor places it";
}

TEST(ActorDeaths, TheGcsAndThenItsProcessWhileThereIsNone) {
  LiveCluster cluster({2});
  Program program;
  const auto counter = actor<Counter>({.max_restarts = 1, .max_task_retries = -1})();
  const int pid = counter.call<&Counter::Pid>().get();
  cluster.processes().KillGcs();
  EXPECT_EQ(counter.call<&Counter::Next>().get(), 1) << "calls need no GCS";
  KillProcess(pid);
  auto next = counter.call<&Counter::Next>();
  ASSERT_TRUE(cluster.processes().StartGcs().ok());
  EXPECT_EQ(next.get(), 1) << "by the next incarnation: the successor finds out who died";
  EXPECT_NE(counter.call<&Counter::Pid>().get(), pid);
}

}  // namespace
}  // namespace orrery::test
