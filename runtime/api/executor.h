// Runs tasks: decodes, calls, encodes, and turns exceptions into answers. Internal.
#pragma once

#include <vector>

#include "runtime/api/client.h"
#include "runtime/messages/message.h"

namespace orrery::internal {

struct Executed {
  Message message;              // TaskExecuted, without times
  std::vector<ObjectRef> refs;  // inside the result: to be held until the core worker has the message
};
// Runs the ExecuteTask `request` on this thread as `task`, with the client of this process. Never throws.
Executed ExecuteNow(const Message& request, RunningTask& task, Client& client);

}  // namespace orrery::internal
