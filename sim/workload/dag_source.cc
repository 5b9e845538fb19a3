#include "sim/workload/dag_source.h"

#include <algorithm>
#include <utility>

#include "sim/scenario/task_graph.h"
#include "sim/workload/generator_source.h"

namespace orrery {

namespace {

class DagSource final : public WorkloadSource {
 public:
  DagSource(const DagSpec& spec, std::vector<PlannedTask> tasks, WorkloadBounds bounds)
      : at_(spec.at), order_(spec.order), tasks_(std::move(tasks)), bounds_(bounds) {}

  void Begin(WorkloadPort& port) override { port.WakeAt(at_, 0); }
  // Tasks in list order. An argument must exist before it is used, so tasks wait here for the submission of those they
  // take, whatever the list says.
  void OnWake(WorkloadPort& port, uint64_t) override {
    std::vector<bool> submitted(tasks_.size(), false);
    size_t left = tasks_.size();
    while (left > 0) {
      for (int64_t index : order_) {
        PlannedTask& task = tasks_[static_cast<size_t>(index)];
        const auto known = [&](uint64_t number) { return submitted[number]; };
        if (submitted[task.number] || !std::all_of(task.after.begin(), task.after.end(), known)) continue;
        submitted[task.number] = true;
        --left;
        port.Submit(task);
      }
    }
    done_ = true;
  }
  void OnTaskEnded(WorkloadPort&, uint64_t) override {}
  bool Exhausted() const override { return done_; }
  std::optional<uint64_t> Total() const override { return tasks_.size(); }
  bool ResultsUsed() const override { return true; }
  std::optional<WorkloadBounds> Bounds() const override { return bounds_; }

 private:
  Duration at_;
  std::vector<int64_t> order_;
  std::vector<PlannedTask> tasks_;
  WorkloadBounds bounds_;
  bool done_ = false;
};

}  // namespace

Result<std::unique_ptr<WorkloadSource>> MakeDagSource(const DagSpec& spec, Random random) {
  std::vector<PlannedTask> tasks;
  std::vector<std::string> names;
  std::vector<TaskGraph::Edge> edges;
  std::vector<Duration> durations;
  WorkloadBounds bounds;
  for (size_t i = 0; i < spec.tasks.size(); ++i) {
    PlannedTask task = PlanFrom(spec.tasks[i].task, i, random);
    for (int64_t before : spec.tasks[i].after) {
      task.after.push_back(static_cast<uint64_t>(before));
      edges.push_back({before, static_cast<int64_t>(i)});
    }
    names.push_back(task.name);
    durations.push_back(task.work);
    bounds.work =
        bounds.work + Duration::FromSeconds(task.work.seconds() * task.resources.Get(ResourceKind::kCpu).value());
    tasks.push_back(std::move(task));
  }
  Result<TaskGraph> graph = TaskGraph::Build(std::move(names), std::move(edges));
  if (!graph.ok()) return graph.status();
  bounds.critical_path = graph->FindCriticalPath(durations).length;
  return std::unique_ptr<WorkloadSource>(std::make_unique<DagSource>(spec, std::move(tasks), bounds));
}

}  // namespace orrery
