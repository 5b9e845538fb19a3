// What the autoscaler of a live run did: its rows, its nodes, its figures.
#pragma once

#include <string>
#include <vector>

#include "runtime/common/status.h"
#include "runtime/messages/autoscaler_rows.h"
#include "sim/record/summary.h"
#include "sim/replay/recording.h"
#include "sim/scenario/scenario.h"

namespace orrery {

struct LiveScaling {
  std::vector<AutoscalerRow> rows;     // times since the workload began
  std::vector<NodeDescription> nodes;  // that the provider launched, living and dead; `joined` is not known here
};

// While the cluster still runs. `begin`: of the workload, on CLOCK_MONOTONIC.
Result<LiveScaling> ReadScaling(const Scenario& scenario, const std::string& session_dir, const std::string& gcs,
                                Time begin);

// Describes the nodes that `events`, of the GCS, saw joining.
void DescribeLaunched(const LiveScaling& scaling, const std::vector<TimedEvent>& events, Recording& recording);

// The figures of summary.json that can be known from rows.
void AddScaling(const LiveScaling& scaling, Summary& summary);

}  // namespace orrery
