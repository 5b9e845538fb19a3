// Workflows in WfFormat 1.5, the JSON of WfCommons: Coleman et al., "WfCommons: A framework for enabling scientific
// workflow research and development", FGCS 128 (2022); https://github.com/wfcommons/WfFormat.
#pragma once

#include <string>

#include "sim/scenario/scenario.h"

namespace orrery {

// `name` serves for messages. Each task of the specification becomes a task that runs as long as its execution did, on
// as many CPUs as it kept busy (coreCount, else avgCPU / 100 rounded up); the files it writes are its outputs; a file
// that nobody writes is put by the driver. A file read by its own writer is no dependency. kInvalidArgument says what
// is missing or contradicts itself: no such schema, a task without execution, an unknown file or parent, a negative
// size, a file with two writers, tasks that wait for each other.
Result<Workflow> ParseWorkflow(const std::string& text, const std::string& name, const TraceSpec& spec);

}  // namespace orrery
