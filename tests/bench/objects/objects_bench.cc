// Large values through the whole live system, each figure beside what memory and sockets alone allow, interleaved in
// one run; medians. Gate on the pinned figures; the others depend on where the kernel places the processes.
#include <sched.h>
#include <sys/resource.h>
#include <time.h>

#include <atomic>
#include <cstring>
#include <memory>
#include <thread>

#include "runtime/api/local_cluster.h"
#include "runtime/api/orrery.h"
#include "runtime/transport/arena_map.h"
#include "tests/bench/objects/raw_stream.h"
#include "tests/bench/report.h"
#include "tests/bench/transport/pair.h"

namespace {

using Bytes = std::vector<char>;
constexpr size_t kMiB = size_t{1} << 20;
constexpr size_t kGiB = size_t{1} << 30;

void NoOp() {}
Bytes Make(size_t size, char fill) { return Bytes(size, fill); }

orrery::BenchOptions g_options;
std::unique_ptr<orrery::Report> g_report;

double Seconds() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

// Runs `step` for the time of a repetition; steps per second.
template <class Step>
double Rate(Step step) {
  const double begin = Seconds();
  double now = begin;
  uint64_t steps = 0;
  for (; now < begin + g_options.seconds; now = Seconds(), ++steps) step();
  return static_cast<double>(steps) / (now - begin);
}

// Values live for a while: the last `alive` of them are kept, and the ceiling copies into as many places, in turn.
// (Copies into one place again and again would stay in the processor's cache, which no store of several values does.)
void ComparePut(const std::string& name, size_t size, size_t alive) {
  if (!g_options.Wants(name)) return;
  const Bytes source(size, 'x');
  const auto arena = orrery::ArenaMap::Create(static_cast<int64_t>(size * alive)).value();
  std::vector<orrery::Ref<Bytes>> ring(alive);
  size_t at = 0, place = 0;
  const auto copy = [&] {
    const auto offset = static_cast<int64_t>(size * (place++ % alive));
    std::memcpy(arena->Write(offset, static_cast<int64_t>(size)).value(), source.data(), size);
  };
  const auto put = [&] { ring[at++ % alive] = orrery::put(source); };
  for (size_t i = 0; i < 4 * alive; ++i) copy(), put();  // memory touched for the first time costs far more, both ways
  std::vector<double> ours, ceiling;
  for (int i = 0; i < g_options.repetitions; ++i) {
    ceiling.push_back(Rate(copy) * static_cast<double>(size));
    ours.push_back(Rate(put) * static_cast<double>(size));
  }
  g_report->Print(name, orrery::Median(ours), "B/s", orrery::Median(ceiling));
}

int64_t Faults() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_minflt;
}

// Bytes of memory that a get of 1 GiB touches at all, as pages that this process had not (a copy would touch 1 GiB);
// then its time beside that of a get of 1 MiB, which is the same when nothing depends on the size.
void MeasureGet(const std::string& placement) {
  if (!g_options.Wants("get_same_node" + placement)) return;
  const auto large = orrery::put(Bytes(kGiB, 'x'));
  const auto small = orrery::put(Bytes(kMiB, 'x'));
  large.view();
  const int64_t before = Faults();
  large.view();
  const int64_t touched = (Faults() - before) * 4096;
  g_report->Print("get_same_node" + placement, static_cast<double>(touched), "B copied", static_cast<double>(kGiB));
  std::vector<double> ours, ceiling;
  for (int i = 0; i < g_options.repetitions; ++i) {
    ceiling.push_back(1e6 / Rate([&] { small.view(); }));
    ours.push_back(1e6 / Rate([&] { large.view(); }));
  }
  g_report->Print("get_same_node_1GiB" + placement, orrery::Median(ours), "us", orrery::Median(ceiling));
}

void CompareSmall(const std::string& placement, orrery::Pair& raw) {
  if (!g_options.Wants("small_put_get" + placement)) return;
  const Bytes value(100, 'x');
  std::vector<double> ours, ceiling;
  for (int i = 0; i < g_options.repetitions; ++i) {
    ceiling.push_back(raw.Measure({1, g_options.seconds}).rate);
    ours.push_back(Rate([&] { orrery::put(value).get(); }));
  }
  g_report->Print("small_put_get" + placement, orrery::Median(ours), "1/s", orrery::Median(ceiling));
}

const orrery::TaskOptions kElsewhere{.resources = {{"elsewhere", 1}}};

