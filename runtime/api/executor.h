// Runs tasks: decodes, calls, encodes, and turns exceptions into answers. Internal.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "runtime/api/client.h"
#include "runtime/messages/message.h"

namespace orrery::internal {

struct Executed {
  Message message;              // TaskExecuted, without times
  std::vector<ObjectRef> refs;  // inside the result: to be held until the core worker has the message
};
// What `task` is to know of the ExecuteTask `request`; where a method runs is told already.
void PrepareTask(const Message& request, RunningTask& task);
// "0,2", as CUDA_VISIBLE_DEVICES says it.
std::string GpuList(const std::vector<uint32_t>& gpus);
// Runs the ExecuteTask `request` on this thread as `task`, with the client of this process. Never throws.
Executed ExecuteNow(const Message& request, RunningTask& task, Client& client);

// Encodes the values of a call, one into each; throws as Guest::Run does.
using EncodeResults = std::function<void(std::span<Outgoing* const> results)>;

// A call of an actor whose methods are coroutines: it ends later, on whatever thread, exactly once.
class LaterCall {
 public:
  using Ended = std::function<void(LaterCall& call, Executed executed)>;
  LaterCall(Message execute, Client& client, Ended ended);
  LaterCall(const LaterCall&) = delete;

  const Message& execute() const { return execute_; }
  RunningTask& task() { return task_; }
  Client& client() { return client_; }
  size_t num_returns() const;
  // Makes the result of what `encode` does, on this thread, and reports it.
  void End(const EncodeResults& encode);

 private:
  const Message execute_;
  Client& client_;
  const Ended ended_;
  RunningTask task_;
};

}  // namespace orrery::internal
