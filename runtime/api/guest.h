// Another language in this process: tasks whose functions the executable does not know, and its wish to end a blocked
// call. Python is one. Internal.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "runtime/api/errors.h"
#include "runtime/common/ids.h"
#include "runtime/messages/message.h"

namespace orrery::internal {

class Client;
class LaterCall;
class Outgoing;

// The language's own code failed; both texts travel as they are. `stack` begins with the line of the exception's type.
class GuestError : public Error {
 public:
  GuestError(const std::string& message, std::string stack)
      : Error(StatusCode::kApplicationError, message), stack_(std::move(stack)) {}
  const std::string& stack() const { return stack_; }

 private:
  std::string stack_;
};

// The language asked that a blocked call ends (Guest::Interrupted).
class InterruptedError : public Error {
 public:
  InterruptedError() : Error(StatusCode::kCancelled, "the call was interrupted") {}
};

class Guest {
 public:
  virtual ~Guest() = default;
  // Runs the task of `execute` (ExecuteTask) on this thread and encodes its values into `results`, one for each return.
  // Throws GuestError for what the language's code did wrong, other Errors for the runtime's.
  virtual void Run(const Message& execute, Client& client, std::span<Outgoing* const> results) = 0;
  // Has a call of an asyncio actor run as a coroutine; LaterCall::End is called when it ends. Does not throw.
  virtual void Start(std::shared_ptr<LaterCall> call) = 0;
  // That call was cancelled; if it has ended, nothing happens.
  virtual void Cancel(TaskId call) = 0;
  // The task that the main thread runs was cancelled. Called by any thread; must not wait for the language.
  virtual void Interrupt() = 0;
  // Asked now and then on a thread that is blocked in a call: true ends the call with InterruptedError.
  virtual bool Interrupted() = 0;
};

// For the whole process, before it connects; not owned. There is none in a C++ program.
void SetGuest(Guest* guest);
Guest* CurrentGuest();

}  // namespace orrery::internal
