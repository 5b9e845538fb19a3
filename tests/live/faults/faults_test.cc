// Real processes, killed without warning: what the program sees, and what is left behind (nothing).
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <numeric>
#include <thread>

#include "runtime/api/orrery.h"
#include "tests/live/faults/live_cluster.h"

namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using orrery::test::Eventually;
using orrery::test::FilesIn;
using orrery::test::LiveCluster;
using orrery::test::ProcessesOf;
using orrery::test::ProcessLives;

// ---- tasks ----

int Twice(int x) { return 2 * x; }

// Leaves its pid as a file in `notes`, and waits there until a file "go" appears.
uint32_t Hold(const std::string& notes) {
  std::ofstream(notes + "/" + std::to_string(getpid())) << "";
  while (!fs::exists(notes + "/go") && !orrery::cancelled()) std::this_thread::sleep_for(2ms);
  if (orrery::cancelled()) throw orrery::CancelledError("asked to stop");
  return orrery::context().attempt;
}

int HoldTwoChildren(const std::string& notes) {
  auto a = orrery::remote<&Hold>(notes);
  auto b = orrery::remote<&Hold>(notes);
  return static_cast<int>(a.get() + b.get());
}

uint32_t WhichNode() { return orrery::context().node.value; }

int SumOfTree(int depth) {
  if (depth == 0) return 1;
  auto left = orrery::remote<&SumOfTree>(depth - 1);
  auto right = orrery::remote<&SumOfTree>(depth - 1);
  return left.get() + right.get();
}

int SlowTwice(int x) {
  std::this_thread::sleep_for(2ms);
  return 2 * x;
}

// ---- helpers ----

class Program {
 public:
  explicit Program(orrery::SessionOptions options = {}) : session_(1, argv_, options) {}

 private:
  char name_[16] = "faults_test";
  char* argv_[2] = {name_, nullptr};
  orrery::Session session_;
};

std::vector<int> Holding(const LiveCluster& cluster) {
  std::vector<int> pids;
  for (const std::string& name : FilesIn(cluster.notes())) {
    if (name != "go") pids.push_back(std::stoi(name));
  }
  return pids;
}

int AwaitHolder(const LiveCluster& cluster, const std::vector<int>& except = {}) {
  int found = 0;
  Eventually(
      [&] {
        for (int pid : Holding(cluster)) {
          if (std::find(except.begin(), except.end(), pid) == except.end()) found = pid;
        }
        return found != 0;
      },
      "a task begins");
  return found;
}

void Go(const LiveCluster& cluster) { std::ofstream(cluster.notes() + "/go") << ""; }

// ---- a worker dies ----

TEST(KilledWorker, TheTaskIsTriedAgain) {
  LiveCluster cluster({1});
  Program program;
  auto held = orrery::remote<&Hold>(cluster.notes());
  const int victim = AwaitHolder(cluster);
  ASSERT_EQ(kill(victim, SIGKILL), 0);
  const int second = AwaitHolder(cluster, {victim});
  EXPECT_NE(second, victim);
  Go(cluster);
  EXPECT_EQ(held.get(), 1U) << "the second attempt";
}

TEST(KilledWorker, WithoutRetriesTheCallerLearnsTheSignal) {
  LiveCluster cluster({1});
  Program program;
  auto held = orrery::task<&Hold>({.max_retries = 0})(cluster.notes());
  ASSERT_EQ(kill(AwaitHolder(cluster), SIGKILL), 0);
  try {
    held.get();
    FAIL() << "did not throw";
  } catch (const orrery::WorkerDiedError& error) {
    EXPECT_NE(std::string(error.what()).find("no retries left"), std::string::npos) << error.what();
  }
  EXPECT_EQ(orrery::remote<&Twice>(4).get(), 8) << "the cluster works on";
}

TEST(KilledWorker, WhatItSubmittedDiesWithIt) {
  LiveCluster cluster({3});
  Program program;
  auto parent = orrery::task<&HoldTwoChildren>({.max_retries = 0})(cluster.notes());
  Eventually([&] { return Holding(cluster).size() == 2; }, "both children begin");
  const std::vector<int> children = Holding(cluster);
  const std::vector<int> workers = cluster.Workers();
  int parent_pid = 0;
  for (int pid : workers) {
    if (std::find(children.begin(), children.end(), pid) == children.end()) parent_pid = pid;
  }
  ASSERT_NE(parent_pid, 0);
  ASSERT_EQ(kill(parent_pid, SIGKILL), 0);
  EXPECT_THROW(parent.get(), orrery::WorkerDiedError);
  // All three CPUs come back: three tasks run at once.
  for (int pid : children)
    Eventually([&] { return !ProcessLives(pid); }, "a child's worker ends with the child's owner");
  std::vector<orrery::Ref<uint32_t>> three;
  for (const std::string& name : FilesIn(cluster.notes())) fs::remove(cluster.notes() + "/" + name);
  for (int i = 0; i < 3; ++i) three.push_back(orrery::remote<&Hold>(cluster.notes()));
  Eventually([&] { return Holding(cluster).size() == 3; }, "three tasks run at once");
  Go(cluster);
  EXPECT_EQ(orrery::get(three).size(), 3U);
}

