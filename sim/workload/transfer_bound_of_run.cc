#include "sim/workload/transfer_bound_of_run.h"

#include <algorithm>
#include <map>
#include <utility>

#include "sim/workload/transfer_bound.h"

namespace orrery {

namespace {

int64_t Place(NodeId node) { return node ? int64_t{node.value} : TransferProblem::kAnywhere; }

int64_t BoundTo(const TransferBoundRun& run, const SchedulingStrategy& strategy) {
  if (strategy.kind != SchedulingStrategy::Kind::kNodeAffinity || strategy.soft) return TransferProblem::kAnywhere;
  return Place(run.node_of_index(strategy.affinity_node));
}

void Add(const TransferBoundRun& run, const TransferBoundRun::Driver& driver, TransferProblem& problem) {
  const std::vector<PlannedTask>& graph = *driver.source->Graph();
  std::map<std::pair<uint64_t, uint32_t>, int64_t> index;  // of the objects of this driver
  for (const PlannedTask& task : graph) {
    const NodeId node = task.put ? run.head : run.ran_on({driver.worker, task.number + 1});
    for (uint32_t i = 0; i < task.results.size(); ++i) {
      if (task.results[i] <= run.inline_limit) continue;
      index.emplace(std::pair{task.number, i}, static_cast<int64_t>(problem.objects.size()));
      problem.objects.push_back({task.results[i], Place(node)});
    }
  }
  for (const PlannedTask& task : graph) {
    TransferProblem::Task taker;
    taker.node = BoundTo(run, task.strategy);
    for (const TaskInput& input : task.inputs) {
      const auto object = index.find({input.number, input.position});
      if (object != index.end()) taker.objects.push_back(object->second);
    }
    if (!taker.objects.empty()) problem.tasks.push_back(std::move(taker));
  }
}

}  // namespace

std::optional<int64_t> TransferBoundOfRun(const TransferBoundRun& run) {
  TransferProblem problem;
  for (const TransferBoundRun::Driver& driver : run.drivers) {
    if (!driver.source->MakesObjects()) continue;
    if (driver.source->Graph() == nullptr) return std::nullopt;
    Add(run, driver, problem);
  }
  return TransferLowerBound(problem);
}

}  // namespace orrery
