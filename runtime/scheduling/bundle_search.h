// Complete ways to place bundles, for where greedy ones find nothing.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/scheduling/bundle_problem.h"

namespace orrery {

enum class BundleSolution : uint8_t { kFound, kNone, kCutShort };

// Backtracking over rooms, and over the GPUs of a room for shares of one. `rooms` (ascending) may be used; `steps` is
// what the search may still cost and is counted down. kFound: every item has a room. Else none has, and kNone is a
// proof. Of equal bundles the later never takes an earlier room, and of equal rooms only the first is tried: neither
// loses a placement, since any other is a renaming of one that is tried. More than 256 bundles are not searched.
BundleSolution SearchBundles(BundleProblem& problem, const std::vector<size_t>& rooms, int64_t& steps);

// Every item in a room of its own, among rooms without bundles of the group: a maximum bipartite matching by augmenting
// paths (Kuhn 1955), the emptiest rooms first. Exact, in time polynomial in the number of bundles.
BundleSolution MatchBundles(BundleProblem& problem);

}  // namespace orrery
