// The host's end of fork servers: which there are, and the workers that are being made.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <string>

#include "runtime/common/ids.h"
#include "runtime/transport/live_env.h"
#include "runtime/transport/spawn.h"

namespace orrery {

// How a worker's process was started, or why it was not.
struct ForkResult {
  WorkerId worker;
  int pid = 0;  // a child of this process; 0: there is none
  int code = 0, signal = 0;  // then: the server's end, or 127
  std::string message;
  int kill = 0;  // the signal that the worker was meant to get meanwhile
};

// One server per command (the driver's program, its arguments, environment and folder), from the first worker that
// needs it until a second after the last has ended.
class ForkClient {
 public:
  // `started` hears of every worker once, in the driving thread.
  ForkClient(LiveEnv& env, std::function<void(const ForkResult&)> started);
  // Kills and reaps the servers.
  ~ForkClient();

  // `spawn`: of this worker, if there is no server; every command has another `key`.
  void Start(const std::string& key, WorkerId worker, SpawnRequest spawn);
  // Whether the worker's process has been asked for and is not there yet.
  bool Starting(WorkerId worker) const;
  // Once it is there.
  void Kill(WorkerId worker, int signal);
  // The process of a worker that was reported as started is gone.
  void OnExit(WorkerId worker);
  // Takes the exit status of what the workers' own children left behind and was given to us, as the servers' orphans
  // are. `ours`: whether somebody here waits for this process.
  void ReapOrphans(const std::function<bool(int pid)>& ours) const;

 private:
  struct Wanted {
    WorkerId worker;
    SpawnRequest spawn;
    int kill = 0;
  };
  struct Server {
    int pid = 0, pidfd = -1, socket = -1;
    bool declined = false;  // it was a worker itself in the end: each is started anew
    bool ending = false;    // as we want it to
    std::deque<Wanted> wanted;
    size_t asked = 0;  // for the first of them
    int workers = 0;   // that live
    bool idle() const { return wanted.empty() && workers == 0; }
  };
  // 0, or errno.
  int Launch(const std::string& key, Server& server, SpawnRequest spawn);
  void Begin(const std::string& key);
  void Ask(Server& server);
  void OnReply(const std::string& key);
  // False: there is none, or the server has become a worker.
  bool TakeReply(const std::string& key);
  void OnEnd(const std::string& key);
  void Decline(const std::string& key);
  void SpawnAnew(const std::string& key, const Wanted& wanted);
  void Started(const std::string& key, const Wanted& wanted, int pid);
  void Failed(const Wanted& wanted, int code, int signal, const std::string& message);
  void EndIdle();
  void Close(Server& server);

  static constexpr uint64_t kIdleTimer = 2;  // beside the host's
  static constexpr size_t kMostAsked = 16;   // questions that the socket certainly holds
  LiveEnv& env_;
  const std::function<void(const ForkResult&)> started_;
  std::map<std::string, Server> servers_;
  std::map<WorkerId, std::string> keys_;  // of workers that live
};

}  // namespace orrery
