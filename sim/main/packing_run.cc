#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <variant>

#include "sim/main/run.h"
#include "sim/record/checks.h"
#include "sim/scenario/openb.h"
#include "sim/workload/packing.h"

namespace orrery {

namespace {

// The curve as a table for the pictures.
Status WriteCurve(const std::string& folder, const PackingResult& result, const std::string& policy) {
  std::filesystem::create_directories(folder);
  std::ofstream csv(folder + "/allocation.csv");
  csv << "arrived_percent,gpu_allocation_percent,policy\n";
  for (size_t p = 0; p < result.curve.size(); ++p) csv << p << ',' << result.curve[p] << ',' << policy << '\n';
  csv.close();
  return csv ? Status::Ok() : Status(StatusCode::kUnavailable, "cannot write " + folder + "/allocation.csv");
}

Summary Describe(const Scenario& scenario, uint64_t seed, const PackingResult& result) {
  Summary summary;
  summary.SetInteger("schema", 1);
  summary.SetString("world", "sim");
  summary.SetString("scenario", scenario.name);
  summary.SetInteger("seed", static_cast<int64_t>(seed));
  summary.SetString("policy", scenario.policy.placement);
  summary.SetInteger("tasks.submitted", result.arrived);
  summary.SetInteger("tasks.finished", result.arrived - result.dropped);
  summary.SetInteger("tasks.failed", result.dropped);
  summary.SetInteger("tasks.retried", 0);
  summary.SetNumber("gpu_allocation_percent.at_100", result.at_100);
  summary.SetNumber("gpu_allocation_percent.at_130", result.at_130);
  summary.SetInteger("gpu_capacity", result.gpu_capacity);
  return summary;
}

}  // namespace

Result<RunOutcome> RunPacking(const Scenario& scenario, uint64_t seed, const RunOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  const auto& trace = std::get<TraceSpec>(scenario.workload.sources.front().what);
  if (!scenario.cluster.trace) {
    return Status(StatusCode::kInvalidArgument,
                  scenario.path + ": workload.packing needs cluster.trace (the openb node list)");
  }
  auto nodes = ReadOpenbNodes(scenario.cluster.trace->path);
  if (!nodes.ok()) return nodes.status();
  auto pods = ReadOpenbPods(trace.path);
  if (!pods.ok()) return pods.status();
  auto replay = PackingReplay::Make(std::move(*nodes), std::move(pods->pods));
  if (!replay.ok()) return replay.status();
  PackingOptions packing;
  packing.policy = scenario.policy.placement;
  packing.arrive_up_to = scenario.workload.arrived;
  packing.policy_options = PolicyOptionsFrom(scenario.policy);
  auto result = replay->Run(packing, seed);
  if (!result.ok()) return result.status();
  RunOutcome outcome;
  outcome.summary = Describe(scenario, seed, *result);
  outcome.summary.SetNumber("wall_seconds",
                            std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  outcome.checks = EvaluateChecks(scenario.checks, outcome.summary);
  outcome.summary.SetChecks(outcome.checks);
  if (!outcome.summary.ChecksOk()) outcome.exit_code = kExitCheckFailed;
  if (options.out.empty()) return outcome;
  if (Status status = WriteCurve(options.out, *result, packing.policy); !status.ok()) return status;
  std::ofstream(options.out + "/summary.json") << outcome.summary.ToJson();
  return outcome;
}

}  // namespace orrery
