// A graph of tasks, submitted at once in the order of its priority list; arguments carry the edges.
#pragma once

#include "sim/workload/source.h"

namespace orrery {

Result<std::unique_ptr<WorkloadSource>> MakeDagSource(const DagSpec& spec, Random random);

}  // namespace orrery
