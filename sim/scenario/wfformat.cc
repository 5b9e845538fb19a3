#include "sim/scenario/wfformat.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "sim/scenario/input_file.h"
#include "sim/scenario/task_graph.h"

namespace orrery {

namespace {

using Json = nlohmann::json;

// The first problem; reading goes on with defaults, so that no code below needs to look at each step.
class Reader {
 public:
  Reader(std::string file, const TraceSpec& spec) : file_(std::move(file)), spec_(spec) {}

  Result<Workflow> Read(const Json& root) {
    const std::string version = Text(root, "schemaVersion", "the file");
    if (version != "1.5" && status_.ok()) Fail("schemaVersion is '" + version + "'; this reader knows 1.5");
    const Json& workflow = Member(root, "workflow", "the file", Json::value_t::object);
    const Json& specification = Member(workflow, "specification", "workflow", Json::value_t::object);
    const Json& execution = Member(workflow, "execution", "workflow", Json::value_t::object);
    result_.makespan_s = Number(execution, "makespanInSeconds", "workflow.execution") * spec_.options.time_scale;
    ReadFiles(Member(specification, "files", "workflow.specification", Json::value_t::array));
    const Json& tasks = Member(specification, "tasks", "workflow.specification", Json::value_t::array);
    for (const Json& task : tasks) AddTask(task);
    if (tasks.empty()) Fail("workflow.specification.tasks is empty");
    ReadExecutions(Member(execution, "tasks", "workflow.execution", Json::value_t::array));
    for (const Json& task : tasks) Connect(task);
    if (status_.ok()) CheckGraph();
    if (!status_.ok()) return status_;
    return std::move(result_);
  }

 private:
  struct Output {
    int64_t task = 0, position = 0;
  };

  void Fail(const std::string& what) {
    if (status_.ok()) status_ = Status(StatusCode::kInvalidArgument, file_ + ": " + what);
  }
  const Json& Member(const Json& object, const char* key, const std::string& where, Json::value_t type) {
    static const Json kEmptyObject = Json::object(), kEmptyArray = Json::array();
    if (object.is_object()) {
      if (const auto found = object.find(key); found != object.end() && found->type() == type) return *found;
    }
    Fail(where + " has no " + (type == Json::value_t::array ? "list '" : "object '") + key + "'");
    return type == Json::value_t::array ? kEmptyArray : kEmptyObject;
  }
  std::string Text(const Json& object, const char* key, const std::string& where) {
    const auto found = object.is_object() ? object.find(key) : object.end();
    if (object.is_object() && found != object.end() && found->is_string()) return found->get<std::string>();
    Fail(where + " has no text '" + key + "'");
    return "";
  }
  // Not negative, and small enough for nanoseconds and for bytes in 64 bits.
  double Number(const Json& object, const char* key, const std::string& where) {
    const auto found = object.is_object() ? object.find(key) : object.end();
    const bool number = object.is_object() && found != object.end() && found->is_number();
    const double value = number ? found->get<double>() : 0;
    if (!number) Fail(where + " has no number '" + key + "'");
    if (!(value >= 0 && value < 9e15)) Fail(where + ": " + key + " is negative or too large");
    return value;
  }
  void ForEachText(const Json& object, const char* key, const std::string& where,
                   const std::function<void(const std::string&)>& read) {
    if (!object.is_object() || !object.contains(key)) return;  // a task without files may leave the list out
    for (const Json& one : Member(object, key, where, Json::value_t::array)) {
      if (one.is_string()) {
        read(one.get<std::string>());
      } else {
        Fail(where + ": " + key + " holds something that is no text");
      }
    }
  }

  void ReadFiles(const Json& files) {
    for (const Json& file : files) {
      const std::string id = Text(file, "id", "a file");
      const auto bytes = static_cast<int64_t>(Number(file, "sizeInBytes", "file '" + id + "'"));
      if (!sizes_.emplace(id, bytes).second) Fail("there are two files '" + id + "'");
    }
  }

  void AddTask(const Json& json) {
    const std::string id = Text(json, "id", "a task of the specification");
    const auto index = static_cast<int64_t>(result_.dag.tasks.size());
    if (!tasks_.emplace(id, index).second) Fail("there are two tasks '" + id + "'");
    DagSpec::Node node;
    node.task = spec_.task;
    node.task.name = id;
    ForEachText(json, "outputFiles", "task '" + id + "'", [&](const std::string& file) {
      const auto size = sizes_.find(file);
      if (size == sizes_.end()) return Fail("task '" + id + "' writes the unknown file '" + file + "'");
      const auto position = static_cast<int64_t>(node.task.outputs.size());
      if (!writers_.emplace(file, Output{index, position}).second) return Fail("two tasks write '" + file + "'");
      node.task.outputs.push_back(size->second);
    });
    result_.dag.tasks.push_back(std::move(node));
    result_.dag.order.push_back(index);
  }

