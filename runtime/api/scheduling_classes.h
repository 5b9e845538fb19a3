// The process's table of scheduling classes: (function, needs and strategy) ↔ number. Internal.
#pragma once

#include <cstdint>

#include "runtime/api/options.h"
#include "runtime/common/resources.h"

namespace orrery::internal {

// What tasks of class `id` need; `id` must have been given out by ClassFor (options.h).
SchedulingRequest SchedulingClassOf(uint32_t id);
SchedulingRequest RequestFor(const TaskOptions& options);
// Inside a task that captures its children: the class of the same function in `group`, unless the class names a
// strategy.
uint32_t CapturedClass(uint64_t function, uint32_t class_id, PlacementGroupId group);
void CaptureStrategy(SchedulingStrategy& strategy, PlacementGroupId group);

}  // namespace orrery::internal
