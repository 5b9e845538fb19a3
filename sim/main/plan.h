// `orrery plan`: the cheapest cluster that meets the SLOs, asked of the code that will run it.
#pragma once

#include <string>

#include "sim/main/plan_runs.h"

namespace orrery {

struct PlanFlags {
  std::string file, out, format = "table";
  std::string write_cluster;  // file for `orrery up`, with the answer's nodes; "": none
  std::vector<std::string> sets, vary, slos;
  size_t jobs = 0;  // 0: one per core
  bool quiet = false;
};

// Returns the command's exit code: 5 when nothing in the space meets the SLOs.
int PlanCommand(const PlanFlags& flags);

}  // namespace orrery
