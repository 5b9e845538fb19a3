// What the autoscaler asks of the GCS: demand, nodes and since when they are idle, the floor, and draining.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "runtime/common/ids.h"
#include "runtime/common/settings.h"
#include "runtime/env/address.h"
#include "runtime/env/env.h"
#include "runtime/gcs/job_manager.h"
#include "runtime/gcs/node_table.h"
#include "runtime/gcs/placement_group_manager.h"
#include "runtime/gcs/resource_manager.h"
#include "runtime/gcs/state_store.h"
#include "runtime/messages/kinds.h"

namespace orrery {

// Source: Ray's gcs_autoscaler_state_manager.cc. Differences: owners report what waits beyond their lease requests, so
// that demand is known whole; each job has a floor of its own, floors can expire, and they outlive the GCS.
class AutoscalerStateManager {
 public:
  AutoscalerStateManager(StateStore& store, const Settings& settings, NodeTable& nodes, ResourceManager& resources,
                         const PlacementGroupManager& groups, JobManager& jobs)
      : env_(store), settings_(settings), nodes_(nodes), resources_(resources), groups_(groups), jobs_(jobs) {}

  // A row of kFloors, of the GCS before this one.
  void RestoreFloor(const StateRow& row);
  void OnReport(const msg::ResourceReport& report);
  void OnReportBacklog(const msg::ReportBacklog& report);
  // The owner asks for one more lease: that task is no backlog any more, also before the next report says so. Otherwise
  // work that nodes which join take at once would be counted as waiting still, and nodes would be launched for it
  // twice.
  void OnLeaseAsked(WorkerId owner, const SchedulingRequest& request);
  // Replaces the job's floor; that of a job which is over is ignored, as it would stay for ever.
  void OnRequestResources(const Address& from, const msg::RequestResources& request);
  void OnGetState(const Address& from, const msg::GetAutoscalerState& request);
  void OnDrainNode(const Address& from, const msg::DrainNode& request);
  // The node's own answer.
  void OnDrained(const msg::DrainNodeReply& reply);
  void OnNodeDead(NodeId node);
  void OnOwnerDead(WorkerId owner);
  void OnJobFinished(JobId job);

 private:
  struct Backlog {
    uint64_t count = 0;
    Time reported;
  };
  struct Floor {
    std::vector<std::pair<SchedulingRequest, uint64_t>> bundles;
    Time expires;
  };
  struct Activity {
    bool busy = false;
    Time idle_since;
  };
  void SetFloor(const msg::RequestResources& request, Time noted);
  void FillNode(const NodeInfo& node, msg::NodeLoad* out) const;
  void FillDemands(msg::AutoscalerState& state);
  void FillFloor(msg::AutoscalerState& state);
  void Answer(const Address& asker, NodeId node, bool accepted);

  StateStore& env_;
  const Settings& settings_;
  NodeTable& nodes_;
  ResourceManager& resources_;
  const PlacementGroupManager& groups_;
  JobManager& jobs_;
  std::map<WorkerId, std::map<SchedulingRequest, Backlog>> backlogs_;
  std::map<JobId, Floor> floors_;
  std::map<NodeId, Activity> activity_;
  std::map<NodeId, Address> drain_askers_;
};

}  // namespace orrery
