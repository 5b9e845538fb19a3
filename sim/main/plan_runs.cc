#include "sim/main/plan_runs.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "runtime/common/random.h"
#include "sim/main/run.h"

namespace orrery {

namespace {

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::string Hex(uint64_t value) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(value));
  return text;
}

// In the child: the run's summary appears whole or not at all.
[[noreturn]] void RunChild(const Scenario& scenario, uint64_t seed, const std::string& folder) {
  RunOptions options;
  options.out = folder + ".part";
  auto outcome = RunScenario(scenario, seed, options);
  if (outcome.ok()) {
    std::error_code error;
    std::filesystem::rename(options.out, folder, error);
  } else {
    std::fprintf(stderr, "%s\n", outcome.status().message().c_str());
  }
  std::fflush(nullptr);
  _exit(outcome.ok() ? outcome->exit_code : static_cast<int>(kExitBadInput));
}

}  // namespace

bool IsPriced(const std::vector<NodeTypeSpec>& types) {
  return std::any_of(types.begin(), types.end(), [](const NodeTypeSpec& type) { return type.price > 0; });
}

double CostOf(const Scenario& scenario, const Summary& summary) {
  const auto& types = scenario.cluster.node_types;
  const bool priced = IsPriced(types);
  double cost = 0;
  for (const NodeTypeSpec& type : types) {
    const double each = priced ? type.price : type.resources.Get(ResourceKind::kCpu).value();
    cost += each * static_cast<double>(type.count);
  }
  const double hours = summary.Number("sim_seconds").value_or(0) / 3600;
  if (hours > 0) cost += summary.Number("autoscaler.cost").value_or(0) / hours;
  return cost;
}

PlanRuns::PlanRuns(const PlanRequest& request) : request_(request), content_(ReadFile(request.file)) {
  base_ = !request.out.empty()
              ? request.out + "/runs"
              : (std::filesystem::temp_directory_path() / ("orrery-plan-" + std::to_string(getpid()))).string();
}

PlanRuns::~PlanRuns() {
  std::error_code error;
  if (request_.out.empty()) std::filesystem::remove_all(base_, error);
}

std::vector<std::string> PlanRuns::SetsOf(const PlanPoint& point) const {
  std::vector<std::string> sets = request_.sets;
  sets.insert(sets.end(), point.begin(), point.end());
  return sets;
}

// Named by all that the result depends on, so that a changed scenario is run again.
std::string PlanRuns::FolderOf(const PlanPoint& point, uint64_t seed) const {
  std::string key = content_;
  for (const std::string& set : SetsOf(point)) key += "\n" + set;
  return base_ + "/" + Hex(HashName(key)) + "-" + std::to_string(seed);
}

Status PlanRuns::RunJobs(const std::vector<Job>& jobs) {
  std::filesystem::create_directories(base_);
  std::set<pid_t> running;
  size_t started = 0, ended = 0;
  while (ended < jobs.size()) {
    while (started < jobs.size() && running.size() < std::max<size_t>(1, request_.jobs)) {
      const Job& job = jobs[started];
      std::filesystem::remove_all(job.folder + ".part");
      std::filesystem::remove_all(job.folder);
      const pid_t pid = fork();
      if (pid < 0) return {StatusCode::kUnavailable, "cannot fork"};
      if (pid == 0) {
        auto scenario = LoadScenario(request_.file, SetsOf(job.point));
        if (!scenario.ok()) _exit(kExitBadInput);
        scenario->run.outputs = {"summary"};
        if (job.with_tasks) scenario->run.outputs.push_back("tasks");
        RunChild(*scenario, job.seed, job.folder);
      }
      running.insert(pid);
      ++started;
    }
    int status = 0;
    const pid_t pid = wait(&status);
    if (running.erase(pid) == 0) continue;
    ++ended;
    ++simulated_;
    if (request_.progress) DrawProgress("plan: runs", ended, jobs.size(), 0);
  }
  if (request_.progress) ClearProgress();
  return Status::Ok();
}

PlanResult PlanRuns::Judge(const PlanPoint& point, const Scenario& scenario) const {
  PlanResult result;
  result.point = point;
  result.seeds = scenario.run.seeds;
  result.ok = true;
  result.node_types = scenario.cluster.node_types;
  result.slo_values.resize(request_.slos.size());
  for (size_t s = 0; s < scenario.run.seeds.size(); ++s) {
    const uint64_t seed = scenario.run.seeds[s];
    auto summary = Summary::FromJson(ReadFile(FolderOf(point, seed) + "/summary.json"));
    if (!summary.ok()) {
      result.ok = false;
      result.trouble = "the run of seed " + std::to_string(seed) + " left no summary";
      return result;
    }
    if (summary->Number("tasks.unfinished").value_or(0) > 0) {
      result.ok = false;
      result.trouble = "tasks were left at the end of the run";
    }
    for (size_t i = 0; i < request_.slos.size(); ++i) {
      const Slo& slo = request_.slos[i];
      const std::optional<double> value = slo.Measure(*summary);
      if (!value) {
        result.trouble = "summary.json has no number '" + slo.metric + "'";
        result.ok = false;
        continue;
      }
      const bool worse = s == 0 || (slo.at_most ? *value > result.slo_values[i] : *value < result.slo_values[i]);
      if (worse) result.slo_values[i] = *value;
      result.ok = result.ok && slo.Holds(*value);
    }
    result.cost += CostOf(scenario, *summary) / static_cast<double>(scenario.run.seeds.size());
    result.makespan_s = std::max(result.makespan_s, summary->Number("makespan_s").value_or(0));
    if (s > 0) continue;
    result.offered_load = summary->Number("offered_load_cpus");
    result.critical_path_s = summary->Number("bounds.critical_path_s");
  }
  return result;
}

Result<std::vector<const PlanResult*>> PlanRuns::Evaluate(const std::vector<PlanPoint>& points) {
  std::vector<Job> jobs;
  std::map<PlanPoint, Scenario> scenarios;
  for (const PlanPoint& point : points) {
    if (results_.count(point) != 0 || scenarios.count(point) != 0) continue;
    auto scenario = LoadScenario(request_.file, SetsOf(point));
    if (!scenario.ok()) return scenario.status();
    if (scenario->workload.packing)
      return Status(StatusCode::kInvalidArgument, "packing scenarios have no clock to plan by");
    for (uint64_t seed : scenario->run.seeds) {
      const std::string folder = FolderOf(point, seed);
      if (tasks_folder_.empty() && point == points.back()) tasks_folder_ = folder;
      const bool with_tasks = folder == tasks_folder_;
      if (!std::filesystem::exists(folder + (with_tasks ? "/tasks.csv" : "/summary.json")))
        jobs.push_back({point, seed, folder, with_tasks});
    }
    scenarios.emplace(point, std::move(*scenario));
  }
  if (Status status = RunJobs(jobs); !status.ok()) return status;
  for (const auto& [point, scenario] : scenarios) results_[point] = Judge(point, scenario);
  std::vector<const PlanResult*> results;
  for (const PlanPoint& point : points) results.push_back(&results_.at(point));
  return results;
}

}  // namespace orrery
