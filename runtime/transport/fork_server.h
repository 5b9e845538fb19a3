// A worker's program that has been started once and makes copies of itself: what every worker of a job does before its
// first task (loading libraries, an interpreter's imports) is done once per node.
#pragma once

#include <cstdint>
#include <string>

namespace orrery {

// A command whose environment has this variable, not "0", may be started as a fork server. The node manager's host then
// starts it with one end of a socket as SpawnRequest::kReadyFd, and with the environment of the first worker.
constexpr const char* kForkServerVariable = "ORRERY_FORK_SERVER";

// What goes over that socket, each in a packet of its own.
struct ForkRequest {
  uint64_t worker = 0;
  char log[4096] = {};  // path, and a null: where the worker's output goes; the packet ends with it
};
struct ForkReply {
  uint64_t worker = 0;
  // Above 0: the new process, a child of the host by now. 0: the server makes no copies, and is this worker itself.
  // Below 0: -errno.
  int64_t pid = 0;
};

// What an interpreter does around fork(); any may be nullptr.
struct ForkHooks {
  void (*before)() = nullptr;
  void (*in_parent)() = nullptr;
  void (*in_child)() = nullptr;
};

// First thing in the main of a worker's program. Returns at once when the process was not started as a fork server.
// Otherwise it returns in every worker that it makes, whose environment (ORRERY_WORKER_ID), outputs and process group
// are then its own; the server itself stays here until the host closes its end. A process that has threads makes no
// copies, since they would miss in them: it says so, and returns as the first worker.
//
// A copy's parent is to be the host, which takes its exit status and at whose death it dies: it is forked by a copy
// that ends at once, and orphans go to the host, which is their subreaper (prctl(2), PR_SET_CHILD_SUBREAPER).
void ServeForks(const ForkHooks& hooks = {});

}  // namespace orrery
