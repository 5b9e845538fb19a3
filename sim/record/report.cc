// The figures of summary.json.
#include <algorithm>
#include <charconv>
#include <cmath>

#include "sim/record/recorder_state.h"

namespace orrery {

namespace {

std::string Hex(uint64_t value) {
  char digits[17];
  const char* end = std::to_chars(digits, digits + sizeof digits, value, 16).ptr;
  const std::string text(digits, static_cast<size_t>(end - digits));
  return std::string(16 - text.size(), '0') + text;
}

void SetDistribution(Summary& summary, const std::string& name, std::vector<int64_t>& samples) {
  const Distribution5 d = Summarize(samples);
  const std::pair<const char*, double> figures[] = {
      {".mean", d.mean}, {".p50", d.p50}, {".p95", d.p95}, {".p99", d.p99}, {".max", d.max}};
  for (const auto& [key, value] : figures) summary.SetNumber(name + key, value);
}

double Overlap(int64_t from, int64_t to, int64_t window_from, int64_t window_to) {
  return std::max<double>(0, static_cast<double>(std::min(to, window_to) - std::max(from, window_from)) / 1e9);
}

}  // namespace

void RunRecorder::State::WriteFacts(const RunFacts& facts) {
  summary.SetString("schema", "orrery.summary");
  summary.SetInteger("version", 1);
  summary.SetString("world", facts.world);
  summary.SetString("scenario", facts.scenario);
  summary.SetUnsigned("seed", facts.seed);
  summary.SetString("digest", facts.digest == 0 ? "" : Hex(facts.digest));
  summary.SetUnsigned("events", facts.events);
  summary.SetUnsigned("messages", facts.messages);
  summary.SetNumber("sim_seconds", facts.end.seconds());
  summary.SetNumber("wall_seconds", facts.wall_seconds);
  summary.SetUnsigned("tasks.submitted", tasks.size());
  summary.SetUnsigned("tasks.finished", finished);
  summary.SetUnsigned("tasks.failed", failed);
  summary.SetUnsigned("tasks.retried", retries);
  groups.Write(summary);
  actors.Write(summary);
  summary.SetUnsigned("tasks.unfinished", tasks.size() - finished - failed);
  summary.SetUnsigned("tasks.ended_twice", ended_twice);
}

void RunRecorder::State::WriteTaskFigures() {
  std::vector<int64_t> samples;
  samples.reserve(tasks.size());
  int64_t first = INT64_MAX, last = INT64_MIN;
  for (size_t i = 0; i < tasks.size(); ++i) {
    first = std::min(first, tasks[i].submit);
    if (Ran(tasks[i])) last = std::max(last, tasks[i].finish);
  }
  summary.SetNumber("makespan_s", last > first ? static_cast<double>(last - first) / 1e9 : 0);
  // One table-sized array at a time.
  const auto collect = [&](const std::string& name, auto value) {
    samples.clear();
    for (size_t i = 0; i < tasks.size(); ++i) {
      if (tasks[i].counted && Ran(tasks[i])) samples.push_back(value(tasks[i]));
    }
    SetDistribution(summary, name, samples);
  };
  collect("wait_s", [](const TaskRow& row) { return row.start - row.submit; });
  summary.SetUnsigned("tasks.counted", samples.size());
  collect("run_s", [](const TaskRow& row) { return row.finish - row.start; });
  collect("turnaround_s", [](const TaskRow& row) { return row.finish - row.submit; });
}

// The window: from the first counted submission to the last end.
void RunRecorder::State::WriteUtilization(Time end) {
  int64_t from = INT64_MAX, to = INT64_MIN;
  for (size_t i = 0; i < tasks.size(); ++i) {
    if (tasks[i].counted) from = std::min(from, tasks[i].submit);
    if (Ran(tasks[i])) to = std::max(to, tasks[i].finish);
  }
  double cpu_seconds = 0, gpu_seconds = 0, cpu_capacity = 0, gpu_capacity = 0;
  for (size_t i = 0; i < tasks.size(); ++i) {
    const TaskRow& row = tasks[i];
    if (!Ran(row)) continue;
    const double seconds = Overlap(row.start, row.finish, from, to);
    NodeRow& node = nodes[row.node];
    node.window_cpu_seconds += row.cpus * seconds;
    node.window_gpu_seconds += row.gpus * seconds;
  }
  for (auto& [id, node] : nodes) {
    node.present_seconds = Overlap(node.what.joined.ns, node.left ? node.left->ns : std::max(end.ns, to), from, to);
    cpu_seconds += node.window_cpu_seconds;
    gpu_seconds += node.window_gpu_seconds;
    cpu_capacity += node.what.cpus * node.present_seconds;
    gpu_capacity += node.what.gpus * node.present_seconds;
  }
  // The CPUs that the tasks would keep busy if they were spread over the time in which they arrived.
  double asked = 0;
  int64_t first = INT64_MAX, last = INT64_MIN;
  for (size_t i = 0; i < tasks.size(); ++i) {
    const TaskRow& row = tasks[i];
    if (!row.counted || !Ran(row)) continue;
    first = std::min(first, row.submit);
    last = std::max(last, row.submit);
    asked += row.cpus * (static_cast<double>(row.finish - row.start) / 1e9);
  }
  const double span = last > first ? static_cast<double>(last - first) / 1e9 : 0;  // of no task there is none
  summary.SetNumber("offered_load_cpus", span > 0 ? asked / span : NAN);
  summary.SetNumber("utilization", cpu_capacity > 0 ? cpu_seconds / cpu_capacity : NAN);
  summary.SetNumber("gpu_utilization", gpu_capacity > 0 ? gpu_seconds / gpu_capacity : NAN);
}

// L from the coming and going of tasks as traced; lambda and W from the rows. Tasks that never ended, and the way of a
// result back to its owner, are what tells the two apart.
void RunRecorder::State::WriteLittlesLaw() {
  double turnaround = 0;
  uint64_t count = 0;
  for (size_t i = 0; i < tasks.size(); ++i) {
    if (!tasks[i].counted || !Ran(tasks[i])) continue;
    turnaround += static_cast<double>(tasks[i].finish - tasks[i].submit) / 1e9;
    ++count;
  }
  const double span = occupancy.span_seconds();
  const double l = span > 0 ? occupancy.task_seconds() / span : 0;
  const double lambda = span > 0 ? static_cast<double>(count) / span : 0;
  const double w = count > 0 ? turnaround / static_cast<double>(count) : 0;
  summary.SetNumber("littles_law.l", l);
  summary.SetNumber("littles_law.lambda", lambda);
  summary.SetNumber("littles_law.w", w);
  summary.SetNumber("littles_law.error", l > 0 ? std::abs(l - lambda * w) / l : std::abs(lambda * w));
}

}  // namespace orrery
