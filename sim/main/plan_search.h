// Looks for the cheapest point of a plan's space that meets every SLO on every seed.
#pragma once

#include <string>

#include "sim/main/plan_runs.h"

namespace orrery {

struct PlanAnswer {
  const PlanResult* best = nullptr;  // owned by the runs; nullptr: nothing in the space is good
  std::string explanation;           // how it was found, and what was verified
};

// Lists are tried out whole. Along a range the least good value is found by bisection, on the guess that more is never
// worse; the guess is then tested around the answer and at places spread over the range, and where it fails everything
// below the answer is run. (More machines can be worse: Graham's anomaly.) That more costs more is tested, too: nodes
// that come and go may cost less where more of them may come; then everything above is run.
Result<PlanAnswer> SearchPlan(const PlanRequest& request, PlanRuns& runs);

}  // namespace orrery
