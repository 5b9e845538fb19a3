// Actors that come one after the other: each is created, called, and ended after its last call.
#pragma once

#include <memory>

#include "sim/workload/source.h"

namespace orrery {

std::unique_ptr<WorkloadSource> MakeActorsSource(const ActorsSpec& spec, Random random);

}  // namespace orrery