void CompareTransfer(const std::string& name, size_t size, orrery::RawStream& raw) {
  if (!g_options.Wants(name)) return;
  const orrery::Task<&Make> make(kElsewhere);
  std::vector<double> ours, ceiling;
  const int rounds = g_options.repetitions * (size < 10 * kMiB ? 20 : 2);
  for (int i = -rounds / 4 - 1; i < rounds; ++i) {  // the first ones warm up
    const auto ref = make(size, 'x');
    orrery::wait(std::vector{ref});
    const double begin = Seconds();
    const auto view = ref.view();
    const double took = Seconds() - begin, raw_took = raw.Fetch(view.size());
    if (i < 0) continue;
    ours.push_back(static_cast<double>(size) / took);
    ceiling.push_back(static_cast<double>(size) / raw_took);
  }
  g_report->Print(name, orrery::Median(ours), "B/s", orrery::Median(ceiling));
}

double P99Micros() {
  std::vector<double> samples;
  Rate([&] {
    const double begin = Seconds();
    orrery::remote<&NoOp>().get();
    samples.push_back((Seconds() - begin) * 1e6);
  });
  std::sort(samples.begin(), samples.end());
  return samples[samples.size() * 99 / 100];
}

// No-op tasks while another thread fetches large values from the other node, one after the other, without end. The
// driver's store holds few of them, so that each has to come again.
void CompareControl(const std::string& placement) {
  if (!g_options.Wants("control_p99_under_bulk" + placement)) return;
  std::vector<orrery::Ref<Bytes>> large;
  for (int i = 0; i < 24; ++i) large.push_back(orrery::task<&Make>(kElsewhere)(100 * kMiB, 'x'));
  orrery::wait(large, large.size());
  // Every part of the store is touched once before it counts.
  for (size_t at = 0; at < 2 * large.size(); ++at) large[at % large.size()].view();
  std::vector<double> idle, busy;
  P99Micros();
  for (int i = 0; i < g_options.repetitions; ++i) {
    idle.push_back(P99Micros());
    std::atomic<bool> stop{false};
    std::thread bulk([&] {
      for (size_t at = 0; !stop.load(); ++at) large[at % large.size()].view();
    });
    busy.push_back(P99Micros());
    stop.store(true);
    bulk.join();
  }
  g_report->Print("control_p99_under_bulk" + placement, orrery::Median(busy), "us", orrery::Median(idle));
}

orrery::LocalNode Node(const char* resource, size_t store) {
  orrery::LocalNode node{.resources = orrery::ResourceSet::Cpu(1)};
  node.resources.Set(resource, orrery::FixedPoint::Whole(1));
  node.resources.Set(orrery::ResourceKind::kObjectStoreMemory, orrery::FixedPoint::Whole(static_cast<int64_t>(store)));
  return node;
}

void RunAll(const std::string& placement) {
  auto round_trip = orrery::MakeRawPair("");
  orrery::RawStream stream(100 * kMiB);
  auto cluster = orrery::LocalCluster::Start({.nodes = {Node("here", 3 * kGiB / 2), Node("elsewhere", 3 * kGiB)}});
  if (!cluster.ok()) {
    std::fprintf(stderr, "%s\n", cluster.status().message().c_str());
    std::exit(1);
  }
  setenv("ORRERY_SESSION_DIR", (*cluster)->session_dir().c_str(), 1);
  char name[] = "objects_bench";
  char* arguments[] = {name, nullptr};
  orrery::Session session(1, arguments, {.address = (*cluster)->address()});
  ComparePut("put_1MiB" + placement, kMiB, 64);
  ComparePut("put_100MiB" + placement, 100 * kMiB, 6);
  MeasureGet(placement);
  CompareSmall(placement, *round_trip);
  CompareTransfer("transfer_1MiB" + placement, kMiB, stream);
  CompareTransfer("transfer_100MiB" + placement, 100 * kMiB, stream);
  CompareControl(placement);
}

int Main(int argc, char** argv) {
  g_options = orrery::BenchOptions::Parse(argc, argv, {});
  g_report = std::make_unique<orrery::Report>(g_options, "large values", "ceiling", "objects.");
  cpu_set_t all, one;
  sched_getaffinity(0, sizeof all, &all);
  size_t first = 0;
  while (!CPU_ISSET(first, &all)) ++first;
  CPU_ZERO(&one);
  CPU_SET(first, &one);
  sched_setaffinity(0, sizeof one, &one);  // daemons, workers and the raw pairs inherit it
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
