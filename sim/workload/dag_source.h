// A graph of tasks, submitted at once in the order of its priority list; arguments carry the edges. Objects that the
// driver puts come first. Each result is released when the last task that takes it has been submitted, or, when there
// is none, when it is there: as a program does whose references go out of scope.
#pragma once

#include "sim/workload/source.h"

namespace orrery {

// `recorded_makespan_s`: of the run that the graph was recorded from.
Result<std::unique_ptr<WorkloadSource>> MakeDagSource(const DagSpec& spec, Random random,
                                                      std::optional<double> recorded_makespan_s = std::nullopt);

}  // namespace orrery
