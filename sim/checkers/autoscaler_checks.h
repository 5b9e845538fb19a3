// What must hold of every run with an autoscaler, and the figures of its bill.
#pragma once

#include <vector>

#include "sim/platform/sim_cluster.h"
#include "sim/record/summary.h"

namespace orrery {

// Never above a maximum; no node with work terminated; no instance that the autoscaler does not know. Empty without
// one.
std::vector<CheckResult> CheckAutoscaler(SimCluster& cluster);
// summary.json's "autoscaler".
void AddAutoscaler(SimCluster& cluster, Summary& summary);

}  // namespace orrery
