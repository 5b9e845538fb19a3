// The sections `checks` and `run`.
#include <algorithm>

#include "runtime/config/quantity.h"
#include "sim/scenario/parse.h"

namespace orrery {

namespace {

using Kind = CheckSpec::Kind;

const std::vector<std::string>& CheckNames() {
  static const std::vector<std::string> names = {"all_tasks_finish", "no_task_fails", "max", "min", "near",
                                                 "equals",           "littles_law"};
  return names;
}

// A value in the unit of summary.json: 60s → 60, 95% → 0.95, 4GiB → bytes, else a plain number.
void ReadMetricValue(const Value& value, Problems& problems, double& out) {
  const std::string& text = value.scalar;
  if (value.kind == Value::Kind::kScalar) {
    if (const auto number = ParseNumber(text); number.ok()) return void(out = number.value());
    if (const auto percent = ParsePercent(text); percent.ok()) return void(out = percent.value());
    if (const auto duration = ParseDuration(text); duration.ok()) return void(out = duration.value().seconds());
    if (const auto bytes = ParseBytes(text); bytes.ok()) return void(out = static_cast<double>(bytes.value()));
  }
  problems.Add(value, "expected a number, a duration, a percentage or a size, not " + value.Describe());
}

void ReadTolerance(const Value& value, Problems& problems, CheckSpec& check) {
  check.relative = value.kind == Value::Kind::kScalar && value.scalar.ends_with('%');
  if (check.relative) {
    ReadPercent(value, problems, check.tolerance);
  } else {
    ReadMetricValue(value, problems, check.tolerance);
  }
  if (check.tolerance < 0) problems.Add(value, value.Describe() + " is negative; expected a tolerance");
}

void ReadComparison(const Value& value, Problems& problems, const std::string& key, CheckSpec& check) {
  MapReader map(value, problems, key);
  map.Require("metric");
  map.Read("metric", ReadText, check.metric);
  if (const Value* limit = map.Require("value")) ReadMetricValue(*limit, problems, check.value);
  if (check.kind == Kind::kNear) {
    if (const Value* tolerance = map.Require("tolerance")) ReadTolerance(*tolerance, problems, check);
  } else {
    map.Forbid("tolerance", "only with near");
  }
  map.Choose<bool>("seeds", {{"each", false}, {"mean", true}}, check.mean_of_seeds);
  map.Finish();
  check.name = key + " " + check.metric;
}

void ReadTruth(const Value& value, Problems& problems) {
  bool wanted = true;
  ReadFlag(value, problems, wanted);
  if (!wanted) problems.Add(value, "only true makes a check; leave it out otherwise");
}

void ReadCheck(const Value& element, Problems& problems, std::vector<CheckSpec>& checks) {
  MapReader map(element, problems, "checks");
  const Value* name = map.Find("name");
  std::vector<CheckSpec> found;
  for (size_t i = 0; i < CheckNames().size(); ++i) {
    const std::string& key = CheckNames()[i];
    const Value* value = map.Find(key);
    if (value == nullptr) continue;
    CheckSpec check;
    check.kind = static_cast<Kind>(i);
    check.name = key;
    if (check.kind == Kind::kAllTasksFinish || check.kind == Kind::kNoTaskFails) {
      ReadTruth(*value, problems);
    } else if (check.kind == Kind::kLittlesLaw) {
      ReadTolerance(*value, problems, check);
    } else {
      ReadComparison(*value, problems, key, check);
    }
    found.push_back(std::move(check));
  }
  map.Finish();
  if (name != nullptr && found.size() == 1) ReadText(*name, problems, found[0].name);
  if (found.size() != 1 && element.kind == Value::Kind::kMap) {
    problems.Add(element,
                 "each check has one of: all_tasks_finish, no_task_fails, max, min, near, equals, littles_law");
  }
  std::move(found.begin(), found.end(), std::back_inserter(checks));
}

void ReadSeeds(const Value& value, Problems& problems, RunSpec& run) {
  run.seeds.clear();
  const auto read_seed = [&](const Value& element) {
    int64_t seed = 0;
    ReadCount(element, problems, seed);
    if (std::find(run.seeds.begin(), run.seeds.end(), static_cast<uint64_t>(seed)) != run.seeds.end()) {
      problems.Add(element, "the seed is in the list twice");
    }
    run.seeds.push_back(static_cast<uint64_t>(seed));
  };
  if (value.kind == Value::Kind::kList) {
    for (const Value& element : value.list) read_seed(element);
  } else {
    int64_t count = 0;
    ReadCount(value, problems, count);
    if (count > 1'000'000) return problems.Add(value, "more than a million seeds");
    for (int64_t seed = 1; seed <= count; ++seed) run.seeds.push_back(static_cast<uint64_t>(seed));
  }
  if (run.seeds.empty()) problems.Add(value, "a run needs at least one seed");
}

void ReadOutputs(const Value& value, Problems& problems, RunSpec& run) {
  static const std::vector<std::string> kOutputs = {"summary", "tasks",     "actors",   "nodes",
                                                    "objects", "transfers", "store",    "autoscaler",
                                                    "faults",  "events",    "timeline", "report"};
  ReadList(value, problems, "outputs", [&](const Value& element) {
    std::string name;
    ReadText(element, problems, name);
    if (std::find(kOutputs.begin(), kOutputs.end(), name) == kOutputs.end()) {
      problems.Add(element, "there is no output '" + name + "'" + Suggest(name, kOutputs));
    }
    run.outputs.push_back(std::move(name));
  });
}

}  // namespace

void ParseChecks(const Value& value, ParseContext& context, std::vector<CheckSpec>& checks) {
  ReadList(value, context.problems, "checks",
           [&](const Value& element) { ReadCheck(element, context.problems, checks); });
}

void ParseRun(const Value& value, ParseContext& context, RunSpec& run) {
  Problems& problems = context.problems;
  MapReader map(value, problems, "run");
  const Value* seeds = map.Find("seeds");
  if (seeds != nullptr) ReadSeeds(*seeds, problems, run);
  if (const Value* seed = map.Find("seed")) {
    int64_t number = 0;
    ReadCount(*seed, problems, number);
    const bool overrides = seed->source->from_option;  // --set run.seed=7 picks one seed out of many
    if (seeds != nullptr && !overrides) problems.Add(*seed, "give seed or seeds, not both");
    run.seeds = {static_cast<uint64_t>(number)};
  }
  map.Read("time_limit", ReadTime, run.time_limit);
  if (const Value* warmup = map.Find("warmup")) {
    if (warmup->kind == Value::Kind::kScalar && ParseCount(warmup->scalar).ok() && warmup->scalar != "0") {
      ReadCount(*warmup, problems, run.warmup_tasks);
    } else {
      ReadTime(*warmup, problems, run.warmup_time);
    }
  }
  if (const Value* outputs = map.Find("outputs")) ReadOutputs(*outputs, problems, run);
  map.Finish();
}

bool RunSpec::Wants(const std::string& output) const {
  return outputs.empty() || std::find(outputs.begin(), outputs.end(), output) != outputs.end();
}

}  // namespace orrery
