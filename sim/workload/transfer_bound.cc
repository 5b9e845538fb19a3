#include "sim/workload/transfer_bound.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace orrery {

namespace {

std::vector<int64_t> Distinct(std::vector<int64_t> objects) {
  std::sort(objects.begin(), objects.end());
  objects.erase(std::unique(objects.begin(), objects.end()), objects.end());
  return objects;
}

}  // namespace

int64_t TransferLowerBound(const TransferProblem& problem) {
  const auto object = [&](int64_t index) { return problem.objects[static_cast<size_t>(index)]; };
  std::set<std::pair<int64_t, int64_t>> sent;  // object, node: by bound tasks
  std::vector<int64_t> readers(problem.objects.size(), 0);
  for (const TransferProblem::Task& task : problem.tasks) {
    for (const int64_t index : Distinct(task.objects)) {
      if (task.node == TransferProblem::kAnywhere) {
        ++readers[static_cast<size_t>(index)];
      } else if (object(index).node != TransferProblem::kAnywhere && object(index).node != task.node) {
        sent.emplace(index, task.node);
      }
    }
  }
  int64_t bound = 0;
  for (const auto& [index, node] : sent) bound += object(index).bytes;
  for (const TransferProblem::Task& task : problem.tasks) {
    if (task.node != TransferProblem::kAnywhere) continue;
    // Shares are rounded down, so that their sum stays below the whole.
    std::map<int64_t, int64_t> at;  // node → shares that are there, also by transfers that happen anyway
    int64_t all = 0;
    for (const int64_t index : Distinct(task.objects)) {
      if (object(index).node == TransferProblem::kAnywhere) continue;
      const int64_t share = object(index).bytes / readers[static_cast<size_t>(index)];
      all += share;
      at[object(index).node] += share;
      for (auto one = sent.lower_bound({index, INT64_MIN}); one != sent.end() && one->first == index; ++one)
        at[one->second] += share;
    }
    int64_t best = 0;
    for (const auto& [node, bytes] : at) best = std::max(best, bytes);
    bound += all - best;
  }
  return bound;
}

}  // namespace orrery
