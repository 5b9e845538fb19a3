#include "runtime/autoscaler/launch_planner.h"

#include <algorithm>
#include <utility>

namespace orrery {

namespace {

struct Trial {
  LaunchPlan plan;
  std::vector<Candidate> candidates;
  int64_t budget = 0;
  uint64_t left = 0;
};

bool Holds(const Candidate& candidate, const std::vector<PackDemand>& demands, const std::vector<uint64_t>& used) {
  Amounts free = candidate.total;
  for (size_t i = 0; i < used.size(); ++i) {
    if (used[i] == 0) continue;
    if (demands[i].selector && !candidate.matches[*demands[i].selector]) return false;
    for (size_t k = 0; k < free.size(); ++k) free[k] -= demands[i].amounts[k] * static_cast<int64_t>(used[i]);
  }
  return std::all_of(free.begin(), free.end(), [](int64_t amount) { return amount >= 0; });
}

// Each node becomes one of the cheapest type that holds the same.
void Shrink(Trial& trial, const std::vector<PackDemand>& demands) {
  std::vector<Filling> result;
  for (Filling filling : trial.plan.fillings) {
    while (filling.nodes > 0) {
      size_t best = filling.bin;
      for (size_t c = 0; c < trial.candidates.size(); ++c) {
        if (trial.candidates[c].budget <= 0 || trial.candidates[c].price >= trial.candidates[best].price) continue;
        if (Holds(trial.candidates[c], demands, filling.used)) best = c;
      }
      Filling part = filling;
      if (best != filling.bin) {
        part.bin = best;
        part.nodes = std::min(filling.nodes, static_cast<uint64_t>(trial.candidates[best].budget));
        trial.candidates[best].budget -= static_cast<int64_t>(part.nodes);
        trial.candidates[filling.bin].budget += static_cast<int64_t>(part.nodes);
      }
      filling.nodes -= part.nodes;
      result.push_back(std::move(part));
    }
  }
  trial.plan.fillings = std::move(result);
}

Trial Attempt(const DemandSpace& space, const std::vector<PackDemand>& demands, PackOptions options,
              std::vector<Candidate> candidates, int64_t budget) {
  Trial trial;
  trial.candidates = std::move(candidates);
  trial.budget = budget;
  BinPacker packer(space, demands, options);
  trial.plan.fillings = packer.PackNew(trial.candidates, trial.budget);
  trial.plan.left = packer.demands();
  trial.left = packer.left();
  return trial;
}

void SetPrice(Trial& trial) {
  trial.plan.price = 0;
  for (const Filling& filling : trial.plan.fillings)
    trial.plan.price += trial.candidates[filling.bin].price * static_cast<double>(filling.nodes);
}

}  // namespace

LaunchPlan PlanLaunches(const DemandSpace& space, const std::vector<PackDemand>& demands, PackOptions options,
                        std::vector<Candidate>& candidates, int64_t& total_budget) {
  const bool cost = options.rule == PackRule::kCost;
  options.rule = PackRule::kUtilization;
  Trial best = Attempt(space, demands, options, candidates, total_budget);
  if (cost) {
    const auto consider = [&](Trial trial) {
      Shrink(trial, demands);
      SetPrice(trial);
      if (std::pair(trial.left, trial.plan.price) < std::pair(best.left, best.plan.price)) best = std::move(trial);
    };
    Shrink(best, demands);
    SetPrice(best);
    for (size_t only = 0; only < candidates.size(); ++only) {
      std::vector<Candidate> alone = candidates;
      for (size_t c = 0; c < alone.size(); ++c) {
        if (c != only) alone[c].budget = 0;
      }
      Trial trial = Attempt(space, demands, options, std::move(alone), total_budget);
      for (size_t c = 0; c < candidates.size(); ++c) {
        if (c != only) trial.candidates[c].budget = candidates[c].budget;
      }
      consider(std::move(trial));
    }
    options.rule = PackRule::kCost;
    consider(Attempt(space, demands, options, candidates, total_budget));
  }
  SetPrice(best);
  candidates = std::move(best.candidates);
  total_budget = best.budget;
  return std::move(best.plan);
}

}  // namespace orrery
