#include "sim/main/plan.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "sim/main/plan_bounds.h"
#include "sim/main/plan_search.h"
#include "sim/main/run.h"
#include "sim/scenario/cluster_file.h"

namespace orrery {

namespace {

using Json = nlohmann::ordered_json;

int Fail(const PlanFlags& flags, const Status& status) {
  if (flags.format == "json") {
    const Json error = {{"error", status.message()}, {"exit_code", kExitBadInput}};
    std::printf("%s\n", error.dump().c_str());
  }
  std::fprintf(stderr, "%s\n", status.message().c_str());
  return kExitBadInput;
}

Result<PlanRequest> RequestOf(const PlanFlags& flags) {
  PlanRequest request;
  request.file = flags.file;
  request.sets = flags.sets;
  request.out = flags.out;
  request.jobs = flags.jobs > 0 ? flags.jobs : std::max(1u, std::thread::hardware_concurrency());
  request.progress = !flags.quiet && isatty(STDERR_FILENO) != 0;
  for (const std::string& text : flags.vary) {
    auto axis = ParseAxis(text);
    if (!axis.ok()) return axis.status();
    request.axes.push_back(std::move(*axis));
  }
  for (const std::string& text : flags.slos) {
    auto slo = ParseSlo(text);
    if (!slo.ok()) return slo.status();
    request.slos.push_back(std::move(*slo));
  }
  return request;
}

std::string Join(const PlanPoint& point) {
  std::string text;
  for (const std::string& choice : point) text += (text.empty() ? "" : " ") + choice;
  return text;
}

Json PointJson(const PlanPoint& point) {
  Json json = Json::object();
  for (const std::string& choice : point) {
    const size_t equals = choice.find('=');
    json[choice.substr(0, equals)] = choice.substr(equals + 1);
  }
  return json;
}

Json ResultJson(const PlanRequest& request, const PlanResult& result) {
  Json values = Json::object();
  for (size_t i = 0; i < request.slos.size(); ++i) values[request.slos[i].text] = result.slo_values[i];
  Json json = {{"point", PointJson(result.point)},
               {"seeds", result.seeds},
               {"slo", values},
               {"ok", result.ok},
               {"cost", result.cost}};
  if (!result.trouble.empty()) json["trouble"] = result.trouble;
  return json;
}

Json ToJson(const PlanRequest& request, const PlanRuns& runs, const PlanAnswer& answer, const PlanBounds& bounds) {
  const auto number = [](const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); };
  Json json;
  json["answer"] = answer.best == nullptr ? Json(nullptr) : ResultJson(request, *answer.best);
  json["objective"] = "cost per hour (the CPUs, where no node type has a price)";
  json["slos"] = Json::array();
  for (const Slo& slo : request.slos)
    json["slos"].push_back({{"slo", slo.text}, {"metric", slo.metric}, {"limit", slo.value}, {"at_most", slo.at_most}});
  json["evaluated"] = Json::array();
  for (const auto& [point, result] : runs.all()) json["evaluated"].push_back(ResultJson(request, result));
  json["lower_bound"] = {{"offered_load_cpus", number(bounds.offered_load_cpus)},
                         {"critical_path_s", number(bounds.critical_path_s)},
                         {"flow_cost_per_hour", number(bounds.flow_cost_per_hour)}};
  json["explanation"] = answer.explanation;
  return json;
}

void PrintBounds(const PlanBounds& bounds) {
  if (bounds.offered_load_cpus)
    std::printf("offered load: %.6g CPUs; no cluster below it can keep up\n", *bounds.offered_load_cpus);
  if (bounds.critical_path_s) std::printf("critical path: %.6g s; no cluster ends sooner\n", *bounds.critical_path_s);
  if (bounds.flow_cost_per_hour)
    std::printf("flow bound: %.6g per hour; no nodes of this space that carry the work cost less\n",
                *bounds.flow_cost_per_hour);
}

void PrintTable(const PlanRequest& request, const PlanRuns& runs, const PlanAnswer& answer, const PlanBounds& bounds) {
  std::vector<const PlanResult*> rows;
  for (const auto& [point, result] : runs.all()) rows.push_back(&result);
  std::stable_sort(rows.begin(), rows.end(), [](const auto* a, const auto* b) { return a->cost < b->cost; });
  std::printf("%12s  %-4s", "cost/h", "ok");
  for (const Slo& slo : request.slos) std::printf("  %20s", slo.metric.c_str());
  std::printf("  point\n");
  for (const PlanResult* row : rows) {
    std::printf("%12.6g  %-4s", row->cost, row->ok ? "yes" : "no");
    for (double value : row->slo_values) std::printf("  %20.6g", value);
    std::printf("  %s%s%s\n", Join(row->point).c_str(), row->trouble.empty() ? "" : "  ", row->trouble.c_str());
  }
  PrintBounds(bounds);
  std::printf("%s\n", answer.explanation.c_str());
  if (answer.best == nullptr)
    std::printf("nothing in this space meets the SLOs\n");
  else
    std::printf("answer: %s at %.6g per hour\n", Join(answer.best->point).c_str(), answer.best->cost);
}

Status WriteCluster(const PlanFlags& flags, const PlanRequest& request, const PlanResult& best) {
  std::vector<std::string> sets = request.sets;
  sets.insert(sets.end(), best.point.begin(), best.point.end());
  auto scenario = LoadScenario(request.file, sets);
  if (!scenario.ok()) return scenario.status();
  auto config = ClusterConfigOf(*scenario);
  if (!config.ok()) return config.status();
  std::string comment = "The answer of orrery plan for scenario " + scenario->name + ": " + Join(best.point);
  for (const Slo& slo : request.slos) comment += "\nmeets " + slo.text;
  std::ofstream file(flags.write_cluster);
  file << ClusterConfigText(*config, comment);
  file.close();
  return file ? Status::Ok() : Status(StatusCode::kUnavailable, "cannot write '" + flags.write_cluster + "'");
}

}  // namespace

int PlanCommand(const PlanFlags& flags) {
  auto request = RequestOf(flags);
  if (!request.ok()) return Fail(flags, request.status());
  PlanRuns runs(*request);
  auto answer = SearchPlan(*request, runs);
  if (!answer.ok()) return Fail(flags, answer.status());
  for (const auto& [point, result] : runs.all()) {
    // A misspelt metric is the user's mistake, not an impossible plan.
    if (result.trouble.starts_with("summary.json has no number"))
      return Fail(flags, {StatusCode::kInvalidArgument, "--slo: " + result.trouble});
  }
  const PlanBounds bounds = BoundsOf(*request, runs);
  if (const std::string why = WhyImpossible(*request, bounds); answer->best == nullptr && !why.empty())
    answer->explanation += "; " + why;
  const Json json = ToJson(*request, runs, *answer, bounds);
  if (flags.format == "json")
    std::printf("%s\n", json.dump(2).c_str());
  else
    PrintTable(*request, runs, *answer, bounds);
  if (!flags.out.empty()) std::ofstream(flags.out + "/plan.json") << json.dump(2) << '\n';
  if (!flags.write_cluster.empty() && answer->best != nullptr) {
    if (Status status = WriteCluster(flags, *request, *answer->best); !status.ok()) return Fail(flags, status);
  }
  return answer->best == nullptr ? kExitInfeasible : kExitOk;
}

}  // namespace orrery
