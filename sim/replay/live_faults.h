// The scenario's faults as signals to real processes.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "runtime/common/random.h"
#include "sim/replay/replay_cluster.h"
#include "sim/replay/replay_driver.h"

namespace orrery {

class LiveFaults {
 public:
  // What is possible here: kill_worker, kill_node, restart_node, kill_driver, kill_gcs. kInvalidArgument names another
  // kind.
  static Status Check(const std::vector<FaultSpec>& faults);

  LiveFaults(const std::vector<FaultSpec>& faults, uint64_t seed, ReplayCluster& cluster, Recording& recording,
             std::vector<std::unique_ptr<ReplayDriver>>& drivers);
  void Begin(ReplayLoop& loop);
  uint64_t fired() const;
  // Faults that were asked for and hit nothing.
  std::vector<std::string> NeverFired() const;

 private:
  static constexpr Duration kTryAgain = Duration::Millis(20);
  void FireAt(Time at, size_t index, ReplayLoop& loop);
  bool Fire(size_t index);
  void Heal(size_t index);
  bool KillWorkers(const FaultSpec& spec);
  bool KillNodes(size_t index);
  bool KillGcs(const FaultSpec& spec);
  bool KillDrivers(const FaultSpec& spec);
  std::vector<WorkerId> BusyWorkers();
  std::vector<size_t> NodesOf(const FaultTarget& target);
  std::vector<WorkerId> WorkersOf(const FaultTarget& target);
  void Record(const FaultSpec& spec, const std::string& whom);

  const std::vector<FaultSpec>& faults_;
  Random random_;
  ReplayCluster& cluster_;
  Recording& recording_;
  std::vector<std::unique_ptr<ReplayDriver>>& drivers_;
  std::vector<uint64_t> fired_;
  std::vector<std::vector<size_t>> hit_;  // per fault: nodes to start again
};

}  // namespace orrery
