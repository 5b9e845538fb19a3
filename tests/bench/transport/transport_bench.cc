// The live transport against its ceiling (asio and Protobuf over a UNIX socket), interleaved in one run; medians. Gate
// on the figures pinned to one processor; the others depend on where the kernel places the two processes.
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <functional>
#include <vector>

#include "runtime/common/lookup.h"
#include "runtime/common/random.h"
#include "runtime/transport/session.h"
#include "runtime/transport/timer_wheel.h"
#include "tests/bench/report.h"
#include "tests/bench/transport/pair.h"

namespace orrery {
namespace {

BenchOptions g_options{.seconds = 0.3};
std::unique_ptr<Report> g_report;

double Median(std::vector<Figures> figures, double Figures::*member) {
  std::sort(figures.begin(), figures.end(), [&](const Figures& a, const Figures& b) { return a.*member < b.*member; });
  return figures[figures.size() / 2].*member;
}

struct Samples {
  std::vector<Figures> raw, live;
};

Samples Interleave(Pair& raw, Pair& live, uint64_t window) {
  Samples samples;
  const Load load = {window, g_options.seconds};
  raw.Measure({window, 0.05});
  live.Measure({window, 0.05});
  for (int i = 0; i < g_options.repetitions; ++i) {
    samples.raw.push_back(raw.Measure(load));
    samples.live.push_back(live.Measure(load));
  }
  return samples;
}

void CompareSync(const std::string& label, Pair& raw, Pair& live) {
  const Samples s = Interleave(raw, live, 1);
  g_report->Print("sync_p50." + label, Median(s.live, &Figures::p50_us), "us", Median(s.raw, &Figures::p50_us));
  g_report->Print("sync_p99." + label, Median(s.live, &Figures::p99_us), "us", Median(s.raw, &Figures::p99_us));
}

void CompareRate(const std::string& label, Pair& raw, Pair& live, uint64_t window) {
  const Samples s = Interleave(raw, live, window);
  const std::string suffix = ".w" + std::to_string(window) + "." + label;
  g_report->Print("rate" + suffix, Median(s.live, &Figures::rate), "1/s", Median(s.raw, &Figures::rate));
  g_report->Print("client_cpu" + suffix, Median(s.live, &Figures::client_cpu_ns), "ns",
                  Median(s.raw, &Figures::client_cpu_ns));
}

void ComparePairs(const std::string& label, const std::string& socket_dir) {
  auto raw = MakeRawPair(socket_dir);
  auto live = MakeLivePair(socket_dir);
  CompareSync(label, *raw, *live);
  CompareRate(label, *raw, *live, 10);
  CompareRate(label, *raw, *live, 1000);
}

double ThreadNanos() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

struct KeyHash {
  size_t operator()(const TimerKey& key) const { return Mix64(key.id * 0x9e3779b97f4a7c15ULL + key.kind); }
};

// Arm and cancel a deadline among 100,000 live ones, beside inserting into and erasing from a hash table of as many
// keys.
void CompareTimers() {
  constexpr uint64_t kLive = 100'000, kRounds = 1'000'000;
  Random random(1);
  TimerWheel wheel(Time{0});
  Lookup<TimerKey, uint32_t, KeyHash> table;
  for (uint64_t id = 0; id < kLive; ++id) {
    wheel.Arm({0, id}, Time{static_cast<int64_t>(random.Below(60'000'000'000))});
    table.Insert({0, id}, 0);
  }
  double begin = ThreadNanos();
  for (uint64_t i = 0; i < kRounds; ++i) {
    table.Insert({1, i}, 0);
    table.Erase({1, i});
  }
  const double ceiling = (ThreadNanos() - begin) / kRounds;
  begin = ThreadNanos();
  for (uint64_t i = 0; i < kRounds; ++i) {
    wheel.Arm({1, i}, Time{static_cast<int64_t>(1'000'000'000 + i * 1000)});
    wheel.Cancel({1, i});
  }
  g_report->Print("timer_arm_cancel.100k_live", (ThreadNanos() - begin) / kRounds, "ns", ceiling);
}

void Pin(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<size_t>(cpu), &set);
  sched_setaffinity(0, sizeof set, &set);
}

int Main(int argc, char** argv) {
  g_options = BenchOptions::Parse(argc, argv, g_options);
  g_report = std::make_unique<Report>(g_options, "PushTask and TaskReply", "asio+pb", "transport.");
  char folder[] = "/tmp/orrery-bench-XXXXXX";
  if (mkdtemp(folder) == nullptr) return 1;
  cpu_set_t all;
  sched_getaffinity(0, sizeof all, &all);
  int first = 0;
  while (!CPU_ISSET(static_cast<size_t>(first), &all)) ++first;
  Pin(first);
  ComparePairs("unix.pinned", folder);
  ComparePairs("tcp.pinned", "");
  CompareTimers();
  sched_setaffinity(0, sizeof all, &all);
  ComparePairs("unix.unpinned", folder);
  RemoveStaleSockets(folder);
  rmdir(folder);
  return 0;
}

}  // namespace
}  // namespace orrery

int main(int argc, char** argv) { return orrery::Main(argc, argv); }
