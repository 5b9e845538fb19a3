// What the public API throws. Everything derives from orrery::Error and carries the StatusCode of its cause.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>

#include "runtime/common/status.h"

namespace orrery {

class Error : public std::runtime_error {
 public:
  Error(StatusCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  StatusCode code() const { return code_; }

 private:
  StatusCode code_;
};

// The task's function threw. what() is "TYPE: MESSAGE"; the parts follow.
class TaskError : public Error {
 public:
  TaskError(const std::string& message, std::string type, std::string stack)
      : Error(StatusCode::kApplicationError, message), type_(std::move(type)), stack_(std::move(stack)) {}
  // Demangled type of the exception, e.g. "std::out_of_range".
  const std::string& type_name() const { return type_; }
  // Where it was thrown in the worker, one frame a line.
  const std::string& stack() const { return stack_; }

 private:
  std::string type_;
  std::string stack_;
};

template <StatusCode kCode>
class ErrorOf : public Error {
 public:
  explicit ErrorOf(const std::string& message) : Error(kCode, message) {}
};

// The worker process ended while it ran the task, and no retries were left.
class WorkerDiedError : public ErrorOf<StatusCode::kWorkerDied> {
  using ErrorOf::ErrorOf;
};
// The worker's node was declared dead, and no retries were left; or the driver's own node manager is gone.
class NodeDiedError : public ErrorOf<StatusCode::kNodeDied> {
  using ErrorOf::ErrorOf;
};
// The task was cancelled, or, inside a task, this task was while it waited.
class CancelledError : public ErrorOf<StatusCode::kCancelled> {
  using ErrorOf::ErrorOf;
};
// The time given to get() passed. The task goes on.
class TimeoutError : public ErrorOf<StatusCode::kTimedOut> {
  using ErrorOf::ErrorOf;
};
// A value exceeds a stated limit, such as the size of a node's object store.
class TooLargeError : public ErrorOf<StatusCode::kTooLarge> {
  using ErrorOf::ErrorOf;
};
// No node of the cluster could ever hold the request.
class InfeasibleError : public ErrorOf<StatusCode::kInfeasible> {
  using ErrorOf::ErrorOf;
};
// The cluster, or this process's connection to it, is not there.
class UnavailableError : public ErrorOf<StatusCode::kUnavailable> {
  using ErrorOf::ErrorOf;
};
// The process that owned the value is gone.
class OwnerDiedError : public ErrorOf<StatusCode::kOwnerDied> {
  using ErrorOf::ErrorOf;
};
// Every copy of the value is gone with its node, and it cannot be made again: it was put, or its task has no retries
// left.
class ObjectLostError : public ErrorOf<StatusCode::kObjectLost> {
  using ErrorOf::ErrorOf;
};
// The node's object store has no room for the value and can make none.
class StoreFullError : public ErrorOf<StatusCode::kStoreFull> {
  using ErrorOf::ErrorOf;
};
// Nor has the disk that the store would spill to.
class DiskFullError : public ErrorOf<StatusCode::kDiskFull> {
  using ErrorOf::ErrorOf;
};
// The actor has ended for good: what() says why.
class ActorDiedError : public ErrorOf<StatusCode::kActorDied> {
  using ErrorOf::ErrorOf;
};
// The actor's process, or the connection to it, was lost while the call was under way, and max_task_retries allows no
// further attempt. Whether the method ran is not known. Later calls may succeed.
class ActorUnavailableError : public ErrorOf<StatusCode::kActorUnavailable> {
  using ErrorOf::ErrorOf;
};
// The placement group that it was to run in, or that was waited for, has been removed.
class PlacementGroupRemovedError : public ErrorOf<StatusCode::kPlacementGroupRemoved> {
  using ErrorOf::ErrorOf;
};
// It was ended to make room for a job of higher priority (setting job_preemption), and max_retries = 0 forbids to run
// it again.
class PreemptedError : public ErrorOf<StatusCode::kPreempted> {
  using ErrorOf::ErrorOf;
};
// The bytes are not a value of the type that was asked for.
class MalformedError : public ErrorOf<StatusCode::kInvalidArgument> {
  using ErrorOf::ErrorOf;
};

namespace internal {

// Throws the class that belongs to `code`. `stack` is that of a TaskReply: its first line names the exception's type.
[[noreturn]] void ThrowError(StatusCode code, const std::string& message, const std::string& stack = {});

}  // namespace internal
}  // namespace orrery
