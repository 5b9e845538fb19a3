// Starting and killing processes, and that nothing of them stays.
#include "tests/unit/transport/host_fixture.h"

namespace orrery {
namespace {

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
