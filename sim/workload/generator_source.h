// Generators: open arrivals, closed loops, bursts, fork-join. They draw lazily, so that millions of tasks cost no
// memory.
#pragma once

#include "sim/workload/source.h"

namespace orrery {

Result<std::unique_ptr<WorkloadSource>> MakeGeneratorSource(const GeneratorSpec& spec, Random random);

// Fills in what a template says; `random` draws the duration.
PlannedTask PlanFrom(const TaskSpec& spec, uint64_t number, Random& random);

}  // namespace orrery
