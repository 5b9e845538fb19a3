// What must be left when everything has ended: nothing.
#pragma once

#include <vector>

#include "sim/platform/sim_cluster.h"
#include "sim/record/checks.h"

namespace orrery {

// How long after the last driver's end the cluster may still be putting things back: returned leases on their way,
// workers between SIGTERM and SIGKILL.
inline constexpr Duration kQuiescence = Duration::Seconds(15);

// Call after kQuiescence. Tasks: each one submitted by a driver that lived to its end has ended once. Leases: no node
// manager holds or queues one, and all its resources are free. GCS: no question is parked, no assignment outstanding.
std::vector<CheckResult> CheckConservation(SimCluster& cluster);

}  // namespace orrery
