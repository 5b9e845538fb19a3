// Starting and killing processes, and that nothing of them stays.
#include "runtime/transport/host.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <map>
#include <sstream>

#include "runtime/messages/orrery.pb.h"
#include "runtime/transport/endpoint.h"

namespace orrery {
namespace {

struct Notes final : StateMachine {
  std::map<uint64_t, uint32_t> pids;
  std::map<uint64_t, msg::ProcessExited> exits;
  void OnMessage(const Address& from, Message message) override {
    EXPECT_EQ(from, Address::Host());
    if (message.kind() == MessageKind::kProcessStarted) {
      pids[message.As<msg::ProcessStarted>().worker()] = message.As<msg::ProcessStarted>().pid();
    } else {
      EXPECT_TRUE(exits.emplace(message.As<msg::ProcessExited>().worker(), message.As<msg::ProcessExited>()).second)
          << "told once";
    }
  }
  void OnTimer(TimerKind, uint64_t) override {}
  void OnPeerLost(const Address&) override {}
};

struct HostTest : ::testing::Test {
  std::string folder = [] {
    char name[] = "/tmp/orrery-host-XXXXXX";
    return std::string(mkdtemp(name));
  }();
  std::unique_ptr<LiveEnv> env = LiveEnv::Create({.role = "test", .token = "t"}).value();
  std::unique_ptr<LiveHost> host = std::make_unique<LiveHost>(
      *env, HostOptions{.session_dir = folder, .token_file = folder + "/token", .log_dir = folder});
  Notes notes;

