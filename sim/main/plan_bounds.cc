#include "sim/main/plan_bounds.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <limits>
#include <map>
#include <tuple>

#include "sim/scenario/csv.h"
#include "sim/workload/flow_bound.h"

namespace orrery {

namespace {

// The tasks of a run, by what they ask for.
struct RunWork {
  std::map<std::pair<double, double>, double> seconds;  // by CPUs and GPUs of a task
  double first = std::numeric_limits<double>::infinity(), last = -first;  // submissions
};

std::optional<RunWork> WorkOf(const std::string& path) {
  std::ifstream file(path);
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  auto csv = CsvReader::Open(std::move(text), path);
  if (!csv.ok()) return std::nullopt;
  const int cpus = csv->Column("cpus"), gpus = csv->Column("gpus"), submit = csv->Column("submit_time_s"),
            run = csv->Column("run_time_s");
  RunWork work;
  while (csv->Next() == CsvReader::Row::kRow) {
    double of_cpus = 0, of_gpus = 0, submitted = 0, seconds = 0;
    const bool ran = ParseField(csv->Field(cpus), of_cpus) && ParseField(csv->Field(gpus), of_gpus) &&
                     ParseField(csv->Field(submit), submitted) && ParseField(csv->Field(run), seconds);
    if (!ran) continue;
    work.seconds[{of_cpus, of_gpus}] += seconds;
    work.first = std::min(work.first, submitted);
    work.last = std::max(work.last, submitted);
  }
  return work;
}

const Slo* MakespanSlo(const PlanRequest& request) {
  const Slo* least = nullptr;
  for (const Slo& slo : request.slos) {
    if (slo.metric == "makespan_s" && slo.at_most && (least == nullptr || slo.value < least->value)) least = &slo;
  }
  return least;
}

// Every kind of node that some evaluated point has, as many as any of them has. Nothing where the bound says nothing.
std::optional<std::vector<FluidNodes>> NodesOf(const PlanRuns& runs, bool may_scale) {
  std::map<std::tuple<double, double, double>, int64_t> most;
  for (const auto& [point, result] : runs.all()) {
    if (result.node_types.empty()) return std::nullopt;
    const bool priced = IsPriced(result.node_types);
    std::map<std::tuple<double, double, double>, int64_t> here;
    for (const NodeTypeSpec& type : result.node_types) {
      if (type.speed != 1 || (type.scaled && !may_scale)) return std::nullopt;
      const double cpus = type.resources.Get(ResourceKind::kCpu).value();
      const double gpus = type.resources.Get(ResourceKind::kGpu).value();
      here[{cpus, gpus, priced ? type.price : cpus}] += type.scaled ? type.max : type.count;
    }
    for (const auto& [kind, count] : here) most[kind] = std::max(most[kind], count);
  }
  std::vector<FluidNodes> nodes;
  for (const auto& [kind, count] : most)
    nodes.push_back({std::get<0>(kind), std::get<1>(kind), std::get<2>(kind), count});
  return nodes;
}

std::optional<double> CostOfFlow(const PlanRequest& request, const PlanRuns& runs) {
  const Slo* makespan = MakespanSlo(request);
  const auto nodes = NodesOf(runs, makespan != nullptr);
  const auto work = WorkOf(runs.tasks_csv());
  if (!nodes || !work) return std::nullopt;
  const double span = makespan != nullptr ? makespan->value : work->last - work->first;
  if (!(span > 0) || !std::isfinite(span)) return std::nullopt;
  std::vector<FluidLoad> loads;
  for (const auto& [kind, seconds] : work->seconds) loads.push_back({kind.first, kind.second, seconds / span});
  return FlowBound(loads, *nodes);
}

}  // namespace

PlanBounds BoundsOf(const PlanRequest& request, const PlanRuns& runs) {
  PlanBounds bounds;
  const auto least = [](std::optional<double>& bound, std::optional<double> value) {
    if (value) bound = std::min(bound.value_or(*value), *value);
  };
  for (const auto& [point, result] : runs.all()) {
    least(bounds.offered_load_cpus, result.offered_load);
    if (!result.critical_path_s || result.node_types.empty()) continue;  // nodes of a trace have speeds of their own
    double speed = 0;
    for (const NodeTypeSpec& type : result.node_types) speed = std::max(speed, type.speed);
    least(bounds.critical_path_s, *result.critical_path_s / speed);
  }
  bounds.flow_cost_per_hour = CostOfFlow(request, runs);
  return bounds;
}

std::string WhyImpossible(const PlanRequest& request, const PlanBounds& bounds) {
  const Slo* slo = MakespanSlo(request);
  if (slo == nullptr || bounds.critical_path_s.value_or(0) <= slo->value) return "";
  char text[96];
  std::snprintf(text, sizeof text, "the longest chain of tasks alone takes %.6g s, so no cluster meets ",
                *bounds.critical_path_s);
  return text + slo->text;
}

}  // namespace orrery
