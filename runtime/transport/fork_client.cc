#include "runtime/transport/fork_client.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <utility>

#include "runtime/transport/fork_server.h"
#include "runtime/transport/live_env_internal.h"

namespace orrery {

ForkClient::ForkClient(LiveEnv& env, std::function<void(const ForkResult&)> started)
    : env_(env), started_(std::move(started)) {}

ForkClient::~ForkClient() {
  for (auto& [key, server] : servers_) {
    if (server.pid != 0) {
      kill(-server.pid, SIGKILL);
      waitpid(server.pid, nullptr, 0);
    }
    Close(server);
  }
  env_.impl().CancelCall(kIdleTimer);
}

// ---- asking ----

void ForkClient::Start(const std::string& key, WorkerId worker, SpawnRequest spawn) {
  Server& server = servers_[key];
  Wanted wanted{worker, std::move(spawn)};
  if (server.declined) return SpawnAnew(key, wanted);
  server.wanted.push_back(std::move(wanted));
  Begin(key);
}

// Has the server asked for what is wanted; starts it if need be. One that is ending is awaited first.
void ForkClient::Begin(const std::string& key) {
  Server& server = servers_.at(key);
  if (server.ending || server.wanted.empty()) return;
  if (server.pid == 0) {
    const SpawnRequest& spawn = server.wanted.front().spawn;
    if (const int error = Launch(key, server, spawn); error != 0) {
      const std::string message =
          "cannot start '" + spawn.words.front() + "' in '" + spawn.folder + "': " + std::strerror(error);
      const std::deque<Wanted> wanted = std::exchange(server.wanted, {});
      if (server.workers == 0) servers_.erase(key);
      for (const Wanted& one : wanted) Failed(one, 127, 0, message);
      return;
    }
  }
  Ask(server);
}

int ForkClient::Launch(const std::string& key, Server& server, SpawnRequest spawn) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) return errno;
  fcntl(pair[1], F_SETFL, 0);  // the server waits
  // Above the number that it gets there.
  const int theirs = fcntl(pair[1], F_DUPFD_CLOEXEC, SpawnRequest::kReadyFd + 1);
  close(pair[1]);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  spawn.environment[kForkServerVariable] = "serve";
  spawn.ready = theirs;
  const int error = Spawn(spawn, &server.pid);
  close(theirs);
  if (error != 0) {
    close(pair[0]);
    return error;
  }
  server.socket = pair[0];
  server.pidfd = static_cast<int>(syscall(SYS_pidfd_open, server.pid, 0));
  ORRERY_ASSERT_MSG(server.pidfd >= 0, "pidfd_open needs Linux 5.3 or newer");
  env_.impl().WatchReadable(server.socket, [this, key] { OnReply(key); });
  env_.impl().WatchReadable(server.pidfd, [this, key] { OnEnd(key); });
  return 0;
}

void ForkClient::Ask(Server& server) {
  while (server.asked < std::min(server.wanted.size(), kMostAsked)) {
    const Wanted& wanted = server.wanted[server.asked++];
    ForkRequest request;
    request.worker = wanted.worker.value;
    const size_t length = wanted.spawn.log.copy(request.log, sizeof request.log - 1);
    (void)!send(server.socket, &request, offsetof(ForkRequest, log) + length + 1, MSG_NOSIGNAL);
  }
}

bool ForkClient::Starting(WorkerId worker) const {
  return std::any_of(servers_.begin(), servers_.end(), [&](const auto& entry) {
    const auto& wanted = entry.second.wanted;
    return std::any_of(wanted.begin(), wanted.end(), [&](const Wanted& other) { return other.worker == worker; });
  });
}

void ForkClient::Kill(WorkerId worker, int signal) {
  for (auto& [key, server] : servers_) {
    for (Wanted& wanted : server.wanted) {
      if (wanted.worker == worker && wanted.kill != SIGKILL) wanted.kill = signal;
    }
  }
}

// ---- answers ----

