// Traces in CSV files with a mapping of columns. Internal to sim/scenario; others call LoadTrace.
#pragma once

#include <string>

#include "runtime/common/status.h"
#include "sim/scenario/scenario.h"

namespace orrery {

// Columns submit_time and duration must exist (under these names, with a unit as in submit_time_s or duration_ms, or as
// the mapping says); name, cpus, gpus and memory may. Without a unit times are seconds and memory is bytes. Fields left
// empty take the value of spec.task; an empty or negative time is a bad row.
Result<Trace> ReadCsvTrace(const TraceSpec& spec);
Result<Trace> ParseCsvTrace(std::string text, const std::string& name, const TraceSpec& spec);

}  // namespace orrery
