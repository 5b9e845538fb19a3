// What the running code may ask about itself.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/common/ids.h"

namespace orrery {

struct Context {
  JobId job;
  NodeId node;
  WorkerId worker;                // this process
  TaskId task;                    // {} in the driver and on threads that run no task
  uint32_t attempt = 0;           // 0 the first time, then one more for each retry
  ActorId actor;                  // that this process is; {}: none, or it runs no method just now
  PlacementGroupId placement_group;  // that the task or actor runs in; {}: in none
  std::vector<uint32_t> gpu_ids;  // instances that belong to this task
};

// Throws UnavailableError outside a session.
Context context();

// True once the running task was asked to stop; long computations look now and then and return or throw. A get or wait
// of a cancelled task throws CancelledError by itself. False in the driver.
bool cancelled();

}  // namespace orrery
