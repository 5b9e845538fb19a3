// The autoscaler process of a run, the provider it talks to, and the nodes that the provider gives out.
#pragma once

#include <memory>
#include <vector>

#include "runtime/autoscaler/autoscaler.h"
#include "sim/engine/engine.h"
#include "sim/platform/sim_provider.h"
#include "sim/scenario/scenario.h"

namespace orrery {

class SimCluster;

// Spawns the process on the head; kills and replaces it when the scenario asks for that.
class SimAutoscaler final : public InstanceHost, public EventHandler {
 public:
  // `first`: index of the first node of the cluster that is given out; the rest of them follow.
  SimAutoscaler(SimCluster& cluster, const Scenario& scenario, size_t first);

  void Start();
  const SimProvider& provider() const { return provider_; }
  // nullptr while it is dead.
  const Autoscaler* machine() const;
  int64_t kills() const { return kills_; }

  size_t FreeNode(const std::string& type) override;
  void StartInstance(size_t node, uint64_t instance) override;
  void EndInstance(size_t node) override;
  bool NodeBusy(size_t node) override;
  void OnEvent(uint64_t a, uint64_t b) override;

 private:
  void Spawn();

  SimCluster& cluster_;
  const Scenario& scenario_;
  const size_t first_;
  std::vector<bool> taken_;  // [node - first_]
  SimProvider provider_;
  Random random_;
  ProcessHandle process_;
  int64_t kills_ = 0;
};

}  // namespace orrery
