// The global control service: one per cluster, on the head. Routes each message to the manager that decides it.
#pragma once

#include <string>
#include <vector>

#include "runtime/common/settings.h"
#include "runtime/env/env.h"
#include "runtime/gcs/actor_manager.h"
#include "runtime/gcs/autoscaler_state.h"
#include "runtime/gcs/health_monitor.h"
#include "runtime/gcs/job_manager.h"
#include "runtime/gcs/job_preemption.h"
#include "runtime/gcs/kv_manager.h"
#include "runtime/gcs/node_table.h"
#include "runtime/gcs/placement_group_manager.h"
#include "runtime/gcs/resource_manager.h"
#include "runtime/gcs/state_store.h"
#include "runtime/messages/message.h"

namespace orrery {

// What a GCS starts from.
struct StoredState {
  bool durable = false;        // Address::Storage() answers; otherwise a GCS that ends takes its cluster with it
  std::vector<StateRow> rows;  // of the GCS before this one, in any order
};

// Source of the division: Ray's src/ray/gcs. A successor knows nodes, deaths, jobs and the key-value store; what nodes
// have and ask for they tell again when they register with it.
class Gcs final : public StateMachine {
 public:
  Gcs(Env& env, Settings settings, StoredState stored = {});

  void Start() override;
  void OnMessage(const Address& from, Message message) override;
  void OnTimer(TimerKind kind, uint64_t id) override;
  void OnPeerLost(const Address& peer) override;
  void CheckInvariants(bool full) const override;

  const NodeTable& nodes() const { return nodes_; }
  const ResourceManager& resources() const { return resources_; }
  const JobManager& jobs() const { return jobs_; }
  const ActorManager& actors() const { return actors_; }
  const PlacementGroupManager& placement_groups() const { return groups_; }
  const KvManager& kv() const { return kv_; }

 private:
  static constexpr size_t kNewsRepeated = 100;  // latest deaths and ends told to a node that was cut off

  void Handle(const Address& from, Message message);
  void Restore(const std::vector<StateRow>& rows);
  void AfterEvent();
  void OnRegisterNode(const Address& from, const msg::RegisterNode& request);
  void OnClusterStatus(const Address& from, const msg::GetClusterStatus& request);
  void OnFinishJob(const Address& from, const msg::FinishJob& request);
  void OnOwnerDead(WorkerId owner);
  void OnShutdown(const msg::Shutdown& request);
  void FillJobs(msg::ClusterStatus& status) const;
  void DeclareDead(NodeId node, const std::string& reason);
  void FinishJob(JobId job, uint32_t status);
  void RepeatNews(const Address& node);
  void SendJobFinished(const Address& to, JobId job);
  // False when `node` is not an alive node: it is told of its own death, and must end.
  bool FromAliveNode(const Address& from, NodeId node);
  void SendNodeDied(const Address& to, NodeId node, const std::string& reason);

  Env& world_;
  StateStore env_;
  const Settings settings_;
  NodeTable nodes_;
  HealthMonitor health_;
  ResourceManager resources_;
  JobManager jobs_;
  JobPreemption preemption_;
  PlacementGroupManager groups_;
  AutoscalerStateManager autoscaler_;
  ActorManager actors_;
  KvManager kv_;
};

}  // namespace orrery
