// The placement groups of the cluster: created by two-phase commit, placed again when nodes die, removed.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "runtime/common/settings.h"
#include "runtime/env/env.h"
#include "runtime/gcs/job_manager.h"
#include "runtime/gcs/node_table.h"
#include "runtime/gcs/placement_group_record.h"
#include "runtime/gcs/resource_manager.h"
#include "runtime/messages/pending_requests.h"

namespace orrery {

// Source of the rules: Ray's gcs_placement_group_manager.cc and gcs_placement_group_scheduler.cc. Unlike there, several
// groups are in preparation at once, all nodes of a group are asked at once, and with one message each however many
// bundles they get: a group costs two round trips to its slowest node. What is placed is deducted from the view at
// once, so that two groups rarely meet on one node; where they do, the node refuses one, which is placed again.
class PlacementGroupManager {
 public:
  // Who the reservations belong to: no process of any node has this id.
  static constexpr WorkerId kOwner = WorkerId::Of(NodeId{0}, 2);
  // How long growing room is awaited before waiting groups are tried: reports come in crowds.
  static constexpr Duration kGrowthPause = Duration::Millis(10);
  static constexpr int kMaxBundles = 100'000;

  PlacementGroupManager(StateStore& store, const Settings& settings, NodeTable& nodes, ResourceManager& resources,
                        JobManager& jobs)
      : store_(store),
        nodes_(nodes),
        resources_(resources),
        jobs_(jobs),
        requests_(store, TimerKind::kGroupRetry, settings.request_retry_interval) {}

  // What a GCS before this one knew; before the first event.
  void Restore(uint64_t last_reservation, const std::vector<msg::StoredPlacementGroup>& rows);
  // Goes on where that one was: what was only prepared is given back, what was to be committed is.
  void Start();

  // Create-, Await-, Find-, RemovePlacementGroup, and what answers this class's own questions. False for other kinds.
  bool OnMessage(const Address& from, const Message& message);
  void OnRetryTimer() { requests_.OnTimer(); }
  void OnWaitTimer();
  void OnPeerLost(const Address& peer);
  void OnNodeDead(NodeId node, const Address& address);
  void OnNodeReconnected(const Address& address) { requests_.ResendTo(address); }
  void OnJobFinished(JobId job);
  // After every event: if there is more room than before, groups that wait are tried soon.
  void NoticeGrowth();

  void Fill(msg::ClusterStatus& status) const;
  // What waiting groups lack, for the autoscaler.
  void FillGangs(msg::AutoscalerState& state) const;
  const std::map<PlacementGroupId, PlacementGroupRecord>& all() const { return groups_; }
  void CheckInvariants(bool full) const;

 private:
  using Step = BundleReservation::Step;

  void OnCreate(const Address& from, const msg::CreatePlacementGroup& request);
  Status Create(const msg::PlacementGroupInfo& info);
  void OnAwait(const Address& from, const msg::AwaitPlacementGroup& request);
  void OnFind(const Address& from, const msg::FindPlacementGroup& request);
  void OnRemove(const Address& from, const msg::RemovePlacementGroup& request);
  void Remove(PlacementGroupRecord& group, const std::string& why);

  // Looks for nodes, and asks them. False: there are none now.
  bool TryPlace(PlacementGroupRecord& group);
  void Ask(PlacementGroupRecord& group, const BundlePlacement& placement, const std::vector<uint32_t>& bundles);
  void OnPrepared(const msg::BundlesPrepared& reply);
  void OnCommitted(const msg::BundlesCommitted& reply);
  void OnReturned(const msg::BundlesReturned& reply);
  void Commit(PlacementGroupRecord& group);
  void SendCommits(PlacementGroupRecord& group);
  // The round fails: what it has reserved goes back.
  void GiveUpRound(PlacementGroupRecord& group);
  // Every reservation that counts is committed: the group is created, unless bundles lost their nodes meanwhile.
  void Settle(PlacementGroupRecord& group);
  void Wait(PlacementGroupRecord& group);
  void TrySoon();
  void Return(PlacementGroupRecord& group, LeaseId id, BundleReservation& reservation);
  void SendReturn(const PlacementGroupRecord& group, LeaseId id, const BundleReservation& reservation);
  void Forget(PlacementGroupRecord& group, LeaseId id);
  void Opened(const PlacementGroupRecord& group, const BundleReservation& reservation, bool all_free);

  void Enter(PlacementGroupRecord& group, PlacementGroupPhase phase);
  // Answers who waits for the group.
  void Wake(PlacementGroupRecord& group);
  void Reply(const Address& to, uint64_t request, const Status& status, const PlacementGroupRecord* group);
  std::pair<PlacementGroupRecord*, BundleReservation*> Find(LeaseId reservation);
  PlacementGroupRecord* Find(PlacementGroupId id);

  StateStore& store_;
  NodeTable& nodes_;
  ResourceManager& resources_;
  JobManager& jobs_;
  PendingRequests requests_;
  std::map<PlacementGroupId, PlacementGroupRecord> groups_;
  std::map<uint64_t, PlacementGroupId> waiting_;  // by order of creation
  std::map<std::pair<std::string, std::string>, PlacementGroupId> names_;  // (namespace, name) of those not removed
  std::map<LeaseId, PlacementGroupId> by_reservation_;
  uint64_t last_reservation_ = 0;
  uint64_t last_order_ = 0;
  bool armed_ = false;  // kGroupsWait is set
};

}  // namespace orrery
