// The process's table of scheduling classes: (function, needs and strategy) ↔ number. Internal.
#pragma once

#include <cstdint>

#include "runtime/api/options.h"
#include "runtime/common/resources.h"

namespace orrery::internal {

// What tasks of class `id` need; `id` must have been given out by ClassFor (options.h).
SchedulingRequest SchedulingClassOf(uint32_t id);
SchedulingRequest RequestFor(const TaskOptions& options);

}  // namespace orrery::internal
