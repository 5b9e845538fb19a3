// What must be left of objects when everything has ended: nothing, and every byte that moved was counted.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/platform/sim_cluster.h"
#include "sim/record/checks.h"

namespace orrery {

// Objects in the stores of living nodes, spill files on any disk, and values that drivers still knew when they closed
// although their programs had let go of everything.
int64_t CountLeaked(SimCluster& cluster);

// Call after kQuiescence (conservation.h). Stores: no object, pin, pull, file is left. Owners: no process knows a value
// any more. Bytes: node managers received no more (`moved`, as traced) than the network
// delivered; the rest arrived in vain, for transfers that had been given up.
std::vector<CheckResult> CheckObjects(SimCluster& cluster, int64_t moved);

}  // namespace orrery
