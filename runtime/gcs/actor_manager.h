// The actors of the cluster: their life cycle, names, restarts and ends.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "runtime/gcs/actor_creation.h"
#include "runtime/gcs/actor_record.h"
#include "runtime/gcs/job_manager.h"

namespace orrery {

// Source of the rules: Ray's gcs_actor_manager.cc. An actor has at most one incarnation that callers are sent to: a
// successor is begun only when its predecessor's process has ended, or its node has been declared dead; and callers
// take answers only of the incarnation that they were told of last.
class ActorManager {
 public:
  static constexpr size_t kDeadActorsKept = 10'000;

  ActorManager(StateStore& store, const Settings& settings, NodeTable& nodes, ResourceManager& resources,
               JobManager& jobs)
      : store_(store), resources_(resources), jobs_(jobs), creation_(store, settings, nodes, resources) {}

  // What a GCS before this one knew; before the first event.
  void Restore(uint64_t last_lease, const std::vector<msg::StoredActor>& rows);
  void Start();

  // RegisterActor, CreateActor, WatchActor, FindActor, KillActor, and what answers this class's own questions.
  // False for other kinds.
  bool OnMessage(const Address& from, const Message& message);
  void OnTimer() { creation_.OnTimer(); }
  void OnPeerLost(const Address& peer);
  // The answers of the resource manager that have gathered. After every event.
  void TakePlaces();

  void OnNodeDead(NodeId node, const Address& address, const std::string& reason);
  void OnNodeReconnected(NodeId node);
  void OnWorkerDead(WorkerId worker);
  void OnJobFinished(JobId job, WorkerId driver);
  // Jobs of detached actors that have ended, since the last call.
  std::vector<JobId> TakeEndedJobs() { return std::exchange(ended_jobs_, {}); }

  void Fill(msg::ClusterStatus& status) const;
  const std::map<ActorId, ActorRecord>& all() const { return actors_; }
  void CheckInvariants(bool full) const;

 private:
  void OnRegister(const Address& from, const msg::RegisterActor& request);
  Status Register(ActorRecord& actor, const Address& from, const msg::RegisterActor& request);
  void OnCreate(const Address& from, const Message& request);
  void OnWatch(const Address& from, ActorId id);
  void OnFind(const Address& from, const msg::FindActor& request);
  void OnKill(const Address& from, const msg::KillActor& request);
  void OnLeaseReply(const Address& from, const msg::LeaseReply& reply);
  void Apply(const ActorOutcome& outcome);
  void Lost(ActorRecord& actor, const Status& how);
  void Die(ActorRecord& actor, Status why);
  void Enter(ActorRecord& actor, ActorPhase phase);
  void Watch(ActorRecord& actor, const Address& watcher);
  void SendState(const ActorRecord& actor, const Address& to, bool kill_answered = false);
  void SendUnknown(ActorId id, const Address& to, bool kill_answered = false);
  ActorRecord* Find(ActorId id);
  template <class Predicate>
  std::vector<ActorId> LivingWhere(Predicate predicate) const;

  StateStore& store_;
  ResourceManager& resources_;
  JobManager& jobs_;
  ActorCreation creation_;
  std::map<ActorId, ActorRecord> actors_;
  std::map<std::pair<std::string, std::string>, ActorId> names_;  // (namespace, name) of those that live
  std::map<Address, std::set<ActorId>> watched_by_;
  std::deque<ActorId> dead_;  // oldest first
  std::vector<JobId> ended_jobs_;
  uint64_t last_end_ = 0;
};

// Copies what a caller must know. Needs orrery.pb.h at the call.
void ToProto(const ActorRecord& actor, msg::ActorInfo* out);

}  // namespace orrery
