// From cluster specification to single nodes, and cost profiles.
#include "runtime/config/reader.h"
#include "sim/scenario/input_file.h"
#include "sim/scenario/openb.h"
#include "sim/scenario/scenario.h"

namespace orrery {

namespace {

Result<std::vector<NodeSpec>> TraceNodes(const ClusterTraceSpec& trace) {
  Result<std::vector<OpenbNode>> rows = ReadOpenbNodes(trace.path);
  if (!rows.ok()) {
    if (rows.status().code() != StatusCode::kNotFound) return rows.status();
    return Status(StatusCode::kNotFound,
                  rows.status().message() + "; give its place with --set cluster.trace.path=FILE");
  }
  std::vector<NodeSpec> nodes;
  nodes.reserve(rows->size());
  for (const OpenbNode& row : *rows) {
    NodeSpec node;
    node.name = row.name;
    node.type = "trace";
    node.resources = OpenbNodeResources(row);
    node.labels = OpenbNodeLabels(row);
    nodes.push_back(std::move(node));
  }
  if (nodes.empty()) return Status(StatusCode::kInvalidArgument, "'" + trace.path + "' lists no nodes");
  return nodes;
}

void AppendType(const NodeTypeSpec& type, int64_t from, int64_t to, std::vector<NodeSpec>& nodes) {
  for (int64_t i = from; i < to; ++i) {
    NodeSpec node;
    node.name = type.name + "-" + std::to_string(i);
    node.type = type.name;
    node.resources = type.resources;
    node.labels = type.labels;
    node.speed = type.speed;
    node.boot_time = type.boot_time;
    node.price = type.price;
    node.disk = type.disk;
    nodes.push_back(std::move(node));
  }
}

}  // namespace

Result<std::vector<NodeSpec>> ExpandNodes(const ClusterSpec& cluster) {
  if (cluster.trace.has_value()) return TraceNodes(*cluster.trace);
  std::vector<NodeSpec> nodes;
  for (const NodeTypeSpec& type : cluster.node_types) {
    if (type.name == cluster.head) AppendType(type, 0, 1, nodes);
  }
  for (const NodeTypeSpec& type : cluster.node_types)
    AppendType(type, type.name == cluster.head ? 1 : 0, type.count, nodes);
  return nodes;
}

std::vector<NodeSpec> ScaledNodes(const ClusterSpec& cluster) {
  std::vector<NodeSpec> nodes;
  for (const NodeTypeSpec& type : cluster.node_types) {
    if (type.scaled) AppendType(type, 0, type.max, nodes);
  }
  return nodes;
}

Result<std::map<std::string, Duration>> LoadCostProfile(const std::string& path) {
  Result<std::string> text = ReadInputFile(path);
  if (!text.ok()) return text.status();
  Result<Value> root = ParseDocument(*text, std::make_shared<const Source>(Source{path, false}));
  if (!root.ok()) return root.status();
  Problems problems;
  std::map<std::string, Duration> times;
  if (root->kind != Value::Kind::kMap) problems.Add(*root, "a cost profile is a map of message kind: time");
  for (const Value::Entry& entry : root->map) ReadTime(entry.value, problems, times[entry.key.scalar]);
  if (problems.count() > 0) return problems.ToStatus();
  return times;
}

}  // namespace orrery
