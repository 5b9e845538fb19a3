// Several seeds of one scenario: a process each, because an engine belongs to one process, and two cores are common.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <thread>
#include <vector>

#include "sim/main/run.h"
#include "sim/record/checks.h"

namespace orrery {

namespace {

struct Child {
  uint64_t seed = 0;
  std::string folder;
};

// Runs in the child: everything it has to say is in summary.json and its exit code.
[[noreturn]] void RunChild(const Scenario& scenario, const Child& child, RunOptions options) {
  options.out = child.folder;
  options.progress = false;
  auto outcome = scenario.workload.packing ? RunPacking(scenario, child.seed, options)
                                           : RunScenario(scenario, child.seed, options);
  int code = kExitBadInput;
  if (outcome.ok())
    code = outcome->exit_code;
  else
    std::fprintf(stderr, "seed %llu: %s\n", static_cast<unsigned long long>(child.seed),
                 outcome.status().message().c_str());
  std::fflush(nullptr);
  _exit(code);
}

// The mean of every number over the runs; words are the first run's.
Summary Mean(const std::vector<Summary>& runs) {
  Summary mean = runs.front();
  std::map<std::string, double> sums;
  for (const Summary& run : runs) {
    for (const std::string& path : run.NumberPaths()) sums[path] += *run.Number(path);
  }
  const double count = static_cast<double>(runs.size());
  for (const std::string& path : runs.front().NumberPaths()) {
    if (path != "seed" && path != "schema" && path != "version") mean.SetNumber(path, sums[path] / count);
  }
  mean.SetInteger("seeds", static_cast<int64_t>(runs.size()));
  return mean;
}

Result<Summary> ReadSummary(const Child& child) {
  std::ifstream file(child.folder + "/summary.json");
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (text.empty()) {
    return Status(StatusCode::kInternal, "the run of seed " + std::to_string(child.seed) +
                                             " left no summary; run it alone with --seed " +
                                             std::to_string(child.seed));
  }
  return Summary::FromJson(text);
}

}  // namespace

Result<RunOutcome> RunSeeds(const Scenario& scenario, const RunOptions& options) {
  const bool keep = !options.out.empty();
  const std::string base =
      keep ? options.out
           : (std::filesystem::temp_directory_path() / ("orrery-seeds-" + std::to_string(getpid()))).string();
  std::vector<Child> children;
  for (uint64_t seed : scenario.run.seeds) children.push_back({seed, base + "/seed-" + std::to_string(seed)});
  const size_t parallel = std::max(1u, std::thread::hardware_concurrency());
  std::set<pid_t> running;
  int worst = kExitOk;
  size_t started = 0, ended = 0;
  while (ended < children.size()) {
    while (started < children.size() && running.size() < parallel) {
      std::filesystem::create_directories(children[started].folder);
      const pid_t pid = fork();
      if (pid == 0) RunChild(scenario, children[started], options);
      if (pid < 0) return Status(StatusCode::kUnavailable, "cannot fork");
      running.insert(pid);
      ++started;
    }
    int status = 0;
    const pid_t pid = wait(&status);
    running.erase(pid);
    ++ended;
    worst = std::max(worst, WIFEXITED(status) ? WEXITSTATUS(status) : static_cast<int>(kExitNondeterminism) + 1);
    if (options.progress) DrawProgress(scenario.name + ": seeds", ended, children.size(), 0);
  }
  if (options.progress) ClearProgress();
  std::vector<Summary> runs;
  for (const Child& child : children) {
    auto summary = ReadSummary(child);
    if (!summary.ok()) return summary.status();
    runs.push_back(std::move(*summary));
  }
  RunOutcome outcome;
  outcome.summary = Mean(runs);
  outcome.exit_code = worst;
  std::vector<const Summary*> pointers;
  for (const Summary& run : runs) pointers.push_back(&run);
  std::vector<CheckResult> checks = EvaluateMeanChecks(scenario.checks, pointers);
  if (worst != kExitOk) checks.push_back({"every seed's own checks", false, "see seed-*/summary.json"});
  outcome.summary.SetChecks(checks);
  outcome.checks = std::move(checks);
  if (!outcome.summary.ChecksOk() && worst == kExitOk) outcome.exit_code = kExitCheckFailed;
  if (keep)
    std::ofstream(base + "/summary.json") << outcome.summary.ToJson();
  else
    std::filesystem::remove_all(base);
  return outcome;
}

}  // namespace orrery
