// Evaluates the `checks` of a scenario on the summary of a run.
#pragma once

#include <vector>

#include "sim/record/summary.h"
#include "sim/scenario/scenario.h"

namespace orrery {

// Compares one check with one summary. A metric that the summary lacks fails the check and names the nearest that
// exists.
CheckResult EvaluateCheck(const CheckSpec& check, const Summary& summary);

// The checks that concern a single seed (not mean_of_seeds), in order.
std::vector<CheckResult> EvaluateChecks(const std::vector<CheckSpec>& checks, const Summary& summary);

// The checks with mean_of_seeds, on the mean of their metric over all summaries.
std::vector<CheckResult> EvaluateMeanChecks(const std::vector<CheckSpec>& checks,
                                            const std::vector<const Summary*>& summaries);

}  // namespace orrery
