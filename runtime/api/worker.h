// A worker process: the program's own executable, started again by a node manager. Internal.
#pragma once

#include "runtime/transport/host.h"

namespace orrery::internal {

// Serves tasks until the node manager sends the worker away or is gone; the process's exit code.
int RunWorker(const WorkerEnvironment& environment);

}  // namespace orrery::internal
