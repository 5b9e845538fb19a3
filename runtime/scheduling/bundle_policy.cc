#include "runtime/scheduling/bundle_policy.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <numeric>
#include <string>
#include <tuple>

#include "runtime/scheduling/bundle_search.h"

namespace orrery {

namespace {
// Among the rooms that the item fits, one with the greatest (rank, score); of equals the first.
template <class Rank>
std::optional<size_t> BestRoom(const BundleProblem& problem, size_t item, Rank rank) {
  std::optional<size_t> best;
  std::pair<int64_t, double> best_worth;
  for (size_t room = 0; room < problem.rooms().size(); ++room) {
    if (!problem.Fits(problem.ShapeOf(item), room)) continue;
    const std::pair<int64_t, double> worth = {rank(room), problem.Score(problem.ShapeOf(item), room)};
    if (best && worth <= best_worth) continue;
    best = room;
    best_worth = worth;
  }
  return best;
}

// Ray's PACK: the best room for the hardest bundle that is left gets all others that still fit there, too. Rooms that
// hold bundles of the group come first.
bool PackGreedily(BundleProblem& problem) {
  for (size_t item = 0; item < problem.items().size(); ++item) {
    if (problem.items()[item].room) continue;
    const auto room = BestRoom(problem, item, [&](size_t r) { return problem.rooms()[r].bundles > 0 ? 1 : 0; });
    if (!room) {
      problem.TakeAllBack();
      return false;
    }
    for (size_t other = item; other < problem.items().size(); ++other) {
      if (!problem.items()[other].room && problem.Fits(problem.ShapeOf(other), *room)) problem.Put(other, *room);
    }
  }
  return true;
}

// Each bundle to the room with the fewest bundles of the group. (Ray knows only used and unused.)
bool SpreadGreedily(BundleProblem& problem) {
  for (size_t item = 0; item < problem.items().size(); ++item) {
    const auto room = BestRoom(problem, item, [&](size_t r) { return -int64_t{problem.rooms()[r].bundles}; });
    if (!room) {
      problem.TakeAllBack();
      return false;
    }
    problem.Put(item, *room);
  }
  return true;
}

bool PutAllIn(BundleProblem& problem, size_t room) {
  for (size_t item = 0; item < problem.items().size(); ++item) {
    if (!problem.Fits(problem.ShapeOf(item), room)) {
      problem.TakeAllBack();
      return false;
    }
    problem.Put(item, room);
  }
  return true;
}

// All bundles as one, for comparing with rooms. GPUs count by amount only: shares are the search's.
BundleShape SumOf(const BundleProblem& problem) {
  BundleShape all;
  all.amounts.resize(problem.shapes()[0].amounts.size());
  for (const BundleItem& item : problem.items()) {
    for (size_t i = 0; i < all.amounts.size(); ++i) {
      const int64_t more = problem.shapes()[item.shape].amounts[i];
      all.amounts[i] = more > INT64_MAX - all.amounts[i] ? INT64_MAX : all.amounts[i] + more;
    }
  }
  for (size_t room = 0; room < problem.rooms().size(); ++room) {
    all.allowed.push_back(std::all_of(problem.shapes().begin(), problem.shapes().end(),
                                      [&](const BundleShape& shape) { return shape.allowed[room]; }));
  }
  return all;
}

// Everything in one room: one that holds bundles of the group already, else the emptiest for all together.
BundleSolution PackInOne(BundleProblem& problem, int64_t& steps) {
  const BundleShape all = SumOf(problem);
  std::vector<std::tuple<bool, double, size_t>> order;  // unused, minus the score
  for (size_t room = 0; room < problem.rooms().size(); ++room) {
    if (problem.Fits(all, room)) {
      order.emplace_back(problem.rooms()[room].bundles == 0, -problem.Score(all, room), room);
    }
  }
  std::sort(order.begin(), order.end());
  BundleSolution solution = BundleSolution::kNone;
  for (const auto& [unused, score, room] : order) {
    if (PutAllIn(problem, room)) return BundleSolution::kFound;
    const BundleSolution here = SearchBundles(problem, {room}, steps);
    if (here == BundleSolution::kFound) return here;
    if (here == BundleSolution::kCutShort) solution = here;
  }
  return solution;
}

BundleSolution SearchEverywhere(BundleProblem& problem, int64_t& steps) {
  std::vector<size_t> rooms(problem.rooms().size());
  std::iota(rooms.begin(), rooms.end(), size_t{0});
  return SearchBundles(problem, rooms, steps);
}

BundleSolution Solve(BundleProblem& problem, BundleStrategy strategy, int64_t steps) {
  switch (strategy) {
    case BundleStrategy::kStrictSpread: return MatchBundles(problem);
    case BundleStrategy::kStrictPack: return PackInOne(problem, steps);
    case BundleStrategy::kSpread:
      if (MatchBundles(problem) == BundleSolution::kFound || SpreadGreedily(problem)) return BundleSolution::kFound;
      return SearchEverywhere(problem, steps);
    case BundleStrategy::kPack: {
      int64_t steps_for_one = steps / 2;
      if (PackInOne(problem, steps_for_one) == BundleSolution::kFound) return BundleSolution::kFound;
      if (PackGreedily(problem)) return BundleSolution::kFound;
      return SearchEverywhere(problem, steps);
    }
  }
  return BundleSolution::kNone;
}

// Whether there is any placement at all: how good it were does not matter.
BundleSolution SolveIdle(BundleProblem& problem, BundleStrategy strategy, int64_t steps) {
  const bool strict = strategy == BundleStrategy::kStrictPack || strategy == BundleStrategy::kStrictSpread;
  if (strict) return Solve(problem, strategy, steps);
  return PackGreedily(problem) ? BundleSolution::kFound : SearchEverywhere(problem, steps);
}
}  // namespace

BundlePlacement PlaceBundles(const ClusterView& view, const BundleRequest& request, int64_t search_steps) {
  if (request.bundles.empty()) return {BundlePlacement::Kind::kPlaced, {}, false};
  BundleProblem now(view, request, BundleProblem::Rooms::kFree);
  const BundleSolution solution = Solve(now, request.strategy, search_steps);
  if (solution == BundleSolution::kFound) {
    return {BundlePlacement::Kind::kPlaced, now.Placed(request.bundles.size()), false};
  }
  BundleProblem idle(view, request, BundleProblem::Rooms::kIdle);
  const BundleSolution ever = SolveIdle(idle, request.strategy, search_steps);
  if (ever == BundleSolution::kNone) return {};
  const bool cut_short = solution == BundleSolution::kCutShort || ever == BundleSolution::kCutShort;
  return {BundlePlacement::Kind::kBusy, {}, cut_short};
}

}  // namespace orrery
