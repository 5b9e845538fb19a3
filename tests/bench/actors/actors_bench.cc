// Calls of actors, their creation, and placement groups on real processes, each beside its ceiling in the same run: for
// calls what asio and Protobuf alone allow for the same exchange, for creation how fast this machine starts this very
// executable, for placement groups the round trips that their protocol needs.
#include <spawn.h>
#include <sys/wait.h>
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "runtime/api/local_cluster.h"
#include "runtime/api/orrery.h"
#include "tests/bench/report.h"
#include "tests/bench/transport/pair.h"

extern char** environ;

namespace {

constexpr int kActors = 500;  // of actor_create
constexpr int kNodes = 4;
constexpr size_t kWindow = 1000;
// Create is one round trip, prepare and commit are two, and removal is one. The answer to wait comes with the last
// commit.
constexpr double kGroupRoundTrips = 4;

int64_t Now() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}
double SecondsSince(int64_t begin) { return static_cast<double>(Now() - begin) / 1e9; }

class Counter {
 public:
  int64_t Add(int64_t n) { return value_ += n; }
  int Pid() { return getpid(); }

 private:
  int64_t value_ = 0;
};

double AsyncRate(orrery::Actor<Counter>& counter, double seconds) {
  std::vector<orrery::Ref<int64_t>> refs;
  const int64_t begin = Now();
  uint64_t calls = 0;
  while (SecondsSince(begin) < seconds) {
    refs.clear();
    for (size_t i = 0; i < kWindow; ++i) refs.push_back(counter.call<&Counter::Add>(1));
    orrery::get(refs);
    calls += kWindow;
  }
  return static_cast<double>(calls) / SecondsSince(begin);
}
// A caller that is a process of its own.
double Drive(orrery::Actor<Counter> counter, double seconds) { return AsyncRate(counter, seconds); }

double SyncLatency(orrery::Actor<Counter>& counter, double seconds) {
  std::vector<double> samples;
  const int64_t begin = Now();
  for (int64_t at = begin; SecondsSince(begin) < seconds;) {
    counter.call<&Counter::Add>(1).get();
    const int64_t now = Now();
    samples.push_back(static_cast<double>(now - at) / 1e3);
    at = now;
  }
  return orrery::Median(std::move(samples));
}

// Processes of this executable that start and end at once, one after the other, per second.
double RawProcessRate(int count) {
  char path[] = "/proc/self/exe", flag[] = "--end-at-once";
  char* arguments[] = {path, flag, nullptr};
  const int64_t begin = Now();
  for (int i = 0; i < count; ++i) {
    pid_t pid = 0;
    if (posix_spawn(&pid, path, nullptr, nullptr, arguments, environ) != 0) std::exit(1);
    waitpid(pid, nullptr, 0);
  }
  return count / SecondsSince(begin);
}

// Proportional set size of a process in MiB: shared pages count in parts.
double MemoryOf(int pid) {
  std::ifstream rollup("/proc/" + std::to_string(pid) + "/smaps_rollup");
  for (std::string word; rollup >> word;) {
    double kib = 0;
    if (word == "Pss:" && rollup >> kib) return kib / 1024;
  }
  return 0;
}

class ActorsBench {
 public:
  explicit ActorsBench(const orrery::BenchOptions& options)
      : options_(options), report_(options, "actors and placement groups, live", "ceiling", "actors.") {}

  void Run() {
    auto raw = orrery::MakeRawPair("");
    if (options_.Wants("actor_call")) Calls(*raw);
    if (options_.Wants("actor_create")) Create();
    for (int bundles : {1, 40}) Groups(bundles, *raw);
  }

 private:
  void Calls(orrery::Pair& raw) {
    orrery::Actor<Counter> counter = orrery::spawn<Counter>(), second = orrery::spawn<Counter>();
    counter.call<&Counter::Add>(1).get();
    second.call<&Counter::Add>(1).get();
    std::vector<double> sync, async, pairs, raw_sync, raw_async;
    for (int i = 0; i < options_.repetitions; ++i) {
      raw_sync.push_back(raw.Measure({1, options_.seconds}).p50_us);
      sync.push_back(SyncLatency(counter, options_.seconds));
      raw_async.push_back(raw.Measure({kWindow, options_.seconds}).rate);
      async.push_back(AsyncRate(counter, options_.seconds));
      auto one = orrery::remote<&Drive>(counter, options_.seconds),
           two = orrery::remote<&Drive>(second, options_.seconds);
      pairs.push_back(one.get() + two.get());
    }
    const double ceiling = orrery::Median(raw_async);
    report_.Print("actor_call_sync", orrery::Median(sync), "us", orrery::Median(raw_sync));
    report_.Print("actor_call_async", orrery::Median(async), "1/s", ceiling);
    report_.Print("actor_call_nn", orrery::Median(pairs), "1/s", ceiling);  // two callers, two actors; one raw pair
  }

  void Create() {
    const double ceiling = RawProcessRate(kActors);
    std::vector<orrery::Actor<Counter>> actors;
    std::vector<orrery::Ref<int>> pids;
    const int64_t begin = Now();
    for (int i = 0; i < kActors; ++i) {
      actors.push_back(orrery::actor<Counter>({.num_cpus = 0})());
      pids.push_back(actors.back().call<&Counter::Pid>());
    }
    std::vector<double> memory;
    const std::vector<int> living = orrery::get(pids);
    report_.Print("actor_create", kActors / SecondsSince(begin), "1/s", ceiling);
    for (size_t i = 0; i < living.size(); i += 25) memory.push_back(MemoryOf(living[i]));
    report_.Print("actor_create_memory", orrery::Median(memory), "MiB");
  }

  void Groups(int bundles, orrery::Pair& raw) {
    const std::string name = "placement_group_create_" + std::to_string(bundles);
    if (!options_.Wants(name)) return;
    std::vector<double> rates, ceilings;
    for (int i = 0; i < options_.repetitions; ++i) {
      ceilings.push_back(1e6 / (kGroupRoundTrips * raw.Measure({1, options_.seconds}).p50_us));
      const int64_t begin = Now();
      int groups = 0;
      for (; SecondsSince(begin) < options_.seconds; ++groups) {
        const auto group = orrery::placement_group(std::vector<orrery::Bundle>(bundles, orrery::bundle(0.05)),
                                                   {.strategy = orrery::BundleStrategy::kSpread});
        group.wait();
        orrery::remove_placement_group(group);
      }
      rates.push_back(groups / SecondsSince(begin));
    }
    report_.Print(name, orrery::Median(rates), "1/s", orrery::Median(ceilings));
  }

  const orrery::BenchOptions options_;
  const orrery::Report report_;
};

}  // namespace

int main(int argc, char** argv) {
  orrery::internal::ServeIfWorker();
  if (argc == 2 && std::string(argv[1]) == "--end-at-once") return 0;
  const orrery::BenchOptions options = orrery::BenchOptions::Parse(argc, argv, {});
  std::vector<orrery::LocalNode> nodes(kNodes, {.resources = orrery::ResourceSet::Cpu(4)});
  auto cluster = orrery::LocalCluster::Start({.nodes = nodes});
  if (!cluster.ok()) {
    std::fprintf(stderr, "%s\n", cluster.status().message().c_str());
    return 1;
  }
  setenv("ORRERY_SESSION_DIR", (*cluster)->session_dir().c_str(), 1);
  char name[] = "actors_bench";
  char* arguments[] = {name, nullptr};
  orrery::Session session(1, arguments, {.address = (*cluster)->address()});
  ActorsBench(options).Run();
  return 0;
}
