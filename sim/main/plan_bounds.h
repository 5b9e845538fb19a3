// What no cluster of a plan's space can do better, whatever schedules it.
#pragma once

#include <optional>
#include <string>

#include "sim/main/plan_runs.h"

namespace orrery {

struct PlanBounds {
  // CPUs that tasks keep busy, spread over the time in which they arrive: with fewer the queue grows for all that time.
  std::optional<double> offered_load_cpus;
  // The longest chain of tasks, on the fastest nodes: no makespan is shorter. Where the workload knows it beforehand.
  std::optional<double> critical_path_s;
  // The cheapest nodes of the space that could carry the work, were it a fluid (sim/workload/flow_bound.h): all of it
  // within an SLO on the makespan, else as fast as it arrives. Nothing for clusters that scale without such an SLO,
  // since their cost is an average over a time that is not known; for nodes of several speeds; and for nodes of a
  // trace.
  std::optional<double> flow_cost_per_hour;
};

PlanBounds BoundsOf(const PlanRequest& request, const PlanRuns& runs);

// Why some SLO cannot be met by any cluster, by these bounds alone; "" when they do not say so.
std::string WhyImpossible(const PlanRequest& request, const PlanBounds& bounds);

}  // namespace orrery
