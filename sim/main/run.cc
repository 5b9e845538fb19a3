#include "sim/main/run.h"

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <utility>

#include "sim/checkers/autoscaler_checks.h"
#include "sim/checkers/conservation.h"
#include "sim/checkers/object_checks.h"
#include "sim/engine/digest.h"
#include "sim/engine/event_log.h"
#include "sim/faults/fault_injector.h"
#include "sim/platform/sim_cluster.h"
#include "sim/record/checks.h"
#include "sim/record/object_log.h"
#include "sim/record/recorder.h"
#include "sim/workload/transfer_bound_of_run.h"

namespace orrery {

namespace {

constexpr uint64_t kChunk = 1 << 18;  // events between two looks at the progress

RecorderOptions RecorderFor(const Scenario& scenario) {
  RecorderOptions options;
  options.outputs = scenario.run.outputs;
  options.warmup_tasks = scenario.run.warmup_tasks;
  options.warmup_until = Time{scenario.run.warmup_time.ns};
  return options;
}

std::optional<uint64_t> TotalTasks(const SimCluster& cluster) {
  uint64_t total = 0;
  for (const auto& driver : cluster.drivers()) {
    const auto count = driver->source().Total();
    if (!count) return std::nullopt;
    total += *count;
  }
  return total;
}

SimEngine::RunEnd Drive(SimCluster& cluster, const RunRecorder& recorder, const RunOptions& options) {
  const Duration limit = cluster.scenario().run.time_limit;
  const Time end = limit.ns > 0 ? Time{limit.ns} : Time{INT64_MAX};
  const std::optional<uint64_t> total = TotalTasks(cluster);
  SimEngine::RunEnd ended;
  while ((ended = cluster.engine().RunSome(kChunk, end)) == SimEngine::RunEnd::kBudget) {
    if (!options.progress) continue;
    DrawProgress(cluster.scenario().name, recorder.finished() + recorder.failed(), total,
                 cluster.engine().Now().seconds());
  }
  if (options.progress) ClearProgress();
  return ended;
}

RunFacts FactsOf(const SimCluster& cluster, const SimEngine& engine, uint64_t seed, Time end, double wall) {
  RunFacts facts;
  facts.world = "sim";
  facts.scenario = cluster.scenario().name;
  facts.seed = seed;
  facts.digest = engine.digest().value();
  facts.events = engine.counters().events;
  facts.messages = engine.counters().messages;
  facts.end = end;
  facts.wall_seconds = wall;
  double path = 0, work = 0;
  bool known = true;
  for (const auto& driver : cluster.drivers()) {
    const auto bounds = driver->source().Bounds();
    if (!bounds)
      known = false;
    else
      path = std::max(path, bounds->critical_path.seconds()), work += bounds->work.seconds();
    // Of several traces, the longest.
    if (const auto recorded = driver->source().RecordedMakespan())
      facts.recorded_makespan_s = std::max(facts.recorded_makespan_s.value_or(0), *recorded);
  }
  if (known) facts.critical_path_s = path, facts.work_s = work;
  return facts;
}

void AddRunDetails(const SimCluster& cluster, const FaultInjector& faults, const SimEngine& engine, Summary& summary) {
  const EngineCounters& counters = engine.counters();
  summary.SetInteger("network.messages_sent", static_cast<int64_t>(counters.sent));
  summary.SetInteger("network.bytes", static_cast<int64_t>(counters.bytes));
  summary.SetInteger("network.dropped", static_cast<int64_t>(counters.dropped));
  summary.SetInteger("nodes", static_cast<int64_t>(cluster.nodes().size()));
  int64_t dropped_rows = 0;
  for (const auto& driver : cluster.drivers()) dropped_rows += DroppedRows(driver->source());
  summary.SetInteger("trace.dropped_rows", dropped_rows);
  for (const auto& driver : cluster.drivers()) {
    if (!driver->put_error().empty()) summary.SetString("objects.put_error", driver->put_error());
  }
  if (cluster.scenario().faults.empty()) return;
  summary.SetInteger("faults.asked", static_cast<int64_t>(cluster.scenario().faults.size()));
  summary.SetInteger("faults.fired", static_cast<int64_t>(faults.fired()));
}

void AddTransferBound(const SimCluster& cluster, const RunRecorder& recorder, Summary& summary) {
  TransferBoundRun run{.drivers = {},
                       .head = cluster.nodes().front().id,
                       .inline_limit = cluster.scenario().policy.inline_limit,
                       .node_of_index = [&cluster](int64_t index) { return cluster.NodeOfIndex(index); },
                       .ran_on = [&recorder](TaskId task) { return recorder.NodeOf(task); }};
  for (const auto& driver : cluster.drivers()) run.drivers.push_back({&driver->source(), driver->worker()});
  ObjectLog::WriteBound(TransferBoundOfRun(run), recorder.moved_bytes(), summary);
}

}  // namespace

Result<RunOutcome> RunScenario(const Scenario& scenario, uint64_t seed, const RunOptions& options) {
  RecorderOptions recording = RecorderFor(scenario);
  RunRecorder recorder(recording);
  EngineOptions engine_options;
  engine_options.through_codec = options.through_codec;
  engine_options.permute_ties = options.permute_ties;
  engine_options.check_invariants = options.check_invariants;
  auto made = SimCluster::Make(scenario, seed, engine_options, recorder);
  if (!made.ok()) return made.status();
  SimCluster& cluster = **made;
  FaultInjector faults(cluster, recorder);
  std::optional<EventLog> log;
  if (options.log_events && !options.out.empty()) {
    std::filesystem::create_directories(options.out);
    auto opened = EventLog::Open(options.out + "/events.jsonl");
    if (!opened.ok()) return opened.status();
    log.emplace(std::move(*opened));
    cluster.engine().SetEventLog(&*log);
  }
  const auto start = std::chrono::steady_clock::now();
  const SimEngine::RunEnd ended = Drive(cluster, recorder, options);
  const double wall = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const Time end = cluster.engine().Now();
  if (cluster.finished()) cluster.engine().RunUntil(end + kQuiescence);
  cluster.engine().Audit();
  if (log) {
    if (Status status = log->Close(); !status.ok()) return status;
  }
  RunOutcome outcome;
  recorder.SetMostLiveIncarnations(cluster.executor().most_live_incarnations());
  Summary& summary = recorder.Finish(FactsOf(cluster, cluster.engine(), seed, end, wall));
  AddRunDetails(cluster, faults, cluster.engine(), summary);
  AddTransferBound(cluster, recorder, summary);
  AddAutoscaler(cluster, summary);
  summary.SetInteger("objects.leaked", CountLeaked(cluster));
  summary.SetInteger("transfers.discarded_bytes", cluster.memory().totals().fetched - recorder.moved_bytes());
  std::vector<CheckResult> checks = EvaluateChecks(scenario.checks, summary);
  if (cluster.finished()) {
    for (CheckResult& check : CheckConservation(cluster)) checks.push_back(std::move(check));
    for (CheckResult& check : CheckAutoscaler(cluster)) checks.push_back(std::move(check));
    for (CheckResult& check : CheckObjects(cluster, recorder.moved_bytes())) checks.push_back(std::move(check));
  }
  for (const std::string& name : faults.NeverFired()) {
    checks.push_back({"fault_fired", false, "the fault " + name + " was asked for but hit nothing"});
  }
  summary.SetChecks(checks);
  outcome.checks = std::move(checks);
  const bool cut = !cluster.finished() && recorder.in_system() > 0;
  if (!summary.ChecksOk()) outcome.exit_code = kExitCheckFailed;
  if (ended == SimEngine::RunEnd::kTimeLimit && cut) outcome.exit_code = kExitTimeout;  // why checks failed, too
  if (!options.out.empty()) {
    if (Status status = recorder.Write(options.out); !status.ok()) return status;
  }
  outcome.summary = summary;
  return outcome;
}

void DrawProgress(const std::string& label, uint64_t done, std::optional<uint64_t> total, double sim_seconds) {
  constexpr int kWidth = 30;
  if (total && *total > 0) {
    const int filled =
        static_cast<int>(static_cast<double>(kWidth) * static_cast<double>(done) / static_cast<double>(*total));
    const std::string bar =
        std::string(static_cast<size_t>(filled), '#') + std::string(static_cast<size_t>(kWidth - filled), '.');
    std::fprintf(stderr, "\r\033[K%s [%s] %llu/%llu tasks, t = %.0f s", label.c_str(), bar.c_str(),
                 static_cast<unsigned long long>(done), static_cast<unsigned long long>(*total), sim_seconds);
  } else {
    std::fprintf(stderr, "\r\033[K%s %llu tasks, t = %.0f s", label.c_str(), static_cast<unsigned long long>(done),
                 sim_seconds);
  }
  std::fflush(stderr);
}

void ClearProgress() {
  std::fprintf(stderr, "\r\033[K");
  std::fflush(stderr);
}

}  // namespace orrery
