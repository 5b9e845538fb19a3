// What each message costs the process that serves it.
#pragma once

#include "runtime/common/status.h"
#include "sim/engine/types.h"
#include "sim/scenario/scenario.h"

namespace orrery {

// zero: nothing costs. default: the built-in measurements of a 2.6 GHz Xeon core. file: a YAML map from message kind
// (also "Timer" and "PeerLost") to service time, on top of the default. An unknown kind is kInvalidArgument with the
// nearest.
Result<CostProfile> MakeCostProfile(const CostProfileSpec& spec);

}  // namespace orrery
