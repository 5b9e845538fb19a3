#include "sim/workload/trace_source.h"

#include <algorithm>
#include <utility>

namespace orrery {

TraceSource::TraceSource(TaskSpec task_template, Trace trace)
    : template_(std::move(task_template)), trace_(std::move(trace)) {
  for (const TraceTask& task : trace_.tasks) {
    const Duration ends = Duration{task.submit_time.ns} + task.duration;
    bounds_.critical_path = std::max(bounds_.critical_path, ends);
    const double cpus = task.resources.Get(ResourceKind::kCpu).value();
    bounds_.work = bounds_.work + Duration::FromSeconds(task.duration.seconds() * cpus);
  }
}

void TraceSource::Begin(WorkloadPort& port) {
  if (!trace_.tasks.empty()) port.WakeAt(Duration{trace_.tasks.front().submit_time.ns}, 0);
}

void TraceSource::OnWake(WorkloadPort& port, uint64_t) {
  const Duration now = port.Elapsed();
  while (next_ < trace_.tasks.size() && trace_.tasks[next_].submit_time.ns <= now.ns) {
    const TraceTask& row = trace_.tasks[next_];
    PlannedTask task;
    task.number = next_++;
    task.name = row.name;
    task.work = row.duration;
    task.resources = row.resources;
    task.strategy = template_.strategy;
    task.strategy.hard_labels = row.labels;  // the reader has put the template's among them
    task.max_retries = template_.max_retries;
    task.kind = template_.work;
    task.allocate_bytes = row.memory_bytes;
    port.Submit(std::move(task));
  }
  if (!Exhausted()) port.WakeAt(Duration{trace_.tasks[next_].submit_time.ns}, 0);
}

Result<std::unique_ptr<WorkloadSource>> MakeTraceSource(const TraceSpec& spec) {
  Result<Trace> trace = LoadTrace(spec);
  if (!trace.ok()) return trace.status();
  return std::unique_ptr<WorkloadSource>(std::make_unique<TraceSource>(spec.task, std::move(*trace)));
}

}  // namespace orrery
