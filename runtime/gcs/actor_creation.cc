#include "runtime/gcs/actor_creation.h"

#include <utility>

#include "runtime/messages/convert.h"
#include "runtime/messages/message.h"
#include "runtime/messages/orrery.pb.h"

namespace orrery {

namespace {
RequestKey LeaseKeyOf(LeaseId lease) { return {MessageKind::kRequestLease, lease.index, 0}; }
RequestKey CancelKey(LeaseId lease) { return {MessageKind::kCancelLease, lease.index, 0}; }
RequestKey ReturnKey(LeaseId lease) { return {MessageKind::kReturnLease, lease.index, 0}; }
RequestKey KillKey(LeaseId lease) { return {MessageKind::kKillLeasedWorker, lease.index, 0}; }
RequestKey PushKey(LeaseId lease) { return {MessageKind::kPushTask, lease.index, 0}; }
using Kind = ActorOutcome::Kind;
}  // namespace

void ActorCreation::Begin(ActorRecord& actor, NodeId refused_by) {
  if (!actor.lease) {
    actor.lease = {kOwner, ++last_lease_};
    store_.PutCounter("last_actor_lease", last_lease_);
    actor.hop = 0;
    by_lease_.Insert(actor.lease, actor.id);
  }
  actor.step = ActorRecord::Step::kPlacing;
  actor.node = {};
  actor.worker = {};
  actor.address = {};
  resources_.Place(actor.lease, actor.job, FromProto(actor.options().placement()), actor.id.owner.node(), refused_by);
}

ActorOutcome ActorCreation::OnPlaced(ActorRecord& actor, const ResourceManager::Placed& placed) {
  if (actor.step != ActorRecord::Step::kPlacing || actor.lease != placed.lease) return {};
  if (!placed.status.ok()) return {Kind::kFailed, actor.id, placed.status};
  const NodeInfo* node = nodes_.Find(placed.node);
  if (node == nullptr || !node->alive()) return {Kind::kAgain, actor.id};
  actor.step = ActorRecord::Step::kLeasing;
  actor.node = placed.node;
  actor.node_manager = node->address;
  AskForWorker(actor);
  return {};
}

void ActorCreation::AskForWorker(ActorRecord& actor) {
  Draft<msg::RequestLease> request;
  ToProto(actor.lease, request->mutable_lease());
  request->mutable_spec()->CopyFrom(actor.options().placement());
  request->set_job(actor.job.value);
  request->set_grant_or_reject(true);
  request->set_hop(++actor.hop);
  actor.Store(store_);
  request->set_free_cpu(actor.options().free_cpu());
  for (const msg::TaskArg& arg : actor.spec().args()) {
    if (arg.object_task() == 0 || arg.size() <= 0) continue;
    msg::LeaseArg* needed = request->add_args();
    const ObjectId object{{{arg.object_owner()}, arg.object_task()}, arg.object_index()};
    ToProto(ObjectReference{object, FromProto(arg.owner_address())}, needed->mutable_object());
    needed->set_size(arg.size());
  }
  requests_.Send(LeaseKeyOf(actor.lease), actor.node_manager, std::move(request));
}

ActorOutcome ActorCreation::OnLeaseReply(ActorRecord& actor, const Address& from, const msg::LeaseReply& reply) {
  const bool asked = from == actor.node_manager && actor.step != ActorRecord::Step::kPlacing;
  const bool granted = reply.outcome() == msg::LeaseReply::GRANTED;
  if (!asked || (reply.hop() != actor.hop && !granted)) {
    store_.Trace({.kind = TraceKind::kStaleMessage, .node = NodeId{reply.node()}, .text = "LeaseReply"});
    return {};
  }
  requests_.Done(LeaseKeyOf(actor.lease));
  if (actor.step != ActorRecord::Step::kLeasing) {  // Confirm asked
    if (granted && WorkerId{reply.worker()} == actor.worker) {
      const bool unsaid = actor.step == ActorRecord::Step::kCreating && !requests_.Pending(PushKey(actor.lease));
      if (unsaid) PushCreation(actor, reply);  // by the GCS before this one, perhaps
      return {};
    }
    if (granted) Kill(actor);  // a new worker for a lease that the node had forgotten: that process goes as the old did
    return {Kind::kLost, actor.id, {StatusCode::kWorkerDied, "its process has ended"}};
  }
  switch (reply.outcome()) {
    case msg::LeaseReply::GRANTED:
      actor.step = ActorRecord::Step::kCreating;
      actor.worker = WorkerId{reply.worker()};
      actor.address = FromProto(reply.worker_address());
      PushCreation(actor, reply);
      return {};
    case msg::LeaseReply::FAILED:
      return {Kind::kFailed, actor.id, {static_cast<StatusCode>(reply.status()), reply.message()}};
    case msg::LeaseReply::CANCELLED: ForgetLease(actor); return {Kind::kAgain, actor.id};
    default: return {Kind::kAgain, actor.id, {StatusCode::kUnavailable, "rejected"}};
  }
}

void ActorCreation::PushCreation(ActorRecord& actor, const msg::LeaseReply& grant) {
  actor.Store(store_);
  Draft<msg::PushTask> push;
  push->mutable_spec()->CopyFrom(actor.spec());
  push->mutable_spec()->set_job(actor.job.value);
  push->set_attempt(actor.incarnation);
  push->set_incarnation(actor.incarnation);
  push->set_sequence(++last_push_);
  push->mutable_gpus()->CopyFrom(grant.gpus());
  requests_.Send(PushKey(actor.lease), actor.address, std::move(push));
}

ActorOutcome ActorCreation::OnTaskReply(ActorRecord& actor, const Address& from, const msg::TaskReply& reply) {
  if (actor.step != ActorRecord::Step::kCreating || from != actor.address || reply.attempt() != actor.incarnation ||
      !requests_.Done(PushKey(actor.lease))) {
    store_.Trace({.kind = TraceKind::kStaleMessage, .worker = actor.worker, .text = "TaskReply"});
    return {};
  }
  if (reply.status() == 0) {
    actor.step = ActorRecord::Step::kNone;
    return {Kind::kCreated, actor.id};
  }
  return {
      Kind::kFailed, actor.id, {static_cast<StatusCode>(reply.status()), "its constructor failed: " + reply.error()}};
}

ActorOutcome ActorCreation::OnWorkerFailed(ActorRecord& actor, const msg::WorkerFailed& notice) {
  requests_.Done(KillKey(actor.lease));
  if (!actor.worker || WorkerId{notice.worker()} != actor.worker) return {};  // the lease is asked about anyhow
  ForgetLease(actor);
  return {Kind::kLost, actor.id, {StatusCode::kWorkerDied, notice.reason()}};
}

ActorOutcome ActorCreation::OnNodeDead(ActorRecord& actor, const std::string& reason) {
  const bool leasing = actor.step == ActorRecord::Step::kLeasing;
  ForgetLease(actor);
  if (leasing) return {Kind::kAgain, actor.id};
  return {Kind::kLost, actor.id, {StatusCode::kNodeDied, ToString(actor.node) + " died: " + reason}};
}

void ActorCreation::Restore(const ActorRecord& actor) {
  if (actor.lease && !actor.dead()) by_lease_.Insert(actor.lease, actor.id);
}

void ActorCreation::Resume(ActorRecord& actor) {
  const bool placing = actor.phase == ActorPhase::kPendingCreation || actor.phase == ActorPhase::kRestarting;
  if (!actor.lease) {
    if (placing) Begin(actor);  // it waits for room: a lease is in its row from when a node is asked
    return;
  }
  if (actor.dead()) {
    Kill(actor);
    actor.lease = {};
    actor.worker = {};
    actor.address = {};
  } else if (actor.step == ActorRecord::Step::kPlacing) {
    Begin(actor);
  } else {
    actor.hop += 1u << 16;  // questions of the GCS before this one that are not in the row
    AskForWorker(actor);
  }
}

void ActorCreation::Confirm(ActorRecord& actor) {
  if (actor.worker) AskForWorker(actor);
}

void ActorCreation::Stop(ActorRecord& actor) {
  const LeaseId lease = actor.lease;
  if (!lease) return;
  if (actor.step == ActorRecord::Step::kPlacing) {
    resources_.OnCancelPick(lease);
  } else if (actor.worker) {
    Kill(actor);
  } else if (actor.step == ActorRecord::Step::kLeasing) {
    Draft<msg::CancelLease> cancel;
    ToProto(lease, cancel->mutable_lease());
    cancel->set_hop(actor.hop);
    requests_.Send(CancelKey(lease), actor.node_manager, std::move(cancel));
  }
  ForgetLease(actor);
}

void ActorCreation::Kill(ActorRecord& actor) {
  Draft<msg::KillLeasedWorker> kill;
  ToProto(actor.lease, kill->mutable_lease());
  kill->set_worker(actor.worker.value);
  requests_.Send(KillKey(actor.lease), actor.node_manager, std::move(kill));
}

void ActorCreation::OnStrayReply(const Address& from, const msg::LeaseReply& reply) {
  const LeaseId lease = FromProto(reply.lease());
  requests_.Done(CancelKey(lease));
  if (reply.outcome() != msg::LeaseReply::GRANTED || requests_.Pending(KillKey(lease))) return;
  Draft<msg::ReturnLease> back;
  ToProto(lease, back->mutable_lease());
  back->set_worker(reply.worker());
  back->set_worker_broken(true);  // it may have begun to be an actor
  requests_.Send(ReturnKey(lease), from, std::move(back));
}

void ActorCreation::OnStrayFailure(LeaseId lease) { requests_.Done(KillKey(lease)); }

void ActorCreation::OnReturnLeaseReply(const msg::ReturnLeaseReply& reply) {
  requests_.Done(ReturnKey(FromProto(reply.lease())));
}

void ActorCreation::ForgetNode(const Address& node_manager) {
  for (const RequestKey& key : requests_.KeysTo(node_manager)) requests_.Done(key);
}

ActorId ActorCreation::Of(LeaseId lease) const {
  const ActorId* actor = by_lease_.Find(lease);
  return actor == nullptr ? ActorId{} : *actor;
}

void ActorCreation::ForgetLease(ActorRecord& actor) {
  requests_.Done(LeaseKeyOf(actor.lease));
  requests_.Done(PushKey(actor.lease));
  by_lease_.Erase(actor.lease);
  actor.lease = {};
  actor.step = ActorRecord::Step::kNone;
  actor.worker = {};
  actor.address = {};
}

}  // namespace orrery
