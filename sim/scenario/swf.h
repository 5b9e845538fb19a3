// Standard Workload Format 2.2 (Feitelson, Parallel Workloads Archive): 18 numbers per job, comments behind ';'.
#pragma once

#include <string>

#include "runtime/common/status.h"
#include "sim/scenario/trace.h"

namespace orrery {

// One task per job: submit time (field 2), run time (4), as many CPUs as allocated (5) or else requested (8)
// processors, memory per processor (7, or else 10, in KB). -1 means unknown: a job without run time, submit time or
// processors is a bad row; the wait time (3), status (11) and all later fields are read as numbers and otherwise left
// alone, since replaying decides them anew. Fewer or more than 18 fields, or anything but a number, is a bad row.
// Errors: kInvalidArgument "name:row: why".
Result<Trace> ParseSwf(const std::string& text, const std::string& name, const TraceOptions& options = {});

// The same from a file, plain or gzip.
Result<Trace> ReadSwf(const std::string& path, const TraceOptions& options = {});

}  // namespace orrery
