// The lower bound on bytes moved, for a run that has ended, and how far the run was above it.
#pragma once

#include "sim/platform/sim_cluster.h"
#include "sim/record/recorder.h"

namespace orrery {

// Sets bounds.transfer_lower_bound_bytes and transfers.regret_bytes (moved - bound), where every source of the scenario
// is a graph that is known beforehand. Objects were made where their tasks ended (puts: on the head); those within the
// inline limit travel in messages and do not count.
void AddTransferBound(const SimCluster& cluster, const RunRecorder& recorder, Summary& summary);

}  // namespace orrery
