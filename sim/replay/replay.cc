#include "sim/replay/replay.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <memory>
#include <optional>
#include <thread>

#include "runtime/api/cluster_finder.h"
#include "runtime/api/errors.h"
#include "runtime/api/store_tables.h"
#include "sim/record/object_log.h"
#include "sim/replay/daemon_traces.h"
#include "sim/replay/live_faults.h"
#include "sim/replay/live_scaling.h"
#include "sim/replay/recording.h"
#include "sim/replay/replay_cluster.h"
#include "sim/replay/replay_driver.h"
#include "sim/replay/work.h"
#include "sim/scenario/cluster_file.h"
#include "sim/workload/transfer_bound_of_run.h"

namespace orrery {

namespace {

using Drivers = std::vector<std::unique_ptr<ReplayDriver>>;

Status CheckLive(const Scenario& scenario) {
  if (scenario.workload.packing)
    return {StatusCode::kInvalidArgument, "workload.packing has no clock: it runs in simulation only"};
  return LiveFaults::Check(scenario.faults);
}

RecorderOptions RecorderFor(const Scenario& scenario, const std::string& out) {
  RecorderOptions options;
  options.outputs = scenario.run.outputs;
  options.warmup_tasks = scenario.run.warmup_tasks;
  options.warmup_until = Time{scenario.run.warmup_time.ns};
  if (!out.empty() && scenario.run.Wants("events")) options.events_path = out + "/events.jsonl";
  return options;
}

Status MakeDrivers(const Scenario& scenario, uint64_t seed, ReplayContext& context, Drivers& drivers) {
  for (const SourceSpec& spec : scenario.workload.sources) {
    // The stream that the simulated driver uses: the same tasks in both worlds.
    auto source = MakeSource(spec, Random::Named(seed, "workload/" + spec.name, "source"));
    if (!source.ok()) return source.status();
    drivers.push_back(std::make_unique<ReplayDriver>(context, spec, std::move(*source)));
  }
  return Status::Ok();
}

Status ConnectDrivers(const Scenario& scenario, ReplayCluster& cluster, Drivers& drivers) {
  const LocalCluster& processes = cluster.processes();
  Result<internal::FoundCluster> found = internal::FindInSession(processes.session_dir(), processes.address());
  if (!found.ok()) return {StatusCode::kUnavailable, found.status().message()};
  for (const auto& driver : drivers) {
    internal::DriverOptions options;
    options.node_manager = found->node_manager;
    options.socket_dir = found->socket_dir;
    options.token = found->token;
    options.settings = ChangedSettings(scenario.policy);
    if (Status status = driver->Connect(std::move(options)); !status.ok())
      return {StatusCode::kUnavailable, status.message()};
  }
  return Status::Ok();
}

// A line on stderr, redrawn.
class Progress {
 public:
  Progress(const Scenario& scenario, const Drivers& drivers, Recording& recording)
      : name_(scenario.name), recording_(recording) {
    for (const auto& driver : drivers) {
      const auto count = driver->source().Total();
      total_ = total_ && count ? std::optional<uint64_t>(*total_ + *count) : std::nullopt;
    }
  }
  ~Progress() { std::fprintf(stderr, "\r\033[K"); }
  void Draw() {
    const Recording::Counts counts = recording_.counts();
    const auto ended = static_cast<unsigned long long>(counts.finished + counts.failed);
    if (total_ && *total_ > 0) {
      const auto filled = static_cast<size_t>(30.0 * static_cast<double>(ended) / static_cast<double>(*total_));
      std::fprintf(stderr, "\r\033[K%s [%s%s] %llu/%llu tasks, t = %.1f s", name_.c_str(),
                   std::string(filled, '#').c_str(), std::string(30 - std::min<size_t>(30, filled), '.').c_str(), ended,
                   static_cast<unsigned long long>(*total_), recording_.now().seconds());
    } else {
      std::fprintf(stderr, "\r\033[K%s %llu tasks, t = %.1f s", name_.c_str(), ended, recording_.now().seconds());
    }
  }

