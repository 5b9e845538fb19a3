// The simulator's speed and size at 100, 1,000 and 10,000 nodes: 100 tasks per node through the real lease protocol, a
// quarter of the CPUs busy. The ceiling is the bare engine: its event queue pushing and popping, no handlers, same run.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "sim/engine/event_queue.h"
#include "sim/platform/sim_cluster.h"
#include "tests/bench/report.h"

namespace orrery {
namespace {

struct Point {
  double nodes = 0, tasks = 0, messages = 0, cpu_seconds = 0, resident_bytes = 0;
};

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

// 1,000 events pending, each popped event pushes the next: what an engine of empty handlers would do.
double BareEventsPerSecond() {
  EventQueue<uint64_t> queue;
  Random random(1);
  for (int i = 0; i < 1000; ++i) queue.Push(static_cast<int64_t>(random.Below(100'000)), 0);
  constexpr int kEvents = 10'000'000;
  const double start = CpuSeconds();
  for (int i = 0; i < kEvents; ++i) {
    int64_t time = 0;
    uint64_t payload = 0;
    queue.Pop(&time, &payload);
    queue.Push(time + static_cast<int64_t>(random.Below(100'000)), payload);
  }
  return kEvents / (CpuSeconds() - start);
}

std::string ScenarioText(int nodes) {
  const std::string n = std::to_string(nodes);
  return "cluster:\n  node_types: [{name: node, count: " + n + ", resources: {CPU: 4}}]\n" +
         "workload:\n  generator: {kind: open, arrival: poisson, rate: " + n +
         "/s, count: " + std::to_string(nodes * 100) +
         ", task: {duration: {kind: exponential, mean: 1s}}}\nrun: {outputs: [summary]}\n";
}

double PeakResidentBytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) * 1024;
}

// In a process of its own, so that the peak of memory is this size's alone.
Point Measure(int nodes) {
  int pipe_ends[2];
  if (pipe(pipe_ends) != 0) std::abort();
  if (fork() == 0) {
    const double base = PeakResidentBytes();
    auto scenario = ParseScenario(ScenarioText(nodes), "sim_bench.yaml");
    RecorderOptions recording;
    recording.outputs = {"summary"};
    RunRecorder recorder(recording);
    const double start = CpuSeconds();
    auto cluster = SimCluster::Make(scenario.value(), 1, {}, recorder);
    cluster.value()->engine().RunToIdle();
    Point point;
    point.nodes = nodes;
    point.tasks = static_cast<double>(recorder.finished());
    point.messages = static_cast<double>(cluster.value()->engine().counters().messages);
    point.cpu_seconds = CpuSeconds() - start;
    point.resident_bytes = PeakResidentBytes() - base;
    const bool written = write(pipe_ends[1], &point, sizeof point) == sizeof point;
    _exit(written ? 0 : 1);
  }
  Point point;
  if (read(pipe_ends[0], &point, sizeof point) != sizeof point) std::abort();
  wait(nullptr);
  close(pipe_ends[0]);
  close(pipe_ends[1]);
  return point;
}

// Least-squares slope of log(y) over log(nodes).
double Exponent(const std::vector<Point>& points, double (*y)(const Point&)) {
  double sx = 0, sy = 0, sxx = 0, sxy = 0;
  for (const Point& point : points) {
    const double lx = std::log(point.nodes), ly = std::log(y(point));
    sx += lx, sy += ly, sxx += lx * lx, sxy += lx * ly;
  }
  const double n = static_cast<double>(points.size());
  return (n * sxy - sx * sy) / (n * sxx - sx * sx);
}

void Main(const Report& report) {
  const double bare = BareEventsPerSecond();
  report.Print("sim_bare_events", bare, "events/s");
  std::vector<Point> points;
  for (int nodes : {100, 1000, 10000}) {
    const Point point = Measure(nodes);
    points.push_back(point);
    const std::string at = "_" + std::to_string(nodes) + "_nodes";
    report.Print("sim_messages" + at, point.messages / point.cpu_seconds, "messages/s", bare);
    report.Print("sim_tasks" + at, point.tasks / point.cpu_seconds, "tasks/s");
    report.Print("sim_memory_per_node" + at, point.resident_bytes / point.nodes, "bytes");
    report.Print("sim_memory_per_task" + at, point.resident_bytes / point.tasks, "bytes");
  }
  report.Print("sim_million_tasks_10000_nodes", points.back().cpu_seconds, "s", 60);
  // 1.0: cost per task does not depend on the number of nodes.
  report.Print("sim_growth_exponent_cpu", Exponent(points, [](const Point& p) { return p.cpu_seconds; }),
               "log-log slope", 1.05);
  report.Print("sim_growth_exponent_memory", Exponent(points, [](const Point& p) { return p.resident_bytes; }),
               "log-log slope", 1.05);
}

}  // namespace
}  // namespace orrery

int main(int argc, char** argv) {
  using orrery::BenchOptions;
  orrery::Main(orrery::Report(BenchOptions::Parse(argc, argv, {}), "real handlers, one core", "limit", ""));
}