TEST(KilledWorker, AStormOfKillsLosesNoResult) {
  LiveCluster cluster({2, 2});
  Program program;
  const orrery::Task<&SlowTwice> persistent({.strategy = orrery::Spread(), .max_retries = -1});
  std::vector<orrery::Ref<int>> refs;
  for (int i = 0; i < 1000; ++i) refs.push_back(persistent(i));
  int kills = 0;
  for (std::vector<orrery::Ref<int>> pending = refs; !pending.empty();) {
    pending = orrery::wait(pending, std::min<size_t>(pending.size(), 40)).unready;
    const std::vector<int> workers = cluster.Workers();
    if (kills < 15 && !workers.empty() && kill(workers[static_cast<size_t>(kills) % workers.size()], SIGKILL) == 0)
      ++kills;
  }
  EXPECT_EQ(kills, 15);
  const std::vector<int> values = orrery::get(refs);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(values[static_cast<size_t>(i)], 2 * i);
}

// ---- a node dies ----

TEST(KilledNode, ItsWorkersEndAndItsTasksMove) {
  LiveCluster cluster({1, 1});
  Program program;
  auto held =
      orrery::task<&Hold>({.strategy = orrery::NodeAffinity(cluster.processes().NodeIdOf(1), true)})(cluster.notes());
  const int worker = AwaitHolder(cluster);
  ASSERT_EQ(cluster.processes().WorkerPids(1).size(), 1U);
  EXPECT_EQ(cluster.processes().WorkerPids(1).begin()->second, worker);
  cluster.processes().KillNode(1);
  Eventually([&] { return !ProcessLives(worker); }, "the worker ends with its node manager");
  AwaitHolder(cluster, {worker});
  Go(cluster);
  EXPECT_EQ(held.get(), 1U);
  EXPECT_EQ(orrery::remote<&WhichNode>().get(), 1U);
}

TEST(KilledNode, TasksThatMustRunThereFail) {
  LiveCluster cluster({1, 1});
  Program program;
  const orrery::TaskOptions there{.strategy = orrery::NodeAffinity(cluster.processes().NodeIdOf(1)), .max_retries = -1};
  auto held = orrery::task<&Hold>(there)(cluster.notes());
  AwaitHolder(cluster);
  cluster.processes().KillNode(1);
  EXPECT_THROW(held.get(), orrery::InfeasibleError);
  EXPECT_THROW(orrery::task<&Twice>(there)(1).get(), orrery::InfeasibleError);
}

TEST(KilledNode, TheDriversOwnEndsEveryCall) {
  LiveCluster cluster({1, 1});
  Program program;
  auto held = orrery::remote<&Hold>(cluster.notes());
  AwaitHolder(cluster);
  cluster.processes().KillNode(0);
  EXPECT_THROW(held.get(), orrery::Error);
  Eventually(
      [] {
        try {
          orrery::remote<&Twice>(1).get();
        } catch (const orrery::UnavailableError&) {
          return true;
        } catch (const orrery::NodeDiedError&) {
        }
        return false;
      },
      "calls are refused");
}

TEST(KilledNode, ANewOneTakesItsPlace) {
  LiveCluster cluster({0, 1});
  Program program;
  EXPECT_EQ(orrery::remote<&WhichNode>().get(), 2U);
  cluster.processes().KillNode(1);
  auto waiting = orrery::remote<&WhichNode>();
  ASSERT_TRUE(cluster.processes().AddNode({.resources = orrery::ResourceSet::Cpu(1)}).ok());
  EXPECT_EQ(waiting.get(), 3U);
}

// ---- the driver dies ----

// Role of a separate process: submits tasks that never end by themselves.
int DriverThatHolds() {
  Program program;
  const char* folder = std::getenv("ORRERY_SESSION_DIR");
  const std::string notes = std::string(folder) + "/notes";
  std::vector<orrery::Ref<uint32_t>> refs;
  for (int i = 0; i < 6; ++i) refs.push_back(orrery::remote<&Hold>(notes));
  orrery::get(refs);
  return 0;
}

