// What a caller can meet: a code and a message for people. Bugs assert instead (assert.h).
#pragma once

#include <string>
#include <utility>
#include <variant>

#include "runtime/common/assert.h"

namespace orrery {

// Also the error type of a task's result; numbers are on the wire (messages/orrery.proto), never renumber.
enum class StatusCode : int {
  kOk = 0,
  kInvalidArgument = 1,    // the caller's input is wrong; nothing was done
  kNotFound = 2,           // the named thing does not exist
  kAlreadyExists = 3,      // the name or id is taken
  kUnavailable = 4,        // the peer cannot be reached now
  kTimedOut = 5,           // the given time passed
  kCancelled = 6,          // cancelled by the user
  kInfeasible = 7,         // no node of this cluster could ever hold the request
  kTooLarge = 8,           // exceeds a stated limit
  kApplicationError = 9,   // user code threw
  kWorkerDied = 10,        // the worker process ended while running the task
  kNodeDied = 11,          // the worker's node was declared dead
  kOwnerDied = 12,         // the process that owned the value is gone
  kPermissionDenied = 13,  // token or version refused
  kInternal = 14,          // a defect on the other side
  kObjectLost = 15,        // every copy is gone, and the value cannot be made again
  kStoreFull = 16,         // the object store has no room and can make none
  kDiskFull = 17,          // nor has the disk it would spill to
  kActorDied = 18,         // the actor has ended for good
  kActorUnavailable = 19,  // the actor's process or connection was lost while the call was under way; it may be back
  kPlacementGroupRemoved = 20,  // what it was to run in is not reserved any more
  kPreempted = 21,         // it made room for a job of higher priority
  kEndOfStream = 22,       // the generator has yielded all its items
};

const char* StatusCodeName(StatusCode code);

// Cheap when ok. The message says what happened and to what; context is added by callers.
class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(StatusCode code, std::string message) : code_(code), message_(std::move(message)) {}
  static Status Ok() { return {}; }
  bool ok() const { return code_ == StatusCode::kOk; }
  StatusCode code() const { return code_; }
  const std::string& message() const { return message_; }
  // "InvalidArgument: message".
  std::string ToString() const;

 private:
  StatusCode code_ = StatusCode::kOk;
  std::string message_;
};

// A value or the reason why there is none.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::move(value)) {}  // NOLINT(google-explicit-constructor)
  Result(Status status) : state_(std::move(status)) { ORRERY_ASSERT(!this->status().ok()); }  // NOLINT
  bool ok() const { return std::holds_alternative<T>(state_); }
  const Status& status() const {
    static const Status ok_status;
    return ok() ? ok_status : std::get<Status>(state_);
  }
  T& value() & { return Checked(); }
  const T& value() const& { return const_cast<Result*>(this)->Checked(); }
  T value() && { return std::move(Checked()); }
  T* operator->() { return &Checked(); }
  T& operator*() & { return Checked(); }

 private:
  T& Checked() {
    ORRERY_ASSERT_MSG(ok(), status().message().c_str());
    return std::get<T>(state_);
  }
  std::variant<T, Status> state_;
};

}  // namespace orrery
