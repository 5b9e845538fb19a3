// One round of the autoscaler as a pure function: what to launch and what to end, and why.
#pragma once

#include <string>

#include "runtime/autoscaler/scheduler_types.h"
#include "runtime/common/status.h"

namespace orrery {

// Ray's rules in Ray's order (python/ray/autoscaler/v2/scheduler.py): nodes of types that are gone, minimum per type,
// maximum per type and of all, the floor of request_resources, gangs, pending tasks and actors, idle nodes. Launches
// for demand are bounded per type by upscaling_speed; those for a minimum are not. Equal input gives equal output.
ScalingDecision DecideScaling(const AutoscalerConfig& config, const ScalingInput& input);

// kInvalidArgument names the type and the number that is wrong: no name or the same name twice, minimum above maximum,
// negative numbers, no resources, minima that together exceed the maximum of all.
Status ValidateConfig(const AutoscalerConfig& config);

}  // namespace orrery
