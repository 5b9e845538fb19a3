#include <algorithm>
#include <cmath>

#include "sim/scenario/parse.h"

namespace orrery {

namespace {

void ReadMapping(const Value& value, Problems& problems, TraceSpec& trace) {
  static const std::vector<std::string> kTimeUnits = {"s", "ms", "us", "ns"};
  static const std::vector<std::string> kByteUnits = {"B", "KiB", "MiB", "GiB", "KB", "MB", "GB"};
  MapReader map(value, problems, "mapping");
  for (const char* field : {"name", "submit_time", "duration", "cpus", "gpus", "memory"}) {
    const Value* at = map.Find(field);
    if (at == nullptr) continue;
    TraceSpec::Column& column = trace.mapping[field];
    if (at->kind == Value::Kind::kScalar) {
      column.name = at->scalar;
      continue;
    }
    MapReader keys(*at, problems, "mapping." + std::string(field));
    keys.Require("column");
    keys.Read("column", ReadText, column.name);
    const bool time = std::string(field) == "submit_time" || std::string(field) == "duration";
    std::vector<std::pair<std::string, std::string>> units;
    for (const std::string& unit : time ? kTimeUnits : kByteUnits) units.emplace_back(unit, unit);
    if (time || std::string(field) == "memory") keys.Choose("unit", units, column.unit);
    keys.Finish();
  }
  map.Finish();
}

void ParseTrace(const Value& value, ParseContext& context, TraceSpec& trace) {
  using Format = TraceSpec::Format;
  Problems& problems = context.problems;
  MapReader map(value, problems, "trace");
  map.Require("format");
  map.Choose<Format>(
      "format",
      {{"csv", Format::kCsv}, {"swf", Format::kSwf}, {"openb", Format::kOpenb}, {"wfformat", Format::kWfFormat}},
      trace.format);
  if (const Value* path = map.Require("path")) ReadPath(*path, context, "workload.trace.path", trace.path);
  if (trace.format == Format::kCsv) {
    if (const Value* mapping = map.Find("mapping")) ReadMapping(*mapping, problems, trace);
  } else {
    map.Forbid("mapping", "only with format: csv");
  }
  map.Read("time_scale", ReadPositive, trace.options.time_scale);
  if (trace.format == Format::kWfFormat) {
    map.Forbid("limit", "a workflow is replayed as a whole");
    map.Forbid("on_bad_row", "a workflow has no rows");
  }
  map.Read("limit", ReadCount, trace.options.limit);
  map.Choose<OnBadRow>("on_bad_row", {{"fail", OnBadRow::kFail}, {"drop", OnBadRow::kDrop}}, trace.options.on_bad_row);
  if (const Value* task = map.Find("task")) {
    MapReader keys(*task, problems, "task");
    keys.Forbid("duration", "durations come from the trace");
    for (const char* key : {"cpus", "gpus", "memory"}) {
      if (trace.format != Format::kCsv) keys.Forbid(key, "comes from the trace");
    }
    ReadTaskKeys(keys, false, trace.task);
    keys.Finish();
  }
  map.Finish();
}

void ReadPriority(const Value& value, Problems& problems, int32_t& out) {
  double number = 0;
  ReadNumber(value, problems, number);
  if (number != std::floor(number) || std::abs(number) > 1e6)
    problems.Add(value, "a priority is a whole number from -1000000 to 1000000");
  else
    out = static_cast<int32_t>(number);
}

void ReadWeight(const Value& value, Problems& problems, FixedPoint& out) {
  double number = 1;
  ReadPositive(value, problems, number);
  if (number < 0.0001 || number > 1e9)
    problems.Add(value, "a weight is a number from 0.0001 to 1e9");
  else
    out = FixedPoint::FromDouble(number);
}

void ReadSource(MapReader& map, ParseContext& context, int64_t nodes, WorkloadSpec& workload) {
  SourceSpec source;
  const Value* generator = map.Find("generator");
  const Value* dag = map.Find("dag");
  const Value* trace = map.Find("trace");
  const int given = (generator != nullptr) + (dag != nullptr) + (trace != nullptr);
  if (given != 1 && map.value().kind == Value::Kind::kMap) {
    context.problems.Add(map.value(), "a workload is one of generator, dag or trace (or a list of such); " +
                                          std::to_string(given) + " are given");
  }
  if (generator != nullptr && NamesPattern(*generator)) {
    ParsePattern(*generator, context, nodes, source.what.emplace<PatternSpec>());
  } else if (generator != nullptr && NamesGroups(*generator)) {
    ParseGroups(*generator, context, source.what.emplace<GroupsSpec>());
  } else if (generator != nullptr && NamesActors(*generator)) {
    ParseActors(*generator, context, source.what.emplace<ActorsSpec>());
  } else if (generator != nullptr) {
    ParseGenerator(*generator, context, nodes, source.what.emplace<GeneratorSpec>());
  }
  if (dag != nullptr) ParseDag(*dag, context, source.what.emplace<DagSpec>());
  if (trace != nullptr) ParseTrace(*trace, context, source.what.emplace<TraceSpec>());
  source.name = generator != nullptr ? "generator" : dag != nullptr ? "dag" : "trace";
  map.Read("name", ReadText, source.name);
  map.Read("priority", ReadPriority, source.terms.priority);
  map.Read("weight", ReadWeight, source.terms.weight);
  const std::string stem = source.name;
  const auto taken = [&] {
    return std::any_of(workload.sources.begin(), workload.sources.end(),
                       [&](const auto& s) { return s.name == source.name; });
  };
  for (int n = 2; taken(); ++n) source.name = stem + "-" + std::to_string(n);
  workload.sources.push_back(std::move(source));
}

void ReadPacking(MapReader& map, WorkloadSpec& workload) {
  const Value* packing = map.Find("packing");
  map.Read("packing", ReadFlag, workload.packing);
  if (!workload.packing) return map.Forbid("arrived", "only with packing: true");
  map.Read("arrived", ReadPositive, workload.arrived);
  const auto* trace = std::get_if<TraceSpec>(&workload.sources.front().what);
  if (trace == nullptr || trace->format != TraceSpec::Format::kOpenb) {
    map.problems().Add(*packing, "packing needs a trace of format openb");
  }
}

}  // namespace

void ParseWorkload(const Value& value, ParseContext& context, int64_t nodes, WorkloadSpec& workload) {
  if (value.kind == Value::Kind::kList) {
    for (const Value& element : value.list) {
      MapReader map(element, context.problems, "workload");
      ReadSource(map, context, nodes, workload);
      map.Finish();
    }
    if (value.list.empty()) context.problems.Add(value, "the workload is empty");
    return;
  }
  MapReader map(value, context.problems, "workload");
  ReadSource(map, context, nodes, workload);
  ReadPacking(map, workload);
  map.Finish();
}

}  // namespace orrery
