#include "sim/scenario/trace.h"

#include <algorithm>
#include <cmath>

#include "sim/scenario/bad_rows.h"
#include "sim/scenario/csv_trace.h"
#include "sim/scenario/openb.h"
#include "sim/scenario/scenario.h"
#include "sim/scenario/swf.h"

namespace orrery {

namespace {

int64_t Scaled(int64_t ns, double scale) {
  return static_cast<int64_t>(
      std::min(std::llround(std::min(static_cast<double>(ns) * scale, 9e18)), 9'000'000'000'000'000'000LL));
}

bool BySubmitTime(const TraceTask& a, const TraceTask& b) { return a.submit_time < b.submit_time; }

Result<Trace> Read(const TraceSpec& spec) {
  switch (spec.format) {
    case TraceSpec::Format::kCsv: return ReadCsvTrace(spec);
    case TraceSpec::Format::kSwf: return ReadSwf(spec.path, spec.options);
    case TraceSpec::Format::kOpenb: break;
    case TraceSpec::Format::kWfFormat:
      return Status(StatusCode::kInvalidArgument, "a workflow is a graph, no list of tasks: LoadWorkflow reads it");
  }
  const Result<OpenbPods> pods = ReadOpenbPods(spec.path, spec.options);
  if (!pods.ok()) return pods.status();
  return OpenbPodsToTrace(pods.value(), spec.path, spec.options);
}

}  // namespace

void NormalizeTrace(double time_scale, std::vector<TraceTask>& tasks) {
  if (!std::is_sorted(tasks.begin(), tasks.end(), BySubmitTime))
    std::stable_sort(tasks.begin(), tasks.end(), BySubmitTime);
  const int64_t origin = tasks.empty() ? 0 : tasks.front().submit_time.ns;
  for (TraceTask& task : tasks) {
    task.submit_time.ns -= origin;
    if (time_scale == 1) continue;
    task.submit_time.ns = Scaled(task.submit_time.ns, time_scale);
    task.duration.ns = Scaled(task.duration.ns, time_scale);
  }
}

Result<Trace> LoadTrace(const TraceSpec& spec) {
  Result<Trace> trace = Read(spec);
  if (!trace.ok()) {
    if (trace.status().code() != StatusCode::kNotFound) return trace;
    return Status(StatusCode::kNotFound,
                  trace.status().message() + "; give its place with --set workload.trace.path=FILE");
  }
  for (TraceTask& task : trace->tasks) {
    for (const auto& [name, amount] : spec.task.resources.custom()) task.resources.Set(name, amount);
    task.labels.insert(task.labels.end(), spec.task.strategy.hard_labels.begin(), spec.task.strategy.hard_labels.end());
    std::sort(task.labels.begin(), task.labels.end());
  }
  return trace;
}

}  // namespace orrery
