// Workers that are copies of a program that was started once.
#include "runtime/transport/fork_server.h"

#include <cstdio>

#include "tests/unit/transport/host_fixture.h"

namespace orrery {
namespace {

struct ForkServerTest : HostTest {
  void Fork(WorkerId worker, const std::string& way, const std::string& allowed = "1") {
    StartProgram(worker, FORKED_PROGRAM, {way}, {{kForkServerVariable, allowed}});
  }
  // It runs, and the host has heard of it: its server may be killed now.
  void AwaitLog(WorkerId worker) {
    RunUntil([&] { return notes.pids.count(worker.value) != 0 && Log(worker).ends_with('\n'); });
  }
  void AwaitExit(WorkerId worker) {
    RunUntil([&] { return notes.exits.count(worker.value) != 0; });
  }
  // The process that the worker is a copy of, or is itself; 0 when its log is not as it should be.
  int BegunBy(WorkerId worker) {
    int begun = 0, parent = 0;
    unsigned long long id = 0;
    const std::string log = Log(worker);
    const int read = std::sscanf(log.c_str(), "begun by %d as %llu of %d; no more forks\n", &begun, &id, &parent);
    EXPECT_TRUE(read == 3 && id == worker.value && parent == getpid()) << log;
    return begun;
  }
};

TEST_F(ForkServerTest, WorkersAreCopiesOfOneProcessAndChildrenOfTheHost) {
  Fork(kOne, "ends");
  Fork(kTwo, "ends");
  AwaitExit(kOne);
  AwaitExit(kTwo);
  EXPECT_EQ(BegunBy(kOne), BegunBy(kTwo));
  for (WorkerId worker : {kOne, kTwo}) {
    EXPECT_NE(BegunBy(worker), static_cast<int>(notes.pids[worker.value]));
    EXPECT_EQ(notes.exits[worker.value].exit_code(), 7);
  }
  EXPECT_EQ(host->process_count(), 0U);
  RunUntil([&] { return kill(BegunBy(kOne), 0) != 0; });  // nobody needs the server any more
  Fork(kOne, "ends");
  notes.exits.clear();
  AwaitExit(kOne);
  EXPECT_EQ(notes.exits[kOne.value].exit_code(), 7) << "and there is another when somebody does";
}

TEST_F(ForkServerTest, AWorkerMayBeKilledBeforeItIsThere) {
  Fork(kOne, "stays");
  Kill(kOne, true);
  AwaitExit(kOne);
  EXPECT_EQ(notes.exits[kOne.value].signal(), SIGKILL);
  ExpectGroupEnds(notes.pids[kOne.value]);
}

TEST_F(ForkServerTest, WorkersOutliveTheirServer) {
  Fork(kOne, "stays");
  AwaitLog(kOne);
  kill(BegunBy(kOne), SIGKILL);
  RunUntil([&] { return kill(BegunBy(kOne), 0) != 0; });
  Fork(kTwo, "stays");
  AwaitLog(kTwo);
  EXPECT_NE(BegunBy(kOne), BegunBy(kTwo));
  EXPECT_TRUE(notes.exits.empty());
  Kill(kOne, false);
  AwaitExit(kOne);
  EXPECT_EQ(notes.exits[kOne.value].signal(), SIGTERM);
}

TEST_F(ForkServerTest, ThreadsAreNotCopied) {
  for (WorkerId worker : {kOne, kTwo}) Fork(worker, "threads");
  for (WorkerId worker : {kOne, kTwo}) {
    AwaitExit(worker);
    EXPECT_EQ(BegunBy(worker), static_cast<int>(notes.pids[worker.value])) << "each is started anew";
    EXPECT_EQ(notes.exits[worker.value].exit_code(), 7);
  }
}

TEST_F(ForkServerTest, AServerThatEndsEarlyIsTheEndOfItsWorkers) {
  for (WorkerId worker : {kOne, kTwo}) Fork(worker, "dies");
  for (WorkerId worker : {kOne, kTwo}) {
    AwaitExit(worker);
    EXPECT_EQ(notes.exits[worker.value].exit_code(), 9);
    EXPECT_NE(notes.exits[worker.value].message().find("before it could start a worker"), std::string::npos);
  }
  StartProgram(kOne, "/no/such/program", {}, {{kForkServerVariable, "1"}});
  notes.exits.clear();
  AwaitExit(kOne);
  EXPECT_NE(notes.exits[kOne.value].message().find("/no/such/program"), std::string::npos);
}

TEST_F(ForkServerTest, OrphansAreReaped) {
  Fork(kOne, "orphans");
  AwaitExit(kOne);
  RunUntil([&] {  // whenever another ends
    Fork(kTwo, "ends");
    notes.exits.clear();
    AwaitExit(kTwo);
    siginfo_t ended{};
    return waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT) == 0 && ended.si_pid == 0;
  });
}

TEST_F(ForkServerTest, NotWhereItIsNotAllowed) {
  Fork(kOne, "ends", "0");
  AwaitExit(kOne);
  EXPECT_EQ(BegunBy(kOne), static_cast<int>(notes.pids[kOne.value]));
}

}  // namespace
}  // namespace orrery
