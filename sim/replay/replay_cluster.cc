#include "sim/replay/replay_cluster.h"

#include <signal.h>

#include <algorithm>
#include <cstdio>
#include <string>

#include "sim/replay/work.h"
#include "sim/scenario/cluster_file.h"

namespace orrery {

Result<std::unique_ptr<ReplayCluster>> ReplayCluster::Start(const Scenario& scenario, Recording& recording,
                                                            const std::string& trace_folder) {
  Result<std::vector<NodeSpec>> specs = ExpandNodes(scenario.cluster);
  if (!specs.ok()) return specs.status();
  std::unique_ptr<ReplayCluster> cluster(new ReplayCluster(recording, trace_folder));
  for (NodeSpec& spec : *specs) cluster->nodes_.push_back({.spec = std::move(spec)});
  LocalClusterOptions options;
  options.settings = ChangedSettings(scenario.policy);
  for (const Node& node : cluster->nodes_) {
    if (node.spec.boot_time.ns == 0) options.nodes.push_back(cluster->LaunchOf(node.spec));
  }
  if (scenario.autoscaler) {
    Result<ClusterConfig> config = ClusterConfigOf(scenario);
    if (!config.ok()) return config.status();
    options.cluster_file = ClusterConfigText(*config);
  }
  // It sees nodes joining and leaving, and what becomes of placement groups and actors.
  const auto& sources = scenario.workload.sources;
  const bool told = std::any_of(sources.begin(), sources.end(), [](const auto& source) {
    return std::holds_alternative<GroupsSpec>(source.what) || std::holds_alternative<ActorsSpec>(source.what);
  });
  if (scenario.autoscaler || told) options.gcs_environment["ORRERY_TRACE_DIR"] = trace_folder;
  if (options.nodes.empty())
    return Status(StatusCode::kInvalidArgument, "the head must be there at once (boot_time 0)");
  Result<std::unique_ptr<LocalCluster>> processes = LocalCluster::Start(std::move(options));
  if (!processes.ok()) return Status(StatusCode::kUnavailable, processes.status().message());
  cluster->processes_ = std::move(*processes);
  size_t process = 0;
  for (Node& node : cluster->nodes_) {
    if (node.spec.boot_time.ns == 0) cluster->Describe(node, process++);
  }
  return cluster;
}

LocalNode ReplayCluster::LaunchOf(const NodeSpec& spec) const {
  LocalNode node{.name = spec.name, .resources = spec.resources, .labels = spec.labels};
  node.environment[kSpeedVariable] = std::to_string(spec.speed);
  if (!trace_folder_.empty()) node.environment["ORRERY_TRACE_DIR"] = trace_folder_;
  return node;
}

void ReplayCluster::Describe(Node& node, size_t process) {
  node.up = true;
  node.process = process;
  node.id = processes_->NodeIdOf(process);
  const ResourceSet& has = node.spec.resources;
  recording_.DescribeNode({node.id, node.spec.name, node.spec.type, has.Get(ResourceKind::kCpu).value(),
                           has.Get(ResourceKind::kGpu).value(),
                           static_cast<int64_t>(has.Get(ResourceKind::kMemory).value()),
                           recording_.begin().ns == 0 ? Time{} : recording_.now()});
}

void ReplayCluster::Begin(ReplayLoop& loop) {
  for (size_t i = 0; i < nodes_.size(); ++i) {
    if (nodes_[i].up) continue;
    loop.At(recording_.begin() + nodes_[i].spec.boot_time, [this, i] {
      if (Status status = StartNode(i); !status.ok())
        std::fprintf(stderr, "%s: %s\n", nodes_[i].spec.name.c_str(), status.message().c_str());
    });
  }
}

NodeId ReplayCluster::NodeOfIndex(int64_t index) const {
  return index >= 0 && static_cast<size_t>(index) < nodes_.size() ? nodes_[static_cast<size_t>(index)].id : NodeId{};
}

size_t ReplayCluster::IndexOf(NodeId id) const {
  const auto it = std::find_if(nodes_.begin(), nodes_.end(), [id](const Node& node) { return node.id == id; });
  return static_cast<size_t>(it - nodes_.begin());
}

void ReplayCluster::KillNode(size_t index) {
  Node& node = nodes_[index];
  if (!node.up) return;
  if (index == 0) processes_->KillGcs();
  processes_->KillNode(node.process);
  node.up = false;
  recording_.NodeLeft(node.id);
}

Status ReplayCluster::StartNode(size_t index) {
  Node& node = nodes_[index];
  if (node.up) return Status::Ok();
  Result<size_t> process = processes_->AddNode(LaunchOf(node.spec));
  if (!process.ok()) return process.status();
  Describe(node, *process);
  return Status::Ok();
}

std::map<WorkerId, int> ReplayCluster::WorkerProcesses(size_t node) const {
  return nodes_[node].up ? processes_->WorkerPids(nodes_[node].process) : std::map<WorkerId, int>();
}

std::vector<WorkerId> ReplayCluster::WorkersOn(size_t node) const {
  std::vector<WorkerId> workers;
  for (const auto& [worker, pid] : WorkerProcesses(node)) workers.push_back(worker);
  return workers;
}

bool ReplayCluster::KillWorker(WorkerId victim) {
  const size_t node = IndexOf(victim.node());
  if (node == nodes_.size()) return false;
  const std::map<WorkerId, int> workers = WorkerProcesses(node);
  const auto found = workers.find(victim);
  return found != workers.end() && kill(found->second, SIGKILL) == 0;
}

}  // namespace orrery
