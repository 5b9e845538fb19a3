// One scenario on a local cluster of real processes, to a summary and a result folder.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/common/status.h"
#include "sim/record/checks.h"
#include "sim/replay/loop.h"
#include "sim/scenario/scenario.h"

namespace orrery {

// Exit codes of the command, as everywhere (README.md).
enum LiveExitCode : int {
  kLiveOk = 0,
  kLiveCheckFailed = 1,
  kLiveBadInput = 2,
  kLiveUnreachable = 3,
  kLiveTimeout = 4,
  kLiveInterrupted = 130
};

struct ReplayOptions {
  std::string out;        // result folder; "": none is written
  bool progress = false;  // bar on stderr
};

struct ReplayOutcome {
  Summary summary;
  std::vector<CheckResult> checks;
  int exit_code = kLiveOk;
};

// Runs to the end of the workload, the time limit, or an interrupt of the loop. kInvalidArgument: the scenario cannot
// be run live; kUnavailable: the cluster could not be started or reached.
Result<ReplayOutcome> ReplayScenario(const Scenario& scenario, uint64_t seed, const ReplayOptions& options,
                                     ReplayLoop& loop);

}  // namespace orrery
