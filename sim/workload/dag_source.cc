#include "sim/workload/dag_source.h"

#include <algorithm>
#include <utility>

#include "sim/scenario/task_graph.h"
#include "sim/workload/generator_source.h"

namespace orrery {

namespace {

class DagSource final : public WorkloadSource {
 public:
  DagSource(const DagSpec& spec, std::vector<PlannedTask> tasks, WorkloadBounds bounds, std::optional<double> recorded)
      : at_(spec.at), order_(spec.order), tasks_(std::move(tasks)), bounds_(bounds), recorded_(recorded) {
    for (const PlannedTask& task : tasks_) {
      takers_.emplace_back(task.results.size(), 0);
      for (const int64_t bytes : task.results) makes_objects_ = makes_objects_ || bytes > 0;
    }
    for (const PlannedTask& task : tasks_) {
      for (const TaskInput& input : task.inputs) ++takers_[input.number][input.position];
    }
    for (std::vector<uint32_t>& results : takers_) std::replace(results.begin(), results.end(), 0u, kNobody);
  }

  void Begin(WorkloadPort& port) override { port.WakeAt(at_, 0); }
  void OnWake(WorkloadPort& port, uint64_t) override {
    for (const PlannedTask& task : tasks_) {
      if (task.put) ++open_puts_;
    }
    if (open_puts_ == 0) return SubmitTasks(port);
    for (const PlannedTask& task : tasks_) {
      if (task.put) port.Submit(task);
    }
  }
  void OnTaskEnded(WorkloadPort& port, uint64_t number) override {
    for (uint32_t i = 0; makes_objects_ && i < takers_[number].size(); ++i) {
      if (takers_[number][i] == kNobody) port.Release(number, i);
    }
    if (tasks_[number].put && --open_puts_ == 0) SubmitTasks(port);
  }
  bool Exhausted() const override { return done_; }
  std::optional<uint64_t> Total() const override { return order_.size(); }
  bool MakesObjects() const override { return makes_objects_; }
  std::optional<WorkloadBounds> Bounds() const override { return bounds_; }
  const std::vector<PlannedTask>* Graph() const override { return &tasks_; }
  std::optional<double> RecordedMakespan() const override { return recorded_; }

 private:
  static constexpr uint32_t kNobody = UINT32_MAX;

  // In list order. An argument must exist before it is used, so tasks wait here for the submission of those they take,
  // whatever the list says.
  void SubmitTasks(WorkloadPort& port) {
    std::vector<bool> submitted(tasks_.size(), false);
    for (const PlannedTask& task : tasks_) submitted[task.number] = task.put;
    size_t left = order_.size();
    while (left > 0) {
      for (int64_t index : order_) {
        const PlannedTask& task = tasks_[static_cast<size_t>(index)];
        const auto known = [&](const TaskInput& input) { return submitted[input.number]; };
        if (submitted[task.number] || !std::all_of(task.inputs.begin(), task.inputs.end(), known)) continue;
        submitted[task.number] = true;
        --left;
        port.Submit(task);
        if (makes_objects_) LetGo(port, task);
      }
    }
    done_ = true;
  }
  void LetGo(WorkloadPort& port, const PlannedTask& task) {
    for (const TaskInput& input : task.inputs) {
      if (--takers_[input.number][input.position] == 0) port.Release(input.number, input.position);
    }
  }

  Duration at_;
  std::vector<int64_t> order_;
  std::vector<PlannedTask> tasks_;
  WorkloadBounds bounds_;
  std::optional<double> recorded_;
  std::vector<std::vector<uint32_t>> takers_;  // of each result: tasks not yet submitted that take it, or kNobody
  size_t open_puts_ = 0;
  bool makes_objects_ = false;
  bool done_ = false;
};

// Tasks and puts with their arguments. A task waits for another, without taking what it makes, by an empty result that
// the other has behind its outputs; a task without outputs has that one only.
std::vector<PlannedTask> PlanAll(const DagSpec& spec, Random& random) {
  std::vector<PlannedTask> tasks;
  for (size_t i = 0; i < spec.tasks.size(); ++i) {
    PlannedTask task = PlanFrom(spec.tasks[i].task, i, random);
    task.put = spec.tasks[i].put;
    if (task.results.empty()) task.results.push_back(0);
    tasks.push_back(std::move(task));
  }
  for (size_t i = 0; i < spec.tasks.size(); ++i) {
    for (int64_t before : spec.tasks[i].after) {
      PlannedTask& awaited = tasks[static_cast<size_t>(before)];
      if (awaited.put) continue;  // puts come first anyway
      const size_t outputs = spec.tasks[awaited.number].task.outputs.size();
      awaited.results.resize(std::max(awaited.results.size(), outputs + 1), 0);
      tasks[i].inputs.push_back({awaited.number, static_cast<uint32_t>(outputs), 0});
    }
    for (const DagSpec::Input& input : spec.tasks[i].inputs) {
      const std::vector<int64_t>& made = spec.tasks[static_cast<size_t>(input.task)].task.outputs;
      tasks[i].inputs.push_back({static_cast<uint64_t>(input.task), static_cast<uint32_t>(input.output),
                                 made[static_cast<size_t>(input.output)]});
    }
  }
  return tasks;
}

}  // namespace

Result<std::unique_ptr<WorkloadSource>> MakeDagSource(const DagSpec& spec, Random random,
                                                      std::optional<double> recorded_makespan_s) {
  std::vector<PlannedTask> tasks = PlanAll(spec, random);
  std::vector<std::string> names;
  std::vector<TaskGraph::Edge> edges;
  std::vector<Duration> durations;
  WorkloadBounds bounds;
  for (const PlannedTask& task : tasks) {
    for (const TaskInput& input : task.inputs)
      edges.push_back({static_cast<int64_t>(input.number), static_cast<int64_t>(task.number)});
    names.push_back(task.name);
    durations.push_back(task.put ? Duration{} : task.work);
    const double cpus = task.put ? 0 : task.resources.Get(ResourceKind::kCpu).value();
    bounds.work = bounds.work + Duration::FromSeconds(task.work.seconds() * cpus);
  }
  Result<TaskGraph> graph = TaskGraph::Build(std::move(names), std::move(edges));
  if (!graph.ok()) return graph.status();
  bounds.critical_path = graph->FindCriticalPath(durations).length;
  return std::unique_ptr<WorkloadSource>(
      std::make_unique<DagSource>(spec, std::move(tasks), bounds, recorded_makespan_s));
}

}  // namespace orrery
