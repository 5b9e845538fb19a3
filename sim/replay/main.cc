// The orrery-live command: run a scenario on real processes. Usually started by `orrery live …`; its workers are this
// executable again.
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "runtime/api/errors.h"
#include "runtime/api/session.h"
#include "sim/replay/replay.h"
#include "sim/replay/work.h"

namespace orrery {

namespace {

ReplayLoop* interruptible = nullptr;  // for the signal handler
void OnInterrupt(int) {
  if (interruptible != nullptr) interruptible->Interrupt();
}

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
    if (const auto value = summary.Number(path)) std::printf("  %-22s %12.6g %s\n", label, *value, unit);
  };
  std::printf("%s (live, seed %.0f)\n", summary.String("scenario").value_or("?").c_str(),
              summary.Number("seed").value_or(0));
  number("nodes", "nodes", "");
  number("tasks.submitted", "tasks submitted", "");
  number("tasks.finished", "finished", "");
  number("tasks.failed", "failed", "");
  number("tasks.retried", "retried", "");
  number("makespan_s", "makespan", "s");
  number("bounds.critical_path_s", "critical path", "s");
  number("bounds.work_s", "work", "core-s");
  number("wait_s.mean", "wait, mean", "s");
  number("wait_s.p95", "wait, p95", "s");
  number("wait_s.p99", "wait, p99", "s");
  number("utilization", "utilization", "");
  if (!out.empty()) std::printf("  results in %s; pictures: python3 -m analysis %s\n", out.c_str(), out.c_str());
}

struct RunFlags {
  std::string file;
  std::vector<std::string> sets;
  std::optional<uint64_t> seed;
  std::string format = "table";
  ReplayOptions options;
  bool quiet = false;
};

int Run(RunFlags& flags) {
  auto scenario = LoadScenario(flags.file, flags.sets);
  if (!scenario.ok()) return Fail(kLiveBadInput, scenario.status().message(), flags.format);
  flags.options.progress = !flags.quiet && isatty(STDERR_FILENO) != 0;
  if (!flags.options.out.empty()) {
    std::error_code error;
    std::filesystem::create_directories(flags.options.out, error);
    if (error)
      return Fail(kLiveBadInput, "cannot make the folder '" + flags.options.out + "': " + error.message(),
                  flags.format);
  }
  if (!flags.seed && scenario->run.seeds.size() > 1) {
    std::fprintf(stderr, "a live run takes one seed: the first, %llu\n",
                 static_cast<unsigned long long>(scenario->run.seeds.front()));
  }
  ReplayLoop loop;
  interruptible = &loop;
  signal(SIGINT, OnInterrupt);
  signal(SIGTERM, OnInterrupt);
  auto outcome = ReplayScenario(*scenario, flags.seed.value_or(scenario->run.seeds.front()), flags.options, loop);
  if (!outcome.ok()) {
    const bool unreachable = outcome.status().code() == StatusCode::kUnavailable;
    return Fail(unreachable ? kLiveUnreachable : kLiveBadInput, outcome.status().message(), flags.format);
  }
  if (flags.format == "json")
    std::printf("%s", outcome->summary.ToJson().c_str());
  else
    PrintTable(outcome->summary, flags.options.out);
  for (const CheckResult& check : outcome->checks) {
    if (!check.ok) std::fprintf(stderr, "check failed: %s: %s\n", check.name.c_str(), check.detail.c_str());
  }
  if (outcome->exit_code == kLiveTimeout) std::fprintf(stderr, "the time limit came before the end of the workload\n");
  return outcome->exit_code;
}

int Main(int argc, char** argv) {
  CLI::App app("Runs scenarios on a local cluster of real processes.", "orrery live");
  app.require_subcommand(1);
  RunFlags flags;
  CLI::App* run = app.add_subcommand(
      "run", "Start the scenario's nodes on this machine, submit its tasks at their times, stop them");
  run->add_option("file", flags.file, "scenario file (YAML)")->required();
  run->add_option("--seed", flags.seed, "seed of arrivals and durations (default: the scenario's first)");
  run->add_option("--out", flags.options.out, "result folder");
  run->add_option("--format", flags.format, "table or json")->check(CLI::IsMember({"table", "json"}));
  run->add_option("--set", flags.sets, "KEY=VALUE: change the scenario, e.g. cluster.node_types.0.count=2")
      ->take_all()
      ->expected(1);
  run->add_flag("--quiet", flags.quiet, "no progress on stderr");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? kLiveOk : kLiveBadInput;
  }
  try {
    return Run(flags);
  } catch (const Error& error) {  // of a request that no cluster could take
    return Fail(kLiveBadInput, error.what(), flags.format);
  }
}

}  // namespace
}  // namespace orrery

int main(int argc, char** argv) {
  orrery::RegisterReplayFunction();
  orrery::internal::ServeIfWorker();
  return orrery::Main(argc, argv);
}
