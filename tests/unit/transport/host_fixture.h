// A node manager's host with a notebook in place of the node manager.
#pragma once

#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "runtime/messages/orrery.pb.h"
#include "runtime/transport/endpoint.h"
#include "runtime/transport/host.h"

namespace orrery {

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
    StartProgram(worker, executable, {"-c", script});
  }
  void StartProgram(WorkerId worker, const std::string& executable, const std::vector<std::string>& arguments,
                    const std::map<std::string, std::string>& variables = {{"GREETING", "good day"}}) {
    Draft<msg::StartProcess> start;
    start->set_worker(worker.value);
    start->mutable_command()->set_executable(executable);
    for (const std::string& argument : arguments) start->mutable_command()->add_arguments(argument);
    start->mutable_command()->set_working_directory(folder);
    for (const auto& [name, value] : variables) {
      msg::Label* variable = start->mutable_command()->add_environment();
      variable->set_key(name);
      variable->set_value(value);
    }
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

inline const WorkerId kOne = WorkerId::Of(NodeId{3}, 7), kTwo = WorkerId::Of(NodeId{3}, 8);

}  // namespace orrery
