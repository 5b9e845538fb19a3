// Which new nodes to launch for demands that fit nowhere.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/autoscaler/bin_packer.h"

namespace orrery {

struct LaunchPlan {
  std::vector<Filling> fillings;   // of candidates
  std::vector<PackDemand> left;    // what no allowed launch can serve
  double price = 0;                // per hour, of all nodes launched
};

// Utilisation: Ray's choice, one greedy packing. Cost: that packing, one by value for money, and one with each type
// alone; every node of each is then exchanged for the cheapest type that holds what it was to hold; of the plans that
// serve the most, the cheapest. (A heuristic for the variable-sized bin packing problem; tests compare it with the
// optimum.) `candidates` and `total_budget` are charged for the plan taken.
LaunchPlan PlanLaunches(const DemandSpace& space, const std::vector<PackDemand>& demands, PackOptions options,
                        std::vector<Candidate>& candidates, int64_t& total_budget);

}  // namespace orrery
