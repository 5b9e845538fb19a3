#include <algorithm>

#include "sim/scenario/parse.h"
#include "sim/scenario/task_graph.h"

namespace orrery {

namespace {

// Indices of the names in a list of task names; unknown ones are problems.
std::vector<int64_t> ReadTaskNames(const Value& value, Problems& problems, const std::string& what,
                                   const std::map<std::string, int64_t>& index) {
  std::vector<int64_t> found;
  const auto add = [&](const Value& element) {
    const auto known = element.kind == Value::Kind::kScalar ? index.find(element.scalar) : index.end();
    if (known != index.end()) return found.push_back(known->second);
    std::vector<std::string> names;
    for (const auto& [name, i] : index) names.push_back(name);
    const bool few = names.size() <= 10 || !NearestName(element.scalar, names).empty();
    problems.Add(element,
                 what + ": there is no task " + element.Describe() + (few ? Suggest(element.scalar, names) : ""));
  };
  if (value.kind == Value::Kind::kScalar) {
    add(value);
  } else {
    ReadList(value, problems, what, add);
  }
  return found;
}

void CheckGraph(const Value& at, Problems& problems, const DagSpec& dag) {
  std::vector<std::string> names;
  std::vector<TaskGraph::Edge> edges;
  for (size_t i = 0; i < dag.tasks.size(); ++i) {
    names.push_back(dag.tasks[i].task.name);
    for (const int64_t before : dag.tasks[i].after) edges.push_back({before, static_cast<int64_t>(i)});
  }
  const Result<TaskGraph> graph = TaskGraph::Build(names, edges);
  if (!graph.ok()) problems.Add(at, graph.status());
}

void ReadOrder(const Value& value, Problems& problems, const std::map<std::string, int64_t>& index, DagSpec& dag) {
  dag.order = ReadTaskNames(value, problems, "order", index);
  std::vector<int64_t> sorted = dag.order;
  std::sort(sorted.begin(), sorted.end());
  const bool repeats = std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end();
  if (repeats || sorted.size() != dag.tasks.size()) problems.Add(value, "order must name every task once");
}

void ParseDag(const Value& value, ParseContext& context, DagSpec& dag) {
  Problems& problems = context.problems;
  MapReader map(value, problems, "dag");
  map.Read("at", ReadTime, dag.at);
  const Value* tasks = map.Require("tasks");
  const Value* order = map.Find("order");
  map.Finish();
  if (tasks == nullptr) return;
  const size_t before = problems.count();
  std::map<std::string, int64_t> index;
  std::vector<const Value*> after;
  ReadList(*tasks, problems, "tasks", [&](const Value& element) {
    MapReader keys(element, problems, "dag task");
    TaskSpec task;
    keys.Require("name");
    ReadTaskKeys(keys, true, task);
    after.push_back(keys.Find("after"));
    keys.Finish();
    if (!index.emplace(task.name, static_cast<int64_t>(dag.tasks.size())).second) {
      problems.Add(element, "there are two tasks named '" + task.name + "'");
    }
    dag.tasks.push_back({std::move(task), {}});
  });
  for (size_t i = 0; i < dag.tasks.size(); ++i) {
    if (after[i] != nullptr) dag.tasks[i].after = ReadTaskNames(*after[i], problems, "after", index);
  }
  if (dag.tasks.empty()) problems.Add(*tasks, "a dag holds at least one task");
  if (order != nullptr) ReadOrder(*order, problems, index, dag);
  for (size_t i = 0; order == nullptr && i < dag.tasks.size(); ++i) dag.order.push_back(static_cast<int64_t>(i));
  if (problems.count() == before) CheckGraph(*tasks, problems, dag);
}

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
  map.Choose<Format>("format", {{"csv", Format::kCsv}, {"swf", Format::kSwf}, {"openb", Format::kOpenb}}, trace.format);
  if (const Value* path = map.Require("path")) ReadPath(*path, context, "workload.trace.path", trace.path);
  if (trace.format == Format::kCsv) {
    if (const Value* mapping = map.Find("mapping")) ReadMapping(*mapping, problems, trace);
  } else {
    map.Forbid("mapping", "only with format: csv");
  }
  map.Read("time_scale", ReadPositive, trace.options.time_scale);
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
  if (generator != nullptr) ParseGenerator(*generator, context, nodes, source.what.emplace<GeneratorSpec>());
  if (dag != nullptr) ParseDag(*dag, context, source.what.emplace<DagSpec>());
  if (trace != nullptr) ParseTrace(*trace, context, source.what.emplace<TraceSpec>());
  source.name = generator != nullptr ? "generator" : dag != nullptr ? "dag" : "trace";
  map.Read("name", ReadText, source.name);
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
