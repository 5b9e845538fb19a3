// Room for jobs of higher priority, made by tasks of lower ones.
#pragma once

#include <cstddef>
#include <map>
#include <vector>

#include "runtime/common/ids.h"
#include "runtime/common/resources.h"
#include "runtime/common/settings.h"
#include "runtime/env/env.h"
#include "runtime/gcs/node_table.h"
#include "runtime/gcs/resource_manager.h"
#include "runtime/messages/kinds.h"

namespace orrery {

// With job_preemption: priority (and job_scheduling other than fifo), a lease that has waited for job_preemption_delay
// makes room for itself: on one node, tasks of jobs with a lower priority end, and are run again later; that costs them
// no retry. The node is the one whose victims have the lowest priority, and among those the one that lacks least. Only
// tasks: actors and placement groups keep what they have. The room goes to the best claim, as any other room. (Slurm
// calls this PreemptType=preempt/partition_prio with PreemptMode=REQUEUE.)
class JobPreemption {
 public:
  // Leases of one queue that get room in one round.
  static constexpr size_t kPerQueue = 100;
  // A lease waits for up to a quarter of the delay longer.
  static constexpr int64_t kRoundsPerDelay = 4;

  JobPreemption(Env& env, const Settings& settings, NodeTable& nodes, const ResourceManager& resources)
      : env_(env),
        nodes_(nodes),
        resources_(resources),
        enabled_(settings.job_preemption == "priority" && resources.jobs().ordered()),
        delay_(settings.job_preemption_delay) {}

  // After every event: looks again when something may have waited for long enough.
  void Watch();
  void OnTimer();
  void OnReport(const msg::ResourceReport& report);
  void OnNodeDead(NodeId node) { by_tasks_.erase(node); }

 private:
  struct Ask {
    NodeId node;
    ResourceSet amounts;
    Time when;
  };
  // Where room can be made for a lease, and by whom.
  struct Plan {
    NodeId node;
    int32_t priority = 0;  // the highest among those who end
    double lacking = 0;  // the largest share of the node that is wanted beyond what is free
    std::vector<JobId> jobs;  // lowest priority first
    bool Better(const Plan& other) const;
  };

  Plan PlanOn(const NodeView& node, const ResourceManager::Waiting& lease) const;
  // On that node, for leases that have asked and do not have it yet.
  ResourceSet BeingMade(NodeId node) const;
  void MakeRoom(const ResourceManager::Waiting& lease, const Plan& plan);

  Env& env_;
  NodeTable& nodes_;
  const ResourceManager& resources_;
  const bool enabled_;
  const Duration delay_;
  bool armed_ = false;
  std::map<NodeId, std::map<JobId, ResourceSet>> by_tasks_;  // as reported
  std::map<LeaseId, Ask> asked_;
};

}  // namespace orrery
