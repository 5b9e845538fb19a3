// The scenario's nodes as node managers on this machine.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runtime/api/local_cluster.h"
#include "sim/replay/loop.h"
#include "sim/replay/recording.h"
#include "sim/scenario/scenario.h"

namespace orrery {

class ReplayCluster {
 public:
  // Starts the head, the nodes that boot at once, and waits until all have registered.
  // `trace_folder`: where node managers write what they trace; "": nowhere.
  static Result<std::unique_ptr<ReplayCluster>> Start(const Scenario& scenario, Recording& recording,
                                                      const std::string& trace_folder);

  // The workload begins: nodes with a boot time follow when theirs has passed.
  void Begin(ReplayLoop& loop);
  LocalCluster& processes() { return *processes_; }
  size_t node_count() const { return nodes_.size(); }
  const NodeSpec& spec(size_t node) const { return nodes_[node].spec; }
  bool Alive(size_t node) const { return nodes_[node].up; }
  // The id of its present (or last) incarnation; 0 before it has one.
  NodeId NodeOfIndex(int64_t index) const;
  // Index of the node with this id, or node_count().
  size_t IndexOf(NodeId id) const;

  // SIGKILL to the node manager (of the head: to the GCS, too); its workers die with it.
  void KillNode(size_t node);
  // A new node in the place of a dead one.
  Status StartNode(size_t node);
  // SIGKILL to the process of a worker; false when it does not run.
  bool KillWorker(WorkerId worker);
  std::vector<WorkerId> WorkersOn(size_t node) const;

 private:
  struct Node {
    NodeSpec spec;
    bool up = false;
    size_t process = 0;  // index in the local cluster, once it was started
    NodeId id = {};
  };
  ReplayCluster(Recording& recording, std::string trace_folder)
      : recording_(recording), trace_folder_(std::move(trace_folder)) {}
  void Describe(Node& node, size_t process);
  LocalNode LaunchOf(const NodeSpec& spec) const;
  std::map<WorkerId, int> WorkerProcesses(size_t node) const;

  Recording& recording_;
  const std::string trace_folder_;
  std::unique_ptr<LocalCluster> processes_;
  std::vector<Node> nodes_;
};

}  // namespace orrery
