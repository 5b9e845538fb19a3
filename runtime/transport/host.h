// The machine as an endpoint: starts worker processes, kills them, and tells their ends.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "runtime/common/ids.h"
#include "runtime/transport/live_env.h"

namespace orrery {

// What a worker process needs to know of its node, passed in the environment. The token itself never is: only its path.
//   ORRERY_WORKER_ID      the WorkerId's value, decimal
//   ORRERY_NODE_MANAGER   ToString(Address) with incarnation
//   ORRERY_TOKEN_FILE     path of the cluster's token file
//   ORRERY_SESSION_DIR    the session folder (sockets, logs)
//   ORRERY_PARENT_PID     the node manager's pid
struct WorkerEnvironment {
  WorkerId worker;
  Address node_manager;
  std::string token_file{};
  std::string session_dir{};
  int parent_pid = 0;

  // The environment of this process when a node manager started it; nullopt in a driver. An error when it is garbled.
  static Result<std::optional<WorkerEnvironment>> FromProcess();
};

// First thing in a worker's main: have the kernel send `signal` (SIGKILL) when the parent dies, also if the parent is
// dead already (then this call does not return). posix_spawn cannot set this from outside.
void DieWithParent(int parent_pid, int signal = 9);

struct HostOptions {
  std::string session_dir{};
  std::string socket_dir{};  // swept of dead workers' sockets
  std::string token_file{};
  std::string log_dir{};  // "<log_dir>/worker-3.7.log" gets a worker's stdout and stderr
};

// The Host endpoint of a node manager. StartProcess → posix_spawn, or a fork by the command's fork server if it can be
// one (fork_server.h), in a process group of its own, answered by ProcessStarted, and by ProcessExited when the process
// is gone (also when it could not be started). KillProcess → SIGTERM or SIGKILL to the group. Exit → env.Stop(), with
// exit_code() set. The destructor kills and reaps all.
class LiveHost final : public LocalEndpoint {
 public:
  LiveHost(LiveEnv& env, HostOptions options);
  ~LiveHost() override;
  void OnMessage(Message message) override;
  // Of the Exit message, or 0.
  int exit_code() const;
  const std::string& exit_reason() const;
  size_t process_count() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace orrery
