// The key `dag`: tasks, the objects between them, the order of submission.
#include <algorithm>

#include "runtime/config/quantity.h"
#include "sim/scenario/parse.h"
#include "sim/scenario/task_graph.h"

namespace orrery {

namespace {

using Names = std::map<std::string, int64_t>;

void AddUnknown(const Value& element, Problems& problems, const std::string& what, const Names& index) {
  std::vector<std::string> names;
  for (const auto& [name, i] : index) names.push_back(name);
  const bool few = names.size() <= 10 || !NearestName(element.scalar, names).empty();
  problems.Add(element,
               what + ": there is no task " + element.Describe() + (few ? Suggest(element.scalar, names) : ""));
}

// One name, or a list of names.
void ForEachName(const Value& value, Problems& problems, const std::string& what,
                 const std::function<void(const Value&)>& read) {
  if (value.kind == Value::Kind::kScalar) return read(value);
  ReadList(value, problems, what, read);
}

std::vector<int64_t> ReadTaskNames(const Value& value, Problems& problems, const std::string& what,
                                   const Names& index) {
  std::vector<int64_t> found;
  ForEachName(value, problems, what, [&](const Value& element) {
    const auto known = index.find(element.scalar);
    if (known != index.end()) return found.push_back(known->second);
    AddUnknown(element, problems, what, index);
  });
  return found;
}

// "NAME" takes every output of a task, "NAME.1" its second.
void ReadInput(const Value& element, Problems& problems, const Names& index, const DagSpec& dag, DagSpec::Node& node) {
  const std::string& text = element.scalar;
  if (const auto whole = index.find(text); whole != index.end()) {
    const auto outputs = static_cast<int64_t>(dag.tasks[static_cast<size_t>(whole->second)].task.outputs.size());
    if (outputs == 0) problems.Add(element, "inputs: task '" + text + "' has no output; `after` waits without taking");
    for (int64_t i = 0; i < outputs; ++i) node.inputs.push_back({whole->second, i});
    return;
  }
  const size_t dot = text.rfind('.');
  const auto part = dot == std::string::npos ? index.end() : index.find(text.substr(0, dot));
  if (part == index.end()) return AddUnknown(element, problems, "inputs", index);
  const auto outputs = static_cast<int64_t>(dag.tasks[static_cast<size_t>(part->second)].task.outputs.size());
  Result<int64_t> position = ParseCount(text.substr(dot + 1));
  if (!position.ok() || *position >= outputs) {
    return problems.Add(element, "inputs: '" + text + "': task '" + part->first + "' has " + std::to_string(outputs) +
                                     " outputs, counted from 0");
  }
  node.inputs.push_back({part->second, *position});
}

void CheckGraph(const Value& at, Problems& problems, const DagSpec& dag) {
  std::vector<std::string> names;
  std::vector<TaskGraph::Edge> edges;
  for (size_t i = 0; i < dag.tasks.size(); ++i) {
    names.push_back(dag.tasks[i].task.name);
    for (const int64_t before : dag.tasks[i].after) edges.push_back({before, static_cast<int64_t>(i)});
    for (const DagSpec::Input& input : dag.tasks[i].inputs) edges.push_back({input.task, static_cast<int64_t>(i)});
  }
  const Result<TaskGraph> graph = TaskGraph::Build(names, edges);
  if (!graph.ok()) problems.Add(at, graph.status());
}

void ReadOrder(const Value& value, Problems& problems, const Names& index, DagSpec& dag) {
  dag.order = ReadTaskNames(value, problems, "order", index);
  std::vector<int64_t> sorted = dag.order;
  std::sort(sorted.begin(), sorted.end());
  const bool repeats = std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end();
  const auto is_put = [&](int64_t i) { return dag.tasks[static_cast<size_t>(i)].put; };
  const auto tasks = std::count_if(dag.tasks.begin(), dag.tasks.end(), [](const auto& node) { return !node.put; });
  if (repeats || static_cast<std::ptrdiff_t>(sorted.size()) != tasks ||
      std::any_of(sorted.begin(), sorted.end(), is_put))
    problems.Add(value, "order must name every task once");
}

void AddNode(const Value& at, Problems& problems, DagSpec::Node node, Names& index, DagSpec& dag) {
  if (!index.emplace(node.task.name, static_cast<int64_t>(dag.tasks.size())).second) {
    problems.Add(at, "there are two tasks named '" + node.task.name + "'");
  }
  dag.tasks.push_back(std::move(node));
}

void ReadPuts(const Value& value, Problems& problems, Names& index, DagSpec& dag) {
  ReadList(value, problems, "puts", [&](const Value& element) {
    MapReader keys(element, problems, "put");
    DagSpec::Node node;
    node.put = true;
    keys.Require("name");
    keys.Read("name", ReadText, node.task.name);
    keys.Require("size");
    keys.Read("size", ReadBytes, node.task.outputs.emplace_back(0));
    keys.Finish();
    AddNode(element, problems, std::move(node), index, dag);
  });
}

// What refers to other tasks is read when all names are known.
struct References {
  const Value* after;
  const Value* inputs;
};

void ReadTasks(const Value& value, Problems& problems, Names& index, DagSpec& dag) {
  const size_t first = dag.tasks.size();
  std::vector<References> references;
  ReadList(value, problems, "tasks", [&](const Value& element) {
    MapReader keys(element, problems, "dag task");
    DagSpec::Node node;
    keys.Require("name");
    ReadTaskKeys(keys, true, node.task);
    references.push_back({keys.Find("after"), keys.Find("inputs")});
    keys.Finish();
    AddNode(element, problems, std::move(node), index, dag);
  });
  for (size_t i = 0; i < references.size(); ++i) {
    DagSpec::Node& node = dag.tasks[first + i];
    if (references[i].after != nullptr) node.after = ReadTaskNames(*references[i].after, problems, "after", index);
    if (references[i].inputs == nullptr) continue;
    ForEachName(*references[i].inputs, problems, "inputs",
                [&](const Value& element) { ReadInput(element, problems, index, dag, node); });
  }
  if (dag.tasks.size() == first) problems.Add(value, "a dag holds at least one task");
}

}  // namespace

void ParseDag(const Value& value, ParseContext& context, DagSpec& dag) {
  Problems& problems = context.problems;
  MapReader map(value, problems, "dag");
  map.Read("at", ReadTime, dag.at);
  const Value* puts = map.Find("puts");
  const Value* tasks = map.Require("tasks");
  const Value* order = map.Find("order");
  map.Finish();
  if (tasks == nullptr) return;
  const size_t before = problems.count();
  Names index;
  if (puts != nullptr) ReadPuts(*puts, problems, index, dag);
  ReadTasks(*tasks, problems, index, dag);
  if (order != nullptr) ReadOrder(*order, problems, index, dag);
  for (size_t i = 0; order == nullptr && i < dag.tasks.size(); ++i) {
    if (!dag.tasks[i].put) dag.order.push_back(static_cast<int64_t>(i));
  }
  if (problems.count() == before) CheckGraph(*tasks, problems, dag);
}

}  // namespace orrery