void ForkClient::OnReply(const std::string& key) {
  while (TakeReply(key)) {
  }
  const Server& server = servers_.at(key);
  if (server.socket < 0) return;
  char byte = 0;
  if (recv(server.socket, &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 0) return;  // it has ended, as its pidfd says, too
  env_.impl().WatchReadable(server.socket, [this, key] { OnReply(key); });
}

bool ForkClient::TakeReply(const std::string& key) {
  Server& server = servers_.at(key);
  ForkReply reply;
  if (recv(server.socket, &reply, sizeof reply, MSG_DONTWAIT) != sizeof reply) return false;
  if (server.wanted.empty() || server.wanted.front().worker.value != reply.worker) return true;
  if (reply.pid == 0) {
    Decline(key);
    return false;
  }
  const Wanted wanted = std::move(server.wanted.front());
  server.wanted.pop_front();
  --server.asked;
  Ask(server);
  if (reply.pid > 0)
    Started(key, wanted, static_cast<int>(reply.pid));
  else
    Failed(wanted, 127, 0, std::string("cannot fork: ") + std::strerror(static_cast<int>(-reply.pid)));
  return true;
}

// The server has become the first worker.
void ForkClient::Decline(const std::string& key) {
  Server& server = servers_.at(key);
  server.declined = true;
  env_.impl().Unwatch(server.pidfd);
  const int pid = std::exchange(server.pid, 0);
  Close(server);
  const std::deque<Wanted> wanted = std::exchange(server.wanted, {});
  Started(key, wanted.front(), pid);
  for (size_t i = 1; i < wanted.size(); ++i) SpawnAnew(key, wanted[i]);
}

void ForkClient::SpawnAnew(const std::string& key, const Wanted& wanted) {
  int pid = 0;
  const int error = Spawn(wanted.spawn, &pid);
  if (error == 0) return Started(key, wanted, pid);
  Failed(wanted, 127, 0,
         "cannot start '" + wanted.spawn.words.front() + "' in '" + wanted.spawn.folder + "': " + std::strerror(error));
}

void ForkClient::Started(const std::string& key, const Wanted& wanted, int pid) {
  ++servers_.at(key).workers;
  keys_[wanted.worker] = key;
  started_({.worker = wanted.worker, .pid = pid, .message = "", .kill = wanted.kill});
}

void ForkClient::Failed(const Wanted& wanted, int code, int signal, const std::string& message) {
  started_({.worker = wanted.worker, .code = code, .signal = signal, .message = message});
}

// ---- ends ----

// By itself or killed: those it has not made yet share its fate, as if they had ended so.
void ForkClient::OnEnd(const std::string& key) {
  Server& server = servers_.at(key);
  if (server.socket >= 0) {
    while (TakeReply(key)) {
    }
  }
  int status = 0;
  waitpid(std::exchange(server.pid, 0), &status, 0);
  Close(server);
  server.asked = 0;
  if (std::exchange(server.ending, false) && !server.wanted.empty()) return Begin(key);
  const std::deque<Wanted> wanted = std::exchange(server.wanted, {});
  if (server.workers == 0) servers_.erase(key);
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 0, signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  const std::string end =
      signal != 0 ? "killed by signal " + std::to_string(signal) : "exit code " + std::to_string(code);
  for (const Wanted& one : wanted) Failed(one, code, signal, end + " before it could start a worker");
}

void ForkClient::OnExit(WorkerId worker) {
  const auto it = keys_.find(worker);
  if (it == keys_.end()) return;
  Server& server = servers_.at(it->second);
  if (--server.workers == 0) {
    if (server.pid == 0 && server.wanted.empty())
      servers_.erase(it->second);
    else
      env_.impl().CallLater(kIdleTimer, Duration::Seconds(1), [this] { EndIdle(); });
  }
  keys_.erase(it);
}

void ForkClient::EndIdle() {
  for (auto& [key, server] : servers_) {
    if (!server.idle() || server.socket < 0) continue;
    server.ending = true;
    env_.impl().Unwatch(server.socket);
    close(std::exchange(server.socket, -1));  // which ends it
  }
}

void ForkClient::Close(Server& server) {
  for (int* fd : {&server.socket, &server.pidfd}) {
    if (*fd < 0) continue;
    env_.impl().Unwatch(*fd);
    close(std::exchange(*fd, -1));
  }
}

void ForkClient::ReapOrphans(const std::function<bool(int pid)>& ours) const {
  for (const auto& [key, server] : servers_) {
    if (!server.wanted.empty()) return;  // an orphan may be one of these, whose number we are still to hear
  }
  const auto is_server = [&](int pid) {
    return std::any_of(servers_.begin(), servers_.end(), [&](const auto& entry) { return entry.second.pid == pid; });
  };
  for (;;) {
    siginfo_t ended{};
    if (waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT) != 0 || ended.si_pid == 0) return;
    if (is_server(ended.si_pid) || ours(ended.si_pid)) return;  // its turn comes first; the others' with the next end
    waitpid(ended.si_pid, nullptr, WNOHANG);
  }
}

}  // namespace orrery