 private:
  const std::string name_;
  Recording& recording_;
  std::optional<uint64_t> total_ = 0;
};

bool AllDone(const Drivers& drivers) {
  return std::all_of(drivers.begin(), drivers.end(), [](const auto& driver) { return driver->done(); });
}

RunFacts FactsOf(const Scenario& scenario, uint64_t seed, const Drivers& drivers, Recording& recording, Time end) {
  RunFacts facts;
  facts.world = "live";
  facts.scenario = scenario.name;
  facts.seed = seed;
  facts.events = recording.counts().events;
  facts.end = end;
  facts.wall_seconds = end.seconds();
  double path = 0, work = 0;
  bool known = true;
  for (const auto& driver : drivers) {
    const auto bounds = driver->source().Bounds();
    if (!bounds)
      known = false;
    else
      path = std::max(path, bounds->critical_path.seconds()), work += bounds->work.seconds();
  }
  for (const auto& driver : drivers) {
    if (const auto recorded = driver->source().RecordedMakespan())
      facts.recorded_makespan_s = std::max(facts.recorded_makespan_s.value_or(0), *recorded);
  }
  if (known) facts.critical_path_s = path, facts.work_s = work;
  return facts;
}

bool MakeObjects(const Drivers& drivers) {
  return std::any_of(drivers.begin(), drivers.end(),
                     [](const auto& driver) { return driver->source().MakesObjects(); });
}

// What daemons trace is asked of them only where somebody reads it.
bool NeedsTraces(const Scenario& scenario, const Drivers& drivers) {
  const bool told = std::any_of(drivers.begin(), drivers.end(), [](const auto& driver) {
    return driver->source().MakesGroups() || driver->source().MakesActors();
  });
  return told || MakeObjects(drivers) || scenario.autoscaler;
}

// Objects that are still in stores when nobody has refs to them any more, and has not had for a while; -1: a store did
// not answer.
int64_t CountLeaked(const std::string& session_dir, const Drivers& drivers) {
  constexpr auto kPatience = std::chrono::seconds(10);
  for (const auto& driver : drivers) driver->LetGo();
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (true) {
    auto tables = internal::StoreTables(session_dir);
    const auto left = tables.ok() ? static_cast<int64_t>(internal::CountRows(*tables)) : -1;
    if (left == 0 || std::chrono::steady_clock::now() > end) return left;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

void AddObjectDetails(const Scenario& scenario, const Drivers& drivers, const ReplayCluster& cluster,
                      const RunRecorder& recorder, Summary& summary) {
  TransferBoundRun run{.drivers = {},
                       .head = cluster.NodeOfIndex(0),
                       .inline_limit = scenario.policy.inline_limit,
                       .node_of_index = [&cluster](int64_t index) { return cluster.NodeOfIndex(index); },
                       .ran_on = [&recorder](TaskId task) { return recorder.NodeOf(task); }};
  for (const auto& driver : drivers) {
    run.drivers.push_back({&driver->source(), driver->worker()});
    if (!driver->put_error().empty()) summary.SetString("objects.put_error", driver->put_error());
  }
  ObjectLog::WriteBound(TransferBoundOfRun(run), recorder.moved_bytes(), summary);
}

void AddRunDetails(const Scenario& scenario, const Drivers& drivers, const ReplayCluster& cluster,
                   const LiveFaults& faults, Summary& summary) {
  summary.SetInteger("nodes", static_cast<int64_t>(cluster.node_count()));
  int64_t dropped_rows = 0;
  for (const auto& driver : drivers) dropped_rows += DroppedRows(driver->source());
  summary.SetInteger("trace.dropped_rows", dropped_rows);
  if (scenario.faults.empty()) return;
  summary.SetInteger("faults.asked", static_cast<int64_t>(scenario.faults.size()));
  summary.SetInteger("faults.fired", static_cast<int64_t>(faults.fired()));
}

void Evaluate(const Scenario& scenario, const LiveFaults& faults, Summary& summary, ReplayOutcome& outcome) {
  std::vector<CheckResult> checks = EvaluateChecks(scenario.checks, summary);
  for (CheckResult& check : EvaluateMeanChecks(scenario.checks, {&summary})) checks.push_back(std::move(check));
  for (const std::string& name : faults.NeverFired()) {
    checks.push_back({"fault_fired", false, "the fault " + name + " was asked for but hit nothing"});
  }
  summary.SetChecks(checks);
  outcome.checks = std::move(checks);
  if (!summary.ChecksOk()) outcome.exit_code = kLiveCheckFailed;
}

// True when all has ended before the time limit and any interrupt.
bool RunToEnd(const Scenario& scenario, const ReplayOptions& options, const Drivers& drivers, Recording& recording,
              ReplayLoop& loop) {
  std::optional<Progress> progress;
  if (options.progress) {
    progress.emplace(scenario, drivers, recording);
    loop.SetTicker([&progress] { progress->Draw(); });
  }
  const Duration limit = scenario.run.time_limit;
  const bool done =
      loop.Run([&drivers] { return AllDone(drivers); }, limit.ns > 0 ? recording.begin() + limit : Time{INT64_MAX});
  loop.SetTicker(nullptr);
  return done;
}

}  // namespace

Result<ReplayOutcome> ReplayScenario(const Scenario& scenario, uint64_t seed, const ReplayOptions& options,
                                     ReplayLoop& loop) {
  if (Status status = CheckLive(scenario); !status.ok()) return status;
  Recording recording(RecorderFor(scenario, options.out));
  ReplayContext context{.loop = loop,
                        .recording = recording,
                        .node_of_index = {},
                        .function = RegisterReplayFunction(),
                        .default_retries = scenario.policy.task_max_retries,
                        .inline_limit = scenario.policy.inline_limit};
  Drivers drivers;
  if (Status status = MakeDrivers(scenario, seed, context, drivers); !status.ok()) return status;
  std::optional<TraceFolder> traces;
  if (NeedsTraces(scenario, drivers)) {
    traces.emplace();
    if (traces->path().empty()) return Status(StatusCode::kUnavailable, "no folder for traces can be made in $TMPDIR");
  }
  Result<std::unique_ptr<ReplayCluster>> started =
      ReplayCluster::Start(scenario, recording, traces ? traces->path() : "");
  if (!started.ok()) return started.status();
  ReplayCluster& cluster = **started;
  context.node_of_index = [&cluster](int64_t index) { return cluster.NodeOfIndex(index); };
  if (Status status = ConnectDrivers(scenario, cluster, drivers); !status.ok()) return status;
  LiveFaults faults(scenario.faults, seed, cluster, recording, drivers);

  recording.Begin();
  cluster.Begin(loop);
  faults.Begin(loop);
  for (const auto& driver : drivers) driver->Begin();
  const bool done = RunToEnd(scenario, options, drivers, recording, loop);
  const Time end = recording.now();
  const int64_t leaked = done && traces ? CountLeaked(cluster.processes().session_dir(), drivers) : 0;
  for (const auto& driver : drivers) done ? driver->Close() : driver->Abandon();
  std::optional<LiveScaling> scaling;
  if (scenario.autoscaler) {
    Result<LiveScaling> read =
        ReadScaling(scenario, cluster.processes().session_dir(), cluster.processes().address(), recording.begin());
    if (!read.ok()) return read.status();
    scaling = std::move(*read);
  }
  cluster.processes().Stop();
  if (traces) {
    Result<std::vector<TimedEvent>> events = ReadObjectEvents(traces->path());
    if (!events.ok()) return events.status();
    if (scaling) DescribeLaunched(*scaling, *events, recording);
    recording.AddObjects(std::move(*events));
  }

  ReplayOutcome outcome;
  RunRecorder& recorder = recording.recorder();
  if (scaling) recorder.AddAutoscaler(scaling->rows);
  Summary& summary = recorder.Finish(FactsOf(scenario, seed, drivers, recording, end));
  AddRunDetails(scenario, drivers, cluster, faults, summary);
  AddObjectDetails(scenario, drivers, cluster, recorder, summary);
  if (scaling) AddScaling(*scaling, summary);
  summary.SetInteger("objects.leaked", leaked);
  Evaluate(scenario, faults, summary, outcome);
  if (!done) outcome.exit_code = loop.interrupted() ? kLiveInterrupted : kLiveTimeout;
  if (!options.out.empty()) {
    if (Status status = recorder.Write(options.out); !status.ok()) return status;
  }
  outcome.summary = summary;
  return outcome;
}

}  // namespace orrery
