// The way of an actor's incarnation into the world: a place, a worker there, the constructor run. One story, top to
// bottom.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/common/lookup.h"
#include "runtime/common/settings.h"
#include "runtime/env/env.h"
#include "runtime/gcs/actor_record.h"
#include "runtime/gcs/node_table.h"
#include "runtime/gcs/resource_manager.h"
#include "runtime/messages/pending_requests.h"

namespace orrery {

// What an answer meant for its actor.
struct ActorOutcome {
  enum class Kind : uint8_t {
    kNone,     // nothing to do
    kAgain,    // this place did not work out; another one
    kCreated,  // the constructor has returned
    kFailed,   // it never will: `status` says why
    kLost,     // the process is gone: `status` says how
  };
  Kind kind = Kind::kNone;
  ActorId actor;
  Status status = {};
};

// The GCS leases workers from node managers as owners do, by the same messages (RequestLease with grant_or_reject), so
// that a repeated question is harmless and a question about an old lease tells whether its worker still lives. Unlike
// Ray's gcs_actor_scheduler.cc it asks the node that its own view names, rather than the owner's.
class ActorCreation {
 public:
  // Who the leases belong to: no process of any node has this id.
  static constexpr WorkerId kOwner = WorkerId::Of(NodeId{0}, 1);

  ActorCreation(StateStore& store, const Settings& settings, NodeTable& nodes, ResourceManager& resources)
      : store_(store),
        nodes_(nodes),
        resources_(resources),
        requests_(store, TimerKind::kActorRetry, settings.request_retry_interval) {}

  // 1. Looks for a place.
  void Begin(ActorRecord& actor, NodeId refused_by = {});
  // 2. There is one (or never will be): asks that node for a worker.
  ActorOutcome OnPlaced(ActorRecord& actor, const ResourceManager::Placed& placed);
  // 3. It grants one, which is sent the constructor's call.
  ActorOutcome OnLeaseReply(ActorRecord& actor, const Address& from, const msg::LeaseReply& reply);
  // 4. The constructor has returned, or thrown.
  ActorOutcome OnTaskReply(ActorRecord& actor, const Address& from, const msg::TaskReply& reply);

  // The process of this lease has ended.
  ActorOutcome OnWorkerFailed(ActorRecord& actor, const msg::WorkerFailed& notice);
  ActorOutcome OnNodeDead(ActorRecord& actor, const std::string& reason);
  // An actor of a GCS before this one; its place in the numbering is taken.
  void Restore(const ActorRecord& actor);
  void RestoreCounter(uint64_t last_lease) { last_lease_ = last_lease; }
  // A living one goes on where it was; the last process of a dead one must go, should it still be there.
  void Resume(ActorRecord& actor);
  // The node's connection was broken: is the worker still there?
  void Confirm(ActorRecord& actor);
  // The actor is to have no process any more.
  void Stop(ActorRecord& actor);
  // The process is to end; OnWorkerFailed follows.
  void Kill(ActorRecord& actor);
  // A lease that no actor has: a worker for nobody goes back.
  void OnStrayReply(const Address& from, const msg::LeaseReply& reply);
  void OnStrayFailure(LeaseId lease);
  void OnReturnLeaseReply(const msg::ReturnLeaseReply& reply);
  void OnTimer() { requests_.OnTimer(); }
  void ForgetNode(const Address& node_manager);

  // Of an actor with a lease; {} for others.
  ActorId Of(LeaseId lease) const;
  size_t pending() const { return requests_.size(); }
  size_t leases() const { return by_lease_.size(); }

 private:
  void AskForWorker(ActorRecord& actor);
  void PushCreation(ActorRecord& actor, const msg::LeaseReply& grant);
  void ForgetLease(ActorRecord& actor);

  StateStore& store_;
  NodeTable& nodes_;
  ResourceManager& resources_;
  PendingRequests requests_;
  Lookup<LeaseId, ActorId> by_lease_;
  uint64_t last_lease_ = 0;
  uint64_t last_push_ = 0;
};

}  // namespace orrery
