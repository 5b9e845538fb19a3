// One run of one scenario with one seed, to a summary and a result folder.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/common/status.h"
#include "sim/record/summary.h"
#include "sim/scenario/scenario.h"

namespace orrery {

// Exit codes of the command, documented in README.md.
enum ExitCode : int {
  kExitOk = 0,
  kExitCheckFailed = 1,
  kExitBadInput = 2,
  kExitTimeout = 4,
  kExitInfeasible = 5,
  kExitNondeterminism = 6
};

struct RunOptions {
  std::string out;               // result folder; "": none is written
  bool log_events = false;       // also write events.jsonl, for `diff`
  bool through_codec = false;    // every message is encoded and parsed again
  bool permute_ties = false;
  bool progress = false;         // bar on stderr
  bool check_invariants = true;
};

struct RunOutcome {
  Summary summary;
  std::vector<CheckResult> checks;  // also in the summary
  int exit_code = kExitOk;
};

// Runs to the end of the workload, or to the time limit.
Result<RunOutcome> RunScenario(const Scenario& scenario, uint64_t seed, const RunOptions& options);
// The packing protocol (workload.packing: true), which has no clock.
Result<RunOutcome> RunPacking(const Scenario& scenario, uint64_t seed, const RunOptions& options);
// Every seed in a process of its own, two at a time; the summary holds the mean of every number. Folders: OUT/seed-N.
Result<RunOutcome> RunSeeds(const Scenario& scenario, const RunOptions& options);

// A line on stderr, redrawn; nothing when `total` is 0 is known of the end.
void DrawProgress(const std::string& label, uint64_t done, std::optional<uint64_t> total, double sim_seconds);
void ClearProgress();

}  // namespace orrery
