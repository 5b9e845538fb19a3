// The orrery-sim command: run scenarios in simulation, compare two runs. Usually started by `orrery sim …`.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "sim/engine/event_log.h"
#include "sim/main/plan.h"
#include "sim/main/run.h"

namespace orrery {

namespace {

int Fail(int code, const std::string& message, const std::string& format) {
  if (format == "json") {
    Summary error;
    error.SetString("error", message);
    error.SetInteger("exit_code", code);
    std::printf("%s\n", error.ToJson(false).c_str());
  }
  std::fprintf(stderr, "%s\n", message.c_str());
  return code;
}

void PrintTable(const Summary& summary, const std::string& out) {
  const auto number = [&](const char* path, const char* label, const char* unit) {
    if (const auto value = summary.Number(path)) std::printf("  %-24s %12.6g %s\n", label, *value, unit);
  };
  std::printf("%s (seed %.0f, digest %s)\n", summary.String("scenario").value_or("?").c_str(),
              summary.Number("seed").value_or(0), summary.String("digest").value_or("-").c_str());
  number("tasks.submitted", "tasks submitted", "");
  number("tasks.finished", "finished", "");
  number("tasks.failed", "failed", "");
  number("tasks.retried", "retried", "");
  number("makespan_s", "makespan", "s");
  number("recorded_makespan_s", "recorded makespan", "s");
  number("bounds.critical_path_s", "critical path", "s");
  number("bounds.work_s", "work", "core-s");
  if (summary.Number("objects.created").value_or(0) > 0) {
    number("objects.created", "objects", "");
    number("transfers.bytes", "bytes moved", "B");
    number("bounds.transfer_lower_bound_bytes", "bytes that had to move", "B");
    number("transfers.saved_by_locality_bytes", "bytes saved by placement", "B");
    number("spill.bytes_written", "bytes spilled", "B");
    number("spill.bytes_read", "bytes restored", "B");
  }
  number("wait_s.mean", "wait, mean", "s");
  number("wait_s.p95", "wait, p95", "s");
  number("wait_s.p99", "wait, p99", "s");
  number("utilization", "utilization", "");
  number("gpu_allocation_percent.at_100", "GPU allocated at 100%", "%");
  number("gpu_allocation_percent.at_130", "GPU allocated at 130%", "%");
  number("events", "events", "");
  number("wall_seconds", "wall time", "s");
  if (!out.empty()) std::printf("  results in %s; pictures: python3 -m analysis %s\n", out.c_str(), out.c_str());
}

struct RunFlags {
  std::string file;
  std::vector<std::string> sets;
  std::optional<uint64_t> seed;
  std::string format = "table";
  RunOptions options;
  bool quiet = false;
};

int Run(RunFlags& flags) {
  auto scenario = LoadScenario(flags.file, flags.sets);
  if (!scenario.ok()) return Fail(kExitBadInput, scenario.status().message(), flags.format);
  flags.options.progress = !flags.quiet && isatty(STDERR_FILENO) != 0;
  if (flags.seed) scenario->run.seeds = {*flags.seed};
  if (!flags.options.out.empty()) {
    std::error_code error;
    std::filesystem::create_directories(flags.options.out, error);
    if (error)
      return Fail(kExitBadInput, "cannot make the folder '" + flags.options.out + "': " + error.message(),
                  flags.format);
  }
  const uint64_t seed = scenario->run.seeds.front();
  auto outcome = scenario->run.seeds.size() > 1 ? RunSeeds(*scenario, flags.options)
                 : scenario->workload.packing   ? RunPacking(*scenario, seed, flags.options)
                                                : RunScenario(*scenario, seed, flags.options);
  if (!outcome.ok()) return Fail(kExitBadInput, outcome.status().message(), flags.format);
  if (flags.format == "json")
    std::printf("%s", outcome->summary.ToJson().c_str());
  else
    PrintTable(outcome->summary, flags.options.out);
  for (const CheckResult& check : outcome->checks) {
    if (!check.ok) std::fprintf(stderr, "check failed: %s: %s\n", check.name.c_str(), check.detail.c_str());
  }
  if (outcome->exit_code == kExitTimeout) std::fprintf(stderr, "the time limit came before the end of the workload\n");
  if (outcome->exit_code != kExitOk && scenario->run.seeds.size() == 1) {
    std::string again = "orrery sim run " + flags.file + " --seed " + std::to_string(seed);
    for (const std::string& set : flags.sets) again += " --set '" + set + "'";
    std::fprintf(stderr, "again: %s\n", again.c_str());
  }
  return outcome->exit_code;
}

std::string EventsOf(const std::string& path) {
  return std::filesystem::is_directory(path) ? path + "/events.jsonl" : path;
}

int Diff(const std::string& a, const std::string& b, size_t context) {
  auto difference = FindFirstDifference(EventsOf(a), EventsOf(b), context);
  if (!difference.ok()) {
    return Fail(kExitBadInput, difference.status().message() + "\n(runs write events.jsonl with --log-events)",
                "table");
  }
  if (difference->equal) {
    std::printf("equal\n");
    return kExitOk;
  }
  std::printf("%s", difference->ToString().c_str());
  return kExitNondeterminism;
}

}  // namespace

int Main(int argc, char** argv) {
  CLI::App app("Runs scenarios in the deterministic simulation of an Orrery cluster.", "orrery sim");
  app.require_subcommand(1);
  app.footer("Exit codes: 0 ok, 1 a check failed, 2 bad input, 4 time limit reached, 5 infeasible, 6 runs differ.");
  RunFlags flags;
  CLI::App* run = app.add_subcommand("run", "Run a scenario file; the same file, seed and build give the same digest");
  run->add_option("FILE", flags.file, "scenario (YAML); scenarios/README.md lists the keys")->required();
  run->add_option("--seed", flags.seed, "seed, instead of run.seeds of the file");
  run->add_option("--out", flags.options.out, "result folder (made if missing)");
  run->add_option("--set", flags.sets, "key.path=value, overrides the file; may be repeated");
  run->add_option("--format", flags.format, "table, or json: the content of summary.json")
      ->check(CLI::IsMember({"table", "json"}));
  run->add_flag("--log-events", flags.options.log_events, "write events.jsonl into --out, for diff");
  run->add_flag("--through-codec", flags.options.through_codec, "encode, parse and compare every message");
  run->add_flag("--permute-ties", flags.options.permute_ties, "let the seed order events of one instant");
  run->add_flag("!--no-invariants", flags.options.check_invariants, "skip CheckInvariants after each event");
  run->add_flag("--quiet", flags.quiet, "no progress bar");
  PlanFlags plan;
  CLI::App* planning = app.add_subcommand("plan", "Find the cheapest cluster that meets SLOs, by simulation");
  planning->add_option("FILE", plan.file, "scenario (YAML)")->required();
  planning->add_option("--slo", plan.slos, "METRIC <= VALUE, as in 'p95_wait <= 60s'; may be repeated")->required();
  planning->add_option("--vary", plan.vary, "key=a,b,c or key=lo..hi (one of these); may be repeated")->required();
  planning->add_option("--set", plan.sets, "key.path=value, overrides the file; may be repeated");
  planning->add_option("--out", plan.out, "folder for runs and plan.json; a plan that was stopped goes on from it");
  planning->add_option("--jobs", plan.jobs, "runs at a time (default: one per core)");
  planning->add_option("--format", plan.format, "table or json")->check(CLI::IsMember({"table", "json"}));
  planning->add_option("--write-cluster", plan.write_cluster, "file for the answer, which `orrery up` takes");
  planning->add_flag("--quiet", plan.quiet, "no progress bar");
  CLI::App* diff = app.add_subcommand("diff", "Show the first event in which two runs differ");
  std::string a, b;
  size_t context = 5;
  diff->add_option("A", a, "result folder or events.jsonl")->required();
  diff->add_option("B", b, "result folder or events.jsonl")->required();
  diff->add_option("--context", context, "equal events to show before the difference");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitOk : kExitBadInput;
  }
  if (run->parsed()) return Run(flags);
  if (planning->parsed()) return PlanCommand(plan);
  return Diff(a, b, context);
}

}  // namespace orrery

int main(int argc, char** argv) { return orrery::Main(argc, argv); }
