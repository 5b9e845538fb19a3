#include <algorithm>

#include "runtime/config/resource_reader.h"
#include "sim/scenario/input_file.h"
#include "sim/scenario/parse.h"

namespace orrery {

namespace {

// Ray's label selectors: "v", "!v", "in(a, b)", "!in(a, b)"; or a YAML list, which means in.
LabelExpression ReadLabelExpression(const Value::Entry& entry, Problems& problems) {
  LabelExpression expression;
  expression.key = entry.key.scalar;
  if (entry.value.kind == Value::Kind::kList) {
    for (const Value& element : entry.value.list) ReadText(element, problems, expression.values.emplace_back());
  } else {
    std::string text;
    ReadText(entry.value, problems, text);
    Result<LabelExpression> parsed = ParseLabelExpression(expression.key, text);
    if (!parsed.ok()) problems.Add(entry.value, parsed.status());
    return parsed.ok() ? *parsed : expression;
  }
  const bool blank =
      std::any_of(expression.values.begin(), expression.values.end(), [](const auto& v) { return v.empty(); });
  if (expression.values.empty() || blank) problems.Add(entry.value, "label '" + expression.key + "' needs a value");
  std::sort(expression.values.begin(), expression.values.end());
  return expression;
}

void ReadSelector(const Value& value, Problems& problems, const std::string& key, LabelSelector& selector) {
  if (value.kind != Value::Kind::kMap)
    return problems.Add(value, key + " must be a map of label: value, not " + value.Describe());
  for (const Value::Entry& entry : value.map) selector.push_back(ReadLabelExpression(entry, problems));
  std::sort(selector.begin(), selector.end());
}

void ReadSelectors(MapReader& map, SchedulingStrategy& strategy) {
  if (const Value* hard = map.Find("labels")) ReadSelector(*hard, map.problems(), "labels", strategy.hard_labels);
  if (const Value* soft = map.Find("soft_labels"))
    ReadSelector(*soft, map.problems(), "soft_labels", strategy.soft_labels);
  const Value* fallbacks = map.Find("fallback_labels");
  if (fallbacks == nullptr) return;
  ReadList(*fallbacks, map.problems(), "fallback_labels", [&](const Value& value) {
    ReadSelector(value, map.problems(), "each of fallback_labels", strategy.fallbacks.emplace_back());
  });
}

void ReadStrategy(MapReader& map, SchedulingStrategy& strategy) {
  using Kind = SchedulingStrategy::Kind;
  const Value* value = map.Find("strategy");
  if (value == nullptr) return;
  if (value->kind == Value::Kind::kMap) {
    MapReader affinity(*value, map.problems(), "strategy");
    int64_t node = 0;
    affinity.Require("node");
    affinity.Read("node", ReadCount, node);
    affinity.Read("soft", ReadFlag, strategy.soft);
    affinity.Finish();
    if (node > UINT32_MAX) map.problems().Add(*value, "there is no such node");
    strategy.kind = Kind::kNodeAffinity;
    strategy.affinity_node = static_cast<uint32_t>(node);
    return;
  }
  map.Choose<Kind>("strategy", {{"default", Kind::kDefault}, {"spread", Kind::kSpread}, {"random", Kind::kRandom}},
                   strategy.kind);
}

// "output: 1GiB", or "outputs: [1GiB, 2MiB]".
void ReadOutputs(MapReader& map, std::vector<int64_t>& outputs) {
  const Value* one = map.Find("output");
  const Value* several = map.Find("outputs");
  const auto add = [&](const Value& value) { ReadBytes(value, map.problems(), outputs.emplace_back(0)); };
  if (one != nullptr && several != nullptr) map.problems().Add(*one, "give output or outputs, not both");
  if (several != nullptr) return ReadList(*several, map.problems(), "outputs", add);
  if (one != nullptr) add(*one);
}

}  // namespace

void ReadTaskKeys(MapReader& map, bool with_duration, TaskSpec& task) {
  map.Read("name", ReadText, task.name);
  if (with_duration) {
    if (const Value* duration = map.Require("duration")) ReadDistribution(*duration, map.problems(), task.duration);
  }
  FixedPoint amount;
  const Value* gpus = map.Find("gpus");
  if (map.Read("cpus", ReadAmount, amount)) task.resources.Set(ResourceKind::kCpu, amount);
  if (map.Read("gpus", ReadAmount, amount)) task.resources.Set(ResourceKind::kGpu, amount);
  if (const Value* memory = map.Find("memory"))
    ReadWholeBytes(*memory, map.problems(), ResourceKind::kMemory, task.resources);
  if (const Value* resources = map.Find("resources")) {
    MapReader custom(*resources, map.problems(), "resources");
    custom.Forbid("CPU", "write cpus: beside resources");
    custom.Forbid("GPU", "write gpus: beside resources");
    custom.Forbid("memory", "write memory: beside resources");
    for (const Value::Entry& entry : resources->map) {
      if (MeantResource(entry.key.scalar) != entry.key.scalar || entry.key.scalar == "object_store_memory") {
        ReadResource(entry, map.problems(), task.resources);
      }
    }
  }
  const Status valid = ValidateRequest(task.resources);
  if (!valid.ok()) map.problems().Add(gpus != nullptr ? *gpus : map.value(), valid);
  ReadSelectors(map, task.strategy);
  ReadStrategy(map, task.strategy);
  map.Read("max_retries", ReadCount, task.max_retries);
  map.Choose<TaskSpec::Work>("work", {{"sleep", TaskSpec::Work::kSleep}, {"spin", TaskSpec::Work::kSpin}}, task.work);
  map.Read("allocate", ReadBytes, task.allocate_bytes);
  if (with_duration) ReadOutputs(map, task.outputs);
}

void ReadPath(const Value& value, ParseContext& context, const std::string& option, std::string& out) {
  ReadText(value, context.problems, out);
  if (out.empty()) return;
  const bool from_option = value.source != nullptr && value.source->from_option;
  if (!from_option) out = ResolveBeside(context.file, out);
  context.files.push_back({value, out, option});
}

}  // namespace orrery
