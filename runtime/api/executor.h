// Runs tasks: decodes, calls, encodes, and turns exceptions into answers. Internal.
#pragma once

#include <cstdint>
#include <string>

#include "runtime/api/client.h"
#include "runtime/messages/message.h"

namespace orrery::internal {

// Runs the ExecuteTask `request` on this thread as `task`; the TaskExecuted that answers it, without times. Never
// throws.
Message ExecuteNow(const Message& request, RunningTask& task, uint64_t inline_limit);

}  // namespace orrery::internal
