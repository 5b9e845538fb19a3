// Plays the scenario's faults on the simulated cluster, and counts how often each really fired.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sim/faults/message_faults.h"
#include "sim/platform/sim_cluster.h"

namespace orrery {

class FaultInjector final : public EventHandler {
 public:
  // Before the run starts. `cluster` and its scenario outlive the injector.
  FaultInjector(SimCluster& cluster, RunRecorder& recorder);

  // a: index of the fault; b: 0 fires it, 1 heals it.
  void OnEvent(uint64_t a, uint64_t b) override;
  // Names of faults that the scenario asked for and that hit nothing.
  std::vector<std::string> NeverFired() const;
  uint64_t fired() const;

 private:
  void Begin();
  void Fire(size_t index);
  void Heal(size_t index);
  bool KillWorkers(const FaultSpec& spec);
  bool KillNodes(size_t index, const FaultSpec& spec);
  bool SlowNodes(size_t index, const FaultSpec& spec);
  bool HitDisks(size_t index, const FaultSpec& spec);
  void SetDisk(const FaultSpec& spec, HostId host, bool broken);
  bool KillDrivers(const FaultSpec& spec);
  std::vector<size_t> NodesOf(const FaultSpec& spec);
  std::vector<size_t> NodesOf(const FaultTarget& target);
  void Record(const FaultSpec& spec, const std::string& whom);

  SimCluster& cluster_;
  RunRecorder& recorder_;
  MessageFaults messages_;
  Random random_;
  std::vector<uint64_t> fired_;
  std::vector<std::vector<size_t>> hit_;  // per fault: the nodes to heal
};

}  // namespace orrery