  void SetUp() override {
    prctl(PR_SET_CHILD_SUBREAPER, 1);  // orphans come to us, not to an init that may never look
    env->SetStateMachine(&notes);
    env->SetLocalEndpoint(Address::Host(), host.get());
    env->Acquire();
  }
  void TearDown() override {
    host.reset();
    size_t host_children = 0;
    for (const auto& [worker, pid] : notes.pids)
      host_children += waitpid(static_cast<pid_t>(pid), nullptr, WNOHANG) == -1 ? 0 : 1;
    EXPECT_EQ(host_children, 0u) << "the launcher reaps its own";
    while (waitpid(-1, nullptr, 0) > 0) {
    }
    (void)system(("rm -r " + folder).c_str());
  }
  void Start(WorkerId worker, const std::string& script, const std::string& executable = "/bin/sh") {
    Draft<msg::StartProcess> start;
    start->set_worker(worker.value);
    start->mutable_command()->set_executable(executable);
    start->mutable_command()->add_arguments("-c");
    start->mutable_command()->add_arguments(script);
    start->mutable_command()->set_working_directory(folder);
    msg::Label* variable = start->mutable_command()->add_environment();
    variable->set_key("GREETING");
    variable->set_value("good day");
    env->Send(Address::Host(), std::move(start));
  }
  void Kill(WorkerId worker, bool force) {
    Draft<msg::KillProcess> order;
    order->set_worker(worker.value);
    order->set_force(force);
    env->Send(Address::Host(), std::move(order));
  }
  void RunUntil(const std::function<bool()>& condition) {
    while (!condition()) env->RunOne(Duration::Millis(10));
  }
  // Waits for the group's last member; would wait for ever if one were left running.
  static void ExpectGroupEnds(uint32_t pid) {
    while (waitpid(-static_cast<pid_t>(pid), nullptr, 0) > 0) {
    }
    EXPECT_EQ(errno, ECHILD);
  }
  std::string Log(WorkerId worker) {
    std::ifstream file(folder + "/" + ToString(worker) + ".log");
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }
};

const WorkerId kOne = WorkerId::Of(NodeId{3}, 7), kTwo = WorkerId::Of(NodeId{3}, 8);

TEST_F(HostTest, ExitCodeLogEnvironmentAndFolder) {
  Start(kOne, "echo $GREETING from $PWD as $ORRERY_WORKER_ID of $ORRERY_NODE_MANAGER; echo oops >&2; exit 7");
  RunUntil([&] { return notes.exits.count(kOne.value) != 0; });
  EXPECT_GT(notes.pids[kOne.value], 0u);
  EXPECT_EQ(notes.exits[kOne.value].exit_code(), 7);
  EXPECT_EQ(notes.exits[kOne.value].signal(), 0);
  EXPECT_EQ(Log(kOne), "good day from " + folder + " as " + std::to_string(kOne.value) + " of " +
                           ToString(env->address()) + "\noops\n");
  EXPECT_EQ(host->process_count(), 0u);
}

TEST_F(HostTest, WhatCannotStartIsAnExitWithAReason) {
  Start(kOne, "", "/no/such/program");
  RunUntil([&] { return notes.exits.count(kOne.value) != 0; });
  EXPECT_NE(notes.exits[kOne.value].message().find("/no/such/program"), std::string::npos);
  EXPECT_TRUE(notes.pids.empty());
}

TEST_F(HostTest, SigtermAndSigkillReachTheWholeGroup) {
  // Two processes each: the shell and its child. The second group ignores SIGTERM.
  Start(kOne, "sleep 1000 & wait");
  Start(kTwo, "trap '' TERM; echo ready; sleep 1000 & wait; wait");
  RunUntil([&] { return notes.pids.size() == 2 && Log(kTwo) == "ready\n"; });
  Kill(kOne, false);
  Kill(kTwo, false);
  RunUntil([&] { return notes.exits.count(kOne.value) != 0; });
  EXPECT_EQ(notes.exits[kOne.value].signal(), SIGTERM);
  EXPECT_EQ(notes.exits.count(kTwo.value), 0u);
  Kill(kTwo, true);
  RunUntil([&] { return notes.exits.count(kTwo.value) != 0; });
  EXPECT_EQ(notes.exits[kTwo.value].signal(), SIGKILL);
  for (const auto& [worker, pid] : notes.pids) {
    ExpectGroupEnds(pid);
  }
}

TEST_F(HostTest, ChildrenOfAWorkerEndWithIt) {
  Start(kOne, "sleep 1000 & exit 0");
  RunUntil([&] { return notes.exits.count(kOne.value) != 0; });
  ExpectGroupEnds(notes.pids[kOne.value]);
}

TEST_F(HostTest, DestructorKillsAndReapsAll) {
  for (uint32_t i = 0; i < 5; ++i) Start(WorkerId::Of(NodeId{1}, i + 1), "trap '' TERM; sleep 1000");
  RunUntil([&] { return notes.pids.size() == 5; });
}

TEST_F(HostTest, DescriptorsDoNotLeakIntoChildren) {
  Start(kOne, "ls -l /proc/self/fd | grep -c socket:; exit 0");
  RunUntil([&] { return notes.exits.count(kOne.value) != 0; });
  EXPECT_EQ(Log(kOne), "0\n");
}

TEST_F(HostTest, ExitStopsTheProcess) {
  Draft<msg::Exit> exit;
  exit->set_code(3);
  exit->set_reason("told so");
  env->Send(Address::Host(), std::move(exit));
  RunUntil([&] { return env->stopped(); });
  EXPECT_EQ(host->exit_code(), 3);
  EXPECT_EQ(host->exit_reason(), "told so");
}

TEST(DieWithParentTest, OrphanDies) {
  // child → grandchild; the child dies by SIGKILL, the grandchild must go, too.
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    const pid_t self = getpid();
    if (fork() == 0) {
      DieWithParent(self);
      (void)write(ends[1], "x", 1);
      pause();
      _exit(0);
    }
    pause();
  }
  close(ends[1]);
  char c = 0;
  ASSERT_EQ(read(ends[0], &c, 1), 1);
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  EXPECT_EQ(read(ends[0], &c, 1), 0) << "the pipe closes when the last writer has died";
  close(ends[0]);
}

TEST(WorkerEnvironmentTest, ReadFromTheProcess) {
  unsetenv("ORRERY_WORKER_ID");
  EXPECT_FALSE(WorkerEnvironment::FromProcess().value().has_value());
  setenv("ORRERY_WORKER_ID", "12884901895", 1);
  setenv("ORRERY_PARENT_PID", "42", 1);
  setenv("ORRERY_NODE_MANAGER", "127.0.0.1:4000/1f", 1);
  setenv("ORRERY_TOKEN_FILE", "/x/token", 1);
  const auto environment = WorkerEnvironment::FromProcess().value();
  ASSERT_TRUE(environment.has_value());
  EXPECT_EQ(environment->worker, kOne);
  EXPECT_EQ(environment->parent_pid, 42);
  EXPECT_EQ(environment->node_manager, MakeAddress(0x7f000001, 4000, 0x1f));
  setenv("ORRERY_NODE_MANAGER", "nonsense", 1);
  EXPECT_EQ(WorkerEnvironment::FromProcess().status().code(), StatusCode::kInvalidArgument);
  unsetenv("ORRERY_WORKER_ID");
}

}  // namespace
}  // namespace orrery