TEST(KilledDriver, ItsWorkersEndAndItsCpusReturn) {
  LiveCluster cluster({2, 2});
  const int driver = orrery::test::StartDriverProcess("hold");
  Eventually([&] { return Holding(cluster).size() == 4; }, "all CPUs are taken");
  const std::vector<int> workers = Holding(cluster);
  ASSERT_EQ(kill(driver, SIGKILL), 0);
  waitpid(driver, nullptr, 0);
  for (int worker : workers) Eventually([&] { return !ProcessLives(worker); }, "a worker of the dead driver ends");
  // No task of the dead job has taken their place, and another job has all CPUs.
  for (int worker : workers) fs::remove(cluster.notes() + "/" + std::to_string(worker));
  Program program;
  std::vector<orrery::Ref<uint32_t>> four;
  for (int i = 0; i < 4; ++i) four.push_back(orrery::remote<&Hold>(cluster.notes()));
  Eventually([&] { return Holding(cluster).size() == 4; }, "four tasks run at once");
  Go(cluster);
  EXPECT_EQ(orrery::get(four), (std::vector<uint32_t>{0, 0, 0, 0}));
}

// Role: a program with a cluster of its own.
int DriverWithOwnCluster() {
  unsetenv("ORRERY_SESSION_DIR");
  orrery::SessionOptions options{.address = "local", .num_cpus = 2};
  Program program(options);
  const std::string notes = std::getenv("ORRERY_TEST_NOTES");
  auto ref = orrery::remote<&Hold>(notes);
  ref.get();
  return 0;
}

TEST(KilledDriver, AClusterOfItsOwnEndsWithIt) {
  std::string notes = "/tmp/orrery-live-test-XXXXXX";
  ASSERT_NE(mkdtemp(notes.data()), nullptr);
  setenv("ORRERY_TEST_NOTES", notes.c_str(), 1);
  const int driver = orrery::test::StartDriverProcess("own_cluster");
  const auto processes = [&] {  // they all have inherited the variable
    std::vector<int> found;
    for (const auto& entry : fs::directory_iterator("/proc")) {
      std::ifstream file(entry.path() / "environ", std::ios::binary);
      const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
      const int pid = std::atoi(entry.path().filename().c_str());
      if (text.find("ORRERY_TEST_NOTES=" + notes) != std::string::npos && ProcessLives(pid) && pid != getpid())
        found.push_back(pid);
    }
    return found;
  };
  Eventually([&] { return !FilesIn(notes).empty(); }, "its task begins");
  EXPECT_GE(processes().size(), 4U) << "driver, GCS, node manager, worker";
  ASSERT_EQ(kill(driver, SIGKILL), 0);
  waitpid(driver, nullptr, 0);
  Eventually([&] { return processes().empty(); }, "daemons and workers end with the program that started them");
  fs::remove_all(notes);
  unsetenv("ORRERY_TEST_NOTES");
}

// ---- the GCS dies ----

TEST(KilledGcs, NodesEndWhenItDoesNotComeBack) {
  LiveCluster cluster({1, 1}, {{"gcs_reconnect_timeout", "500ms"}});
  Program program;
  auto held = orrery::task<&Hold>({.max_retries = 0})(cluster.notes());
  const int worker = AwaitHolder(cluster);
  const int nodes[] = {cluster.processes().NodePid(0), cluster.processes().NodePid(1)};
  cluster.processes().KillGcs();
  EXPECT_THROW(held.get(), orrery::Error);
  for (int node : nodes) Eventually([&] { return !ProcessLives(node); }, "a node manager without GCS ends");
  Eventually([&] { return !ProcessLives(worker); }, "its worker ends");
}

TEST(KilledGcs, ItsSuccessorKnowsTheClusterAndNobodyNotices) {
  LiveCluster cluster({1, 1});
  Program program;
  auto held = orrery::task<&Hold>({.max_retries = 0})(cluster.notes());
  const int worker = AwaitHolder(cluster);
  for (int round = 0; round < 3; ++round) {
    cluster.processes().KillGcs();
    ASSERT_TRUE(cluster.processes().StartGcs().ok());
    // The held task has one CPU; this one asks the new GCS for the other node.
    EXPECT_EQ(orrery::remote<&Twice>(round).get(), 2 * round);
  }
  EXPECT_TRUE(ProcessLives(worker));
  cluster.processes().KillGcs();
  cluster.processes().KillNode(1);
  ASSERT_TRUE(cluster.processes().StartGcs().ok());
  std::ofstream(cluster.notes() + "/go") << "";
  EXPECT_EQ(held.get(), 0u) << "the first attempt";
  EXPECT_EQ(orrery::remote<&Twice>(9).get(), 18) << "the dead node is found dead";
}

// ---- everything at once ----

