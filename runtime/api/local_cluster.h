// A cluster of real processes on this machine, for one program: a head and any number of nodes with declared resources,
// in a session folder of its own. Internal; programs get one by SessionOptions, tests and orrery-live use it directly.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runtime/common/ids.h"
#include "runtime/common/resources.h"
#include "runtime/common/status.h"

namespace orrery {

struct LocalNode {
  std::string name = {};  // empty: the cluster names it
  ResourceSet resources = {};
  Labels labels = {};
  std::map<std::string, std::string> environment = {};  // added to that of the daemon and its workers
};

struct LocalClusterOptions {
  std::vector<LocalNode> nodes;  // the first is the head
  std::map<std::string, std::string> settings = {};  // of all daemons
  std::string session_dir = {};  // empty: a fresh folder, removed by Stop
  std::map<std::string, std::string> gcs_environment = {};  // added to that of the GCS
  std::string cluster_file = {};  // text of a file as `orrery up` takes; not empty: an autoscaler runs by it
};

// The daemons are children of this process and end with the thread that started them, also when it is killed.
class LocalCluster {
 public:
  // Returns when every node has registered. kNotFound when the orrery command cannot be found; kUnavailable with what a
  // daemon said that did not start.
  static Result<std::unique_ptr<LocalCluster>> Start(LocalClusterOptions options);
  // Stop().
  ~LocalCluster();
  // Ends every daemon, by SIGTERM, then SIGKILL, and removes the session folder unless it was given.
  void Stop();

  const std::string& session_dir() const;
  const std::string& address() const;  // "127.0.0.1:port" of the GCS
  // Starts one more node; its index.
  Result<size_t> AddNode(const LocalNode& node);
  size_t node_count() const;
  // Nodes register one after the other, so the GCS numbers them in the order in which they were started.
  NodeId NodeIdOf(size_t index) const { return {static_cast<uint32_t>(index + 1)}; }
  // The node's daemon, or 0 once it has been killed.
  int NodePid(size_t index) const;
  int GcsPid() const;
  // The processes of a node's workers, by asking the kernel for the daemon's children.
  std::map<WorkerId, int> WorkerPids(size_t index) const;
  // SIGKILL to a node manager; its workers die with it.
  void KillNode(size_t index);
  void KillGcs();
  // The autoscaler of a cluster_file; its nodes stay. 0 once it has been killed.
  int AutoscalerPid() const;
  void KillAutoscaler();
  Status StartAutoscaler();
  // A successor of the GCS that was killed: at the same address, with what that had stored.
  Status StartGcs();

 private:
  struct Impl;
  explicit LocalCluster(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

namespace internal {

// The orrery command: $ORRERY_HOME/bin/orrery, beside this executable, or on PATH. "" when there is none.
std::string FindOrreryCommand();
// The workers among the direct children of a node manager, from /proc: those that write to a worker's log.
std::map<WorkerId, int> WorkersOf(int pid);

}  // namespace internal
}  // namespace orrery