  void ReadExecutions(const Json& executions) {
    std::vector<bool> seen(result_.dag.tasks.size(), false);
    for (const Json& json : executions) {
      const std::string id = Text(json, "id", "a task of the execution");
      const auto found = tasks_.find(id);
      if (found == tasks_.end()) return Fail("the execution has a task '" + id + "' that the specification lacks");
      const std::string where = "the execution of task '" + id + "'";
      TaskSpec& task = result_.dag.tasks[static_cast<size_t>(found->second)].task;
      seen[static_cast<size_t>(found->second)] = true;
      task.duration = Distribution::Deterministic(Number(json, "runtimeInSeconds", where) * spec_.options.time_scale);
      double cores = 1;
      if (json.is_object() && json.contains("coreCount")) {
        cores = Number(json, "coreCount", where);
      } else if (json.is_object() && json.contains("avgCPU")) {
        cores = std::ceil(Number(json, "avgCPU", where) / 100);
      }
      task.resources.Set(ResourceKind::kCpu, FixedPoint::FromDouble(std::clamp(cores, 1.0, 1e6)));
      if (json.is_object() && json.contains("memoryInBytes"))
        task.allocate_bytes = static_cast<int64_t>(Number(json, "memoryInBytes", where));
    }
    for (const auto& [id, index] : tasks_) {
      if (!seen[static_cast<size_t>(index)]) Fail("task '" + id + "' was never executed");
    }
  }

  // The file's object: of its writer, or a put of its own.
  DagSpec::Input ObjectOf(const std::string& file, int64_t size) {
    const auto put = static_cast<int64_t>(result_.dag.tasks.size());
    const auto [writer, is_new] = writers_.emplace(file, Output{put, 0});
    if (is_new) {
      DagSpec::Node node;
      node.put = true;
      node.task.name = file;
      node.task.outputs = {size};
      result_.dag.tasks.push_back(std::move(node));
    }
    return {writer->second.task, writer->second.position};
  }

  void Connect(const Json& json) {
    const std::string id = json.is_object() ? json.value("id", "") : "";
    const auto self = tasks_.find(id);
    if (self == tasks_.end()) return;
    std::vector<DagSpec::Input> inputs;
    std::vector<int64_t> after;
    ForEachText(json, "inputFiles", "task '" + id + "'", [&](const std::string& file) {
      const auto size = sizes_.find(file);
      if (size == sizes_.end()) return Fail("task '" + id + "' reads the unknown file '" + file + "'");
      const DagSpec::Input input = ObjectOf(file, size->second);
      if (input.task != self->second) inputs.push_back(input);
    });
    std::sort(inputs.begin(), inputs.end());
    inputs.erase(std::unique(inputs.begin(), inputs.end()), inputs.end());
    ForEachText(json, "parents", "task '" + id + "'", [&](const std::string& parent) {
      const auto found = tasks_.find(parent);
      if (found == tasks_.end()) return Fail("task '" + id + "' has the unknown parent '" + parent + "'");
      const bool by_file =
          std::any_of(inputs.begin(), inputs.end(), [&](const auto& i) { return i.task == found->second; });
      if (!by_file) after.push_back(found->second);
    });
    DagSpec::Node& node = result_.dag.tasks[static_cast<size_t>(self->second)];
    node.inputs = std::move(inputs);
    node.after = std::move(after);
  }

  void CheckGraph() {
    std::vector<std::string> names;
    std::vector<TaskGraph::Edge> edges;
    for (size_t i = 0; i < result_.dag.tasks.size(); ++i) {
      const DagSpec::Node& node = result_.dag.tasks[i];
      names.push_back(node.task.name);
      for (const int64_t before : node.after) edges.push_back({before, static_cast<int64_t>(i)});
      for (const DagSpec::Input& input : node.inputs) edges.push_back({input.task, static_cast<int64_t>(i)});
    }
    const Result<TaskGraph> graph = TaskGraph::Build(names, edges);
    if (!graph.ok()) Fail(graph.status().message());
  }

  const std::string file_;
  const TraceSpec& spec_;
  Status status_;
  Workflow result_;
  std::map<std::string, int64_t> sizes_;   // of each file
  std::map<std::string, int64_t> tasks_;   // index of each task
  std::map<std::string, Output> writers_;  // of each file
};

}  // namespace

Result<Workflow> ParseWorkflow(const std::string& text, const std::string& name, const TraceSpec& spec) {
  const Json root = Json::parse(text, nullptr, false);
  if (root.is_discarded()) return Status(StatusCode::kInvalidArgument, name + ": this is not JSON");
  return Reader(name, spec).Read(root);
}

Result<Workflow> LoadWorkflow(const TraceSpec& spec) {
  Result<std::string> text = ReadInputFile(spec.path);
  if (!text.ok()) {
    if (text.status().code() != StatusCode::kNotFound) return text.status();
    return Status(StatusCode::kNotFound,
                  text.status().message() + "; give its place with --set workload.trace.path=FILE");
  }
  return ParseWorkflow(*text, spec.path, spec);
}

}  // namespace orrery