TEST(KilledCluster, EverybodyAtOnceLeavesNoProcess) {
  LiveCluster cluster({2, 2});
  const int driver = orrery::test::StartDriverProcess("hold");
  Eventually([&] { return Holding(cluster).size() == 4; }, "all CPUs are taken");
  kill(driver, SIGKILL);
  cluster.processes().KillGcs();
  cluster.processes().KillNode(0);
  cluster.processes().KillNode(1);
  waitpid(driver, nullptr, 0);
  Eventually([&] { return ProcessesOf(cluster.session_dir()).empty(); }, "workers end with their node managers");
  // What SIGKILL left in the folder, the next command clears away.
  ASSERT_EQ(std::system((orrery::internal::FindOrreryCommand() + " stop > /dev/null").c_str()), 0);
}

// ---- cancelling, nesting, pressure ----

TEST(Cancel, ReachesTheChildrenOfATask) {
  LiveCluster cluster({3});
  Program program;
  auto parent = orrery::remote<&HoldTwoChildren>(cluster.notes());
  Eventually([&] { return Holding(cluster).size() == 2; }, "both children begin");
  orrery::cancel(parent);
  EXPECT_THROW(parent.get(), orrery::CancelledError);
  EXPECT_EQ(orrery::remote<&Twice>(1).get(), 2);
}

TEST(Cancel, ForceKillsTheWorkerAndNothingElse) {
  LiveCluster cluster({2});
  Program program;
  auto stubborn = orrery::remote<&Hold>(cluster.notes());
  const int worker = AwaitHolder(cluster);
  auto other = orrery::remote<&Hold>(cluster.notes());
  AwaitHolder(cluster, {worker});
  orrery::cancel(stubborn, {.force = true});
  EXPECT_THROW(stubborn.get(), orrery::CancelledError);
  Eventually([&] { return !ProcessLives(worker); }, "its worker ends");
  Go(cluster);
  EXPECT_EQ(other.get(), 0U);
}

TEST(Nesting, ATreeDeeperThanTheClusterIsWideFinishes) {
  LiveCluster cluster({1, 1});
  Program program;
  EXPECT_EQ(orrery::remote<&SumOfTree>(6).get(), 64);
}

TEST(Pressure, SubmissionWaitsForRoom) {
  LiveCluster cluster({2});
  Program program({.settings = {{"max_pending_tasks", "200"}}});
  std::vector<orrery::Ref<int>> refs;
  for (int i = 0; i < 5000; ++i) refs.push_back(orrery::remote<&Twice>(i));
  const std::vector<int> values = orrery::get(refs);
  for (int i = 0; i < 5000; ++i) ASSERT_EQ(values[static_cast<size_t>(i)], 2 * i);
}

TEST(Threads, ManySubmitAndWaitAtOnce) {
  LiveCluster cluster({2});
  Program program;
  std::atomic<int64_t> sum{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 6; ++t) {
    threads.emplace_back([t, &sum] {
      for (int round = 0; round < 10; ++round) {
        std::vector<orrery::Ref<int>> refs;
        for (int i = 0; i < 50; ++i) refs.push_back(orrery::remote<&Twice>(t));
        if (round % 2 == 0) orrery::wait(refs, 25);
        for (const auto& ref : refs) sum += ref.get();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(sum, 2 * 500 * (0 + 1 + 2 + 3 + 4 + 5));
}

int Prints() {
  std::puts("a line for the log");
  return 0;
}

TEST(Logs, WhatTasksPrintIsInTheirWorkersLog) {
  LiveCluster cluster({1});
  Program program;
  orrery::remote<&Prints>().get();
  std::string all;
  for (const std::string& name : FilesIn(cluster.session_dir() + "/logs")) {
    if (!name.starts_with("worker-")) continue;
    std::ifstream file(cluster.session_dir() + "/logs/" + name);
    all.append(std::istreambuf_iterator<char>(file), {});
  }
  EXPECT_NE(all.find("a line for the log"), std::string::npos) << all;
}

TEST(Token, AWrongOneIsRefused) {
  LiveCluster cluster({1});
  const std::string path = cluster.session_dir() + "/token";
  fs::rename(path, path + ".good");
  std::ofstream(path) << "0123456789abcdef0123456789abcdef\n";
  fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write);
  try {
    Program program;
    ADD_FAILURE() << "connected";
  } catch (const orrery::Error& error) {
    EXPECT_EQ(error.code(), orrery::StatusCode::kPermissionDenied) << error.what();
  }
  fs::rename(path + ".good", path);
}

}  // namespace

int main(int argc, char** argv) {
  orrery::internal::ServeIfWorker();
  if (argc > 1 && std::string(argv[1]) == "--role=hold") return DriverThatHolds();
  if (argc > 1 && std::string(argv[1]) == "--role=own_cluster") return DriverWithOwnCluster();
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
