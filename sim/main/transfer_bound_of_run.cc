#include "sim/main/transfer_bound_of_run.h"

#include <algorithm>
#include <map>
#include <utility>

#include "sim/workload/transfer_bound.h"

namespace orrery {

namespace {

class Problem {
 public:
  Problem(const SimCluster& cluster, const RunRecorder& recorder) : cluster_(cluster), recorder_(recorder) {}

  void Add(const SimDriver& driver, const std::vector<PlannedTask>& graph) {
    std::map<std::pair<uint64_t, uint32_t>, int64_t> index;  // of the objects of this driver
    for (const PlannedTask& task : graph) {
      const NodeId node = task.put ? cluster_.nodes().front().id : recorder_.NodeOf({driver.worker(), task.number + 1});
      for (uint32_t i = 0; i < task.results.size(); ++i) {
        if (task.results[i] <= cluster_.scenario().policy.inline_limit) continue;
        index.emplace(std::pair{task.number, i}, static_cast<int64_t>(problem_.objects.size()));
        problem_.objects.push_back({task.results[i], node ? int64_t{node.value} : TransferProblem::kAnywhere});
      }
    }
    for (const PlannedTask& task : graph) {
      TransferProblem::Task taker;
      taker.node = BoundTo(task.strategy);
      for (const TaskInput& input : task.inputs) {
        const auto object = index.find({input.number, input.position});
        if (object != index.end()) taker.objects.push_back(object->second);
      }
      if (!taker.objects.empty()) problem_.tasks.push_back(std::move(taker));
    }
  }
  int64_t Solve() const { return TransferLowerBound(problem_); }

 private:
  int64_t BoundTo(const SchedulingStrategy& strategy) const {
    if (strategy.kind != SchedulingStrategy::Kind::kNodeAffinity || strategy.soft) return TransferProblem::kAnywhere;
    const NodeId node = cluster_.NodeOfIndex(strategy.affinity_node);
    return node ? int64_t{node.value} : TransferProblem::kAnywhere;
  }
  const SimCluster& cluster_;
  const RunRecorder& recorder_;
  TransferProblem problem_;
};

}  // namespace

void AddTransferBound(const SimCluster& cluster, const RunRecorder& recorder, Summary& summary) {
  const auto& drivers = cluster.drivers();
  const bool known = std::all_of(drivers.begin(), drivers.end(), [](const auto& driver) {
    return driver->source().Graph() != nullptr || !driver->source().MakesObjects();
  });
  if (!known) return;
  Problem problem(cluster, recorder);
  for (const auto& driver : drivers) {
    if (driver->source().MakesObjects()) problem.Add(*driver, *driver->source().Graph());
  }
  const int64_t bound = problem.Solve();
  summary.SetInteger("bounds.transfer_lower_bound_bytes", bound);
  summary.SetInteger("transfers.regret_bytes", recorder.moved_bytes() - bound);
}

}  // namespace orrery
