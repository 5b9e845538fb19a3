// The stories that need real processes: SIGKILL, SIGSTOP, and what they leave behind.
#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/transport/endpoint.h"
#include "runtime/transport/live_env.h"
#include "runtime/transport/session.h"
#include "tests/conformance/script.h"

extern char** environ;

namespace orrery {
namespace {

class Peer {
 public:
  Peer(const std::string& socket_dir, const char* token) {
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    std::string executable = CONFORMANCE_PEER, folder = socket_dir, word = token;
    char* arguments[] = {executable.data(), folder.data(), word.data(), nullptr};
    EXPECT_EQ(posix_spawn(&pid_, executable.c_str(), &actions, nullptr, arguments, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    std::string line;
    for (char c = 0; read(ends[0], &c, 1) == 1 && c != '\n';) line.push_back(c);
    close(ends[0]);
    address_ = ParseAddress(line).value();
  }
  ~Peer() { Kill(); }
  void Signal(int number) { kill(pid_, number); }
  void Kill() {
    if (pid_ == 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }
  const Address& address() const { return address_; }

 private:
  pid_t pid_ = 0;
  Address address_;
};

size_t FileCount(const std::string& folder) {
  size_t count = 0;
  DIR* directory = opendir(folder.c_str());
  while (const dirent* entry = readdir(directory)) count += entry->d_name[0] != '.' ? 1 : 0;
  closedir(directory);
  return count;
}

// Parameter: over UNIX sockets, or TCP.
struct Processes : ::testing::TestWithParam<bool> {
  void SetUp() override {
    if (GetParam()) {
      char name[] = "/tmp/orrery-processes-XXXXXX";
      ASSERT_NE(mkdtemp(name), nullptr);
      folder = name;
    }
    env = LiveEnv::Create({.role = "test", .socket_dir = folder, .token = "t"}).value();
    machine = std::make_unique<ScriptMachine>(*env, script);
    env->SetStateMachine(machine.get());
    env->Acquire();
  }
  void TearDown() override {
    env.reset();
    if (folder.empty()) return;
    RemoveStaleSockets(folder);
    EXPECT_EQ(rmdir(folder.c_str()), 0);
  }
  void RunUntil(const std::function<bool()>& condition) {
    while (!condition()) env->RunOne(Duration::Millis(10));
  }
  std::string folder;
  Script script;
  std::unique_ptr<LiveEnv> env;
  std::unique_ptr<ScriptMachine> machine;
};
INSTANTIATE_TEST_SUITE_P(Live, Processes, ::testing::Bool(),
                         [](const auto& info) { return info.param ? "Unix" : "Tcp"; });

TEST_P(Processes, SigkillInTheMiddleOfTrafficIsALoss) {
  Peer peer(folder, "t");
  uint64_t next = 0;
  script.on_message = [&](Env& self, const Address& from, uint64_t) { self.Send(from, MakeLoad(next++, 1000)); };
  for (; next < 500; ++next) env->Send(peer.address(), MakeLoad(next, 1000));
  RunUntil([&] { return script.received.size() > 2000; });
  peer.Kill();
  RunUntil([&] { return !script.lost.empty(); });
  EXPECT_EQ(script.CountLost(peer.address()), 1u);
  for (size_t i = 0; i < script.received.size(); ++i) {
    ASSERT_EQ(script.received[i].number, i);
    ASSERT_TRUE(script.received[i].intact);
  }
  env->Send(peer.address(), MakeLoad(0));
  RunUntil([&] { return script.CountLost(peer.address()) == 2; });
}

TEST_P(Processes, SigkillOfAnIdlePeerIsALoss) {
  Peer peer(folder, "t");
  env->Send({peer.address().endpoint, 0}, MakeLoad(1));
  RunUntil([&] { return script.received.size() == 1; });
  peer.Kill();
  RunUntil([&] { return script.lost.size() == 2; });
  EXPECT_EQ(script.CountLost(peer.address()), 1u);
  EXPECT_EQ(script.CountLost({peer.address().endpoint, 0}), 1u);
}

TEST_P(Processes, StoppedProcessIsSilentAndComesBack) {
  Peer peer(folder, "t");
  env->Send(peer.address(), MakeLoad(0));
  RunUntil([&] { return script.received.size() == 1; });
  peer.Signal(SIGSTOP);
  for (uint64_t i = 1; i <= 100; ++i) env->Send(peer.address(), MakeLoad(i));
  for (int i = 0; i < 10; ++i) env->RunOne(Duration::Millis(5));
  EXPECT_TRUE(script.lost.empty()) << "a stopped process keeps its connections: only health checks notice";
  peer.Signal(SIGCONT);
  RunUntil([&] { return script.received.size() == 101; });
  EXPECT_TRUE(script.lost.empty());
}

TEST_P(Processes, WrongTokenIsALossWithAReason) {
  Peer peer(folder, "another cluster");
  env->Send(peer.address(), MakeLoad(1));
  RunUntil([&] { return !script.lost.empty(); });
  EXPECT_EQ(env->LastError(peer.address()).code(), StatusCode::kPermissionDenied);
  EXPECT_TRUE(script.received.empty());
}

TEST_P(Processes, SocketsOfTheKilledAreSweptThoseOfTheLivingStay) {
  if (folder.empty()) GTEST_SKIP() << "TCP leaves no files";
  Peer dead(folder, "t"), living(folder, "t");
  dead.Kill();
  EXPECT_EQ(FileCount(folder), 3u);
  RemoveStaleSockets(folder);
  EXPECT_EQ(FileCount(folder), 2u);
  env->Send(living.address(), MakeLoad(1));
  RunUntil([&] { return script.received.size() == 1; });
}

}  // namespace
}  // namespace orrery
