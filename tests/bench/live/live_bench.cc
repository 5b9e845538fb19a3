// No-op tasks through the whole live system, beside what asio and Protobuf alone allow for the same exchange: one
// driver, one worker, one core. Interleaved in one run; medians. Gate on the pinned figures; the others depend on where
// the kernel places the processes.
#include <sched.h>
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "runtime/api/local_cluster.h"
#include "runtime/api/orrery.h"
#include "tests/bench/report.h"
#include "tests/bench/transport/pair.h"

namespace {

void NoOp() {}
int64_t CpuNanos() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

orrery::BenchOptions g_options;
std::unique_ptr<orrery::Report> g_report;

int64_t Now() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

// Tasks per second with `window` of them in flight: a batch is submitted and awaited, again and again.
double AsyncRate(size_t window, double seconds) {
  std::vector<orrery::Ref<void>> refs;
  refs.reserve(window);
  const int64_t begin = Now();
  const int64_t end = begin + static_cast<int64_t>(seconds * 1e9);
  uint64_t tasks = 0;
  while (Now() < end) {
    refs.clear();
    for (size_t i = 0; i < window; ++i) refs.push_back(orrery::remote<&NoOp>());
    orrery::get(refs);
    tasks += window;
  }
  return static_cast<double>(tasks) / static_cast<double>(Now() - begin) * 1e9;
}

struct Latency {
  double p50_us = 0, p99_us = 0;
};
Latency SyncLatency(double seconds) {
  std::vector<double> samples;
  const int64_t end = Now() + static_cast<int64_t>(seconds * 1e9);
  for (int64_t at = Now(); at < end;) {
    orrery::remote<&NoOp>().get();
    const int64_t now = Now();
    samples.push_back(static_cast<double>(now - at) / 1e3);
    at = now;
  }
  std::sort(samples.begin(), samples.end());
  return {samples[samples.size() / 2], samples[samples.size() * 99 / 100]};
}

void CompareRate(const char* name, const std::string& placement, size_t window, orrery::Pair& raw) {
  std::vector<double> ours, ceiling;
  AsyncRate(window, 0.1);
  for (int i = 0; i < g_options.repetitions; ++i) {
    ceiling.push_back(raw.Measure({window, g_options.seconds}).rate);
    ours.push_back(AsyncRate(window, g_options.seconds));
  }
  g_report->Print(name + placement, orrery::Median(ours), "1/s", orrery::Median(ceiling));
}

void CompareSync(const std::string& placement, orrery::Pair& raw) {
  std::vector<double> p50, p99, raw_p50, raw_p99;
  SyncLatency(0.1);
  for (int i = 0; i < g_options.repetitions; ++i) {
    const orrery::Figures ceiling = raw.Measure({1, g_options.seconds});
    raw_p50.push_back(ceiling.p50_us);
    raw_p99.push_back(ceiling.p99_us);
    const Latency ours = SyncLatency(g_options.seconds);
    p50.push_back(ours.p50_us);
    p99.push_back(ours.p99_us);
  }
  g_report->Print("task_sync" + placement, orrery::Median(p50), "us", orrery::Median(raw_p50));
  g_report->Print("task_sync_p99" + placement, orrery::Median(p99), "us", orrery::Median(raw_p99));
}

// Processor time of driver and worker together, per task; the ceiling is one core at the raw rate.
void CompareCpu(orrery::Pair& raw) {
  const double ceiling = 1e9 / raw.Measure({1000, g_options.seconds}).rate;
  const int64_t before = CpuNanos() + orrery::remote<&CpuNanos>().get();
  const int64_t begin = Now();
  const double rate = AsyncRate(1000, 2 * g_options.seconds);
  const double tasks = rate * static_cast<double>(Now() - begin) / 1e9;
  const int64_t after = CpuNanos() + orrery::remote<&CpuNanos>().get();
  g_report->Print("task_cpu", static_cast<double>(after - before) / tasks, "ns", ceiling);
}

void RunAll(const std::string& placement) {
  auto raw = orrery::MakeRawPair("");
  orrery::Result<std::unique_ptr<orrery::LocalCluster>> cluster =
      orrery::LocalCluster::Start({.nodes = {{.resources = orrery::ResourceSet::Cpu(1)}}});
  if (!cluster.ok()) {
    std::fprintf(stderr, "%s\n", cluster.status().message().c_str());
    std::exit(1);
  }
  setenv("ORRERY_SESSION_DIR", (*cluster)->session_dir().c_str(), 1);
  char name[] = "live_bench";
  char* arguments[] = {name, nullptr};
  orrery::Session session(1, arguments, {.address = (*cluster)->address()});
  CompareRate("task_async", placement, 1000, *raw);
  CompareRate("task_async_w100", placement, 100, *raw);
  CompareRate("task_async_w10", placement, 10, *raw);
  CompareSync(placement, *raw);
  if (placement.empty()) CompareCpu(*raw);
}

int Main(int argc, char** argv) {
  g_options = orrery::BenchOptions::Parse(argc, argv, {});
  g_report = std::make_unique<orrery::Report>(g_options, "no-op tasks, live", "asio+pb", "live.");
  cpu_set_t all, one;
  sched_getaffinity(0, sizeof all, &all);
  size_t first = 0;
  while (!CPU_ISSET(first, &all)) ++first;
  CPU_ZERO(&one);
  CPU_SET(first, &one);
  sched_setaffinity(0, sizeof one, &one);  // daemons, worker and the raw pair inherit it
  RunAll("");
  sched_setaffinity(0, sizeof all, &all);
  RunAll(".unpinned");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  orrery::internal::ServeIfWorker();
  return Main(argc, argv);
}
