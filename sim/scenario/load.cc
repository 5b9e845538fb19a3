#include <algorithm>

#include "runtime/scheduling/policy.h"
#include "sim/scenario/input_file.h"
#include "sim/scenario/override.h"
#include "sim/scenario/parse.h"

namespace orrery {

namespace {

void ReadPolicy(const Value& value, Problems& problems, Settings& policy) {
  const std::vector<std::string>& placements = PolicyNames();
  if (value.kind != Value::Kind::kMap)
    return problems.Add(value, "policy must be a map of settings, not " + value.Describe());
  for (const Value::Entry& entry : value.map) {
    if (entry.value.kind != Value::Kind::kScalar) {
      problems.Add(entry.value,
                   "setting '" + entry.key.scalar + "' takes a single value, not " + entry.value.Describe());
      continue;
    }
    const Status status = SetSetting(policy, entry.key.scalar, entry.value.scalar);
    if (!status.ok()) problems.Add(status.message().starts_with("unknown") ? entry.key : entry.value, status);
    if (entry.key.scalar == "placement" &&
        std::find(placements.begin(), placements.end(), policy.placement) == placements.end()) {
      problems.Add(entry.value,
                   "there is no placement '" + policy.placement + "'" + Suggest(policy.placement, placements));
    }
  }
}

int64_t CountNodes(const ClusterSpec& cluster) {
  int64_t nodes = 0;
  for (const NodeTypeSpec& type : cluster.node_types) nodes += type.count;
  return cluster.trace.has_value() ? 0 : nodes;
}

// Targets that name nodes, node types or drivers that do not exist.
void CheckTargets(const Value& faults, Problems& problems, const Scenario& scenario) {
  const int64_t nodes = CountNodes(scenario.cluster);
  for (const FaultSpec& fault : scenario.faults) {
    for (const FaultTarget& target : fault.targets) {
      const auto& types = scenario.cluster.node_types;
      const bool no_type =
          target.kind == FaultTarget::Kind::kNodeType &&
          std::none_of(types.begin(), types.end(), [&](const auto& t) { return t.name == target.name; });
      if (no_type) problems.Add(faults, "a fault names node type '" + target.name + "', which does not exist");
      if (target.kind == FaultTarget::Kind::kNode && nodes > 0 && target.index >= nodes) {
        problems.Add(faults,
                     "a fault names node:" + std::to_string(target.index) + ", but there are " + std::to_string(nodes));
      }
      const auto drivers = static_cast<int64_t>(scenario.workload.sources.size());
      if (target.kind == FaultTarget::Kind::kDriver && target.index >= drivers) {
        problems.Add(faults, "a fault names driver:" + std::to_string(target.index) + ", but there are " +
                                 std::to_string(drivers));
      }
    }
  }
}

// With an autoscaler, types that have a minimum and a maximum are its business from the first node on.
void ReadAutoscaler(const Value& value, ParseContext& context, Scenario& scenario) {
  Problems& problems = context.problems;
  ParseAutoscaler(value, context, scenario.autoscaler.emplace());
  int64_t fixed = 0;
  bool scaled = false;
  std::vector<std::string> names;
  for (NodeTypeSpec& type : scenario.cluster.node_types) {
    if (type.scaled) {
      scaled = true;
      type.count = 0;
      names.push_back(type.name);
      if (type.name == scenario.cluster.head)
        problems.Add(value, "the head '" + type.name + "' cannot be scaled: give it a count");
    }
    fixed += type.count;
  }
  if (!scaled) problems.Add(value, "autoscaler: no node type has min and max, so that there is nothing to scale");
  if (fixed == 0) problems.Add(value, "autoscaler: no node type has a count; one is needed for the head");
  for (const OutageSpec& outage : scenario.autoscaler->provider.outages) {
    const bool known = outage.type.empty() || std::find(names.begin(), names.end(), outage.type) != names.end();
    if (!known)
      problems.Add(value, "outages: there is no scaled node type '" + outage.type + "'" + Suggest(outage.type, names));
  }
}

int64_t LargestOutput(const std::vector<int64_t>& outputs) {
  return outputs.empty() ? 0 : *std::max_element(outputs.begin(), outputs.end());
}

// The largest object that a source makes, where the file says so.
int64_t LargestObject(const SourceSpec& source) {
  if (const auto* pattern = std::get_if<PatternSpec>(&source.what)) return pattern->size;
  if (const auto* generator = std::get_if<GeneratorSpec>(&source.what)) return LargestOutput(generator->task.outputs);
  int64_t largest = 0;
  if (const auto* dag = std::get_if<DagSpec>(&source.what)) {
    for (const DagSpec::Node& node : dag->tasks) largest = std::max(largest, LargestOutput(node.task.outputs));
  }
  return largest;
}

// Objects beyond the inline limit need a store to lie in.
void CheckStores(const Value& workload, Problems& problems, const Scenario& scenario) {
  const auto& types = scenario.cluster.node_types;
  const bool stores = std::any_of(types.begin(), types.end(), [](const NodeTypeSpec& type) {
    return type.resources.Get(ResourceKind::kObjectStoreMemory) != FixedPoint{};
  });
  if (stores || scenario.cluster.trace.has_value()) return;
  for (const SourceSpec& source : scenario.workload.sources) {
    if (LargestObject(source) <= scenario.policy.inline_limit) continue;
    problems.Add(workload,
                 "tasks make objects larger than policy.inline_limit, but no node type has an "
                 "object_store_memory to put them in");
  }
}

void ParseSections(const Value& root, ParseContext& context, Scenario& scenario) {
  MapReader map(root, context.problems, "the scenario");
  map.Read("name", ReadText, scenario.name);
  map.Read("description", ReadText, scenario.description);
  if (const Value* cluster = map.Require("cluster")) ParseCluster(*cluster, context, scenario.cluster);
  if (const Value* autoscaler = map.Find("autoscaler")) ReadAutoscaler(*autoscaler, context, scenario);
  const Value* workload = map.Require("workload");
  if (workload != nullptr) {
    ParseWorkload(*workload, context, CountNodes(scenario.cluster), scenario.workload);
  }
  if (const Value* policy = map.Find("policy")) ReadPolicy(*policy, context.problems, scenario.policy);
  if (workload != nullptr) CheckStores(*workload, context.problems, scenario);
  if (const Value* faults = map.Find("faults")) {
    ParseFaults(*faults, context, scenario.faults);
    CheckTargets(*faults, context.problems, scenario);
  }
  if (const Value* checks = map.Find("checks")) ParseChecks(*checks, context, scenario.checks);
  if (const Value* run = map.Find("run")) ParseRun(*run, context, scenario.run);
  map.Finish();
}

Result<Scenario> Parse(const std::string& text, const std::string& filename, const std::vector<std::string>& overrides,
                       bool check_files) {
  Result<Value> root = ParseDocument(text, std::make_shared<const Source>(Source{filename, false}));
  if (!root.ok()) return root.status();
  ParseContext context;
  context.file = filename;
  for (const std::string& text_override : overrides) {
    const Status applied = ApplyOverride(*root, text_override);
    if (!applied.ok()) context.problems.AddLine(applied.message());
  }
  Scenario scenario;
  scenario.name = FileStem(filename);
  scenario.path = filename;
  ParseSections(*root, context, scenario);
  for (const FileUse& use : context.files) {
    if (!check_files || FileExists(use.path)) continue;
    context.problems.Add(use.where, "there is no file '" + use.path + "'; give its place with --set " + use.option +
                                        "=FILE (scenarios/README.md says where to download traces)");
  }
  if (context.problems.count() > 0) return context.problems.ToStatus();
  return scenario;
}

}  // namespace

Result<Scenario> ParseScenario(const std::string& text, const std::string& filename,
                               const std::vector<std::string>& overrides) {
  return Parse(text, filename, overrides, false);
}

Result<Scenario> LoadScenario(const std::string& path, const std::vector<std::string>& overrides) {
  Result<std::string> text = ReadInputFile(path);
  if (!text.ok()) return text.status();
  return Parse(*text, path, overrides, true);
}

}  // namespace orrery
