#include "runtime/gcs/actor_manager.h"

#include <utility>

#include "runtime/messages/convert.h"
#include "runtime/messages/message.h"
#include "runtime/messages/orrery.pb.h"

namespace orrery {

namespace {
std::string Describe(const ActorRecord& actor) {
  const std::string& name = actor.name.empty() ? actor.options().class_name() : actor.name;
  return ToString(actor.id) + (name.empty() ? "" : " (" + name + ")");
}
ActorId ActorOf(const msg::TaskSpec& creation) { return {WorkerId{creation.owner()}, creation.index()}; }
}  // namespace

void ToProto(const ActorRecord& actor, msg::ActorInfo* out) {
  ToProto(actor.id, out->mutable_actor());
  out->set_class_tag(actor.options().class_tag());
  out->set_class_name(actor.options().class_name());
  out->set_max_task_retries(actor.options().max_task_retries());
  out->set_max_pending_calls(actor.options().max_pending_calls());
  out->set_out_of_order(actor.options().out_of_order());
}

bool ActorManager::OnMessage(const Address& from, const Message& message) {
  switch (message.kind()) {
    case MessageKind::kRegisterActor: OnRegister(from, message.As<msg::RegisterActor>()); return true;
    case MessageKind::kCreateActor: OnCreate(from, message); return true;
    case MessageKind::kWatchActor: OnWatch(from, FromProto(message.As<msg::WatchActor>().actor())); return true;
    case MessageKind::kFindActor: OnFind(from, message.As<msg::FindActor>()); return true;
    case MessageKind::kKillActor: OnKill(from, message.As<msg::KillActor>()); return true;
    case MessageKind::kLeaseReply: OnLeaseReply(from, message.As<msg::LeaseReply>()); return true;
    case MessageKind::kReturnLeaseReply: creation_.OnReturnLeaseReply(message.As<msg::ReturnLeaseReply>()); return true;
    case MessageKind::kWorkerFailed: {
      const auto& notice = message.As<msg::WorkerFailed>();
      const LeaseId lease = FromProto(notice.lease());
      if (ActorRecord* actor = Find(creation_.Of(lease)))
        Apply(creation_.OnWorkerFailed(*actor, notice));
      else
        creation_.OnStrayFailure(lease);
      return true;
    }
    case MessageKind::kTaskReply: {
      const auto& reply = message.As<msg::TaskReply>();
      ActorRecord* actor = Find({WorkerId{reply.owner()}, reply.index()});
      if (actor != nullptr) Apply(creation_.OnTaskReply(*actor, from, reply));
      return true;
    }
    default: return false;
  }
}

void ActorManager::Restore(uint64_t last_lease, const std::vector<msg::StoredActor>& rows) {
  creation_.RestoreCounter(last_lease);
  std::map<uint64_t, ActorId> ends;
  for (const msg::StoredActor& row : rows) {
    ActorRecord actor = ActorRecord::FromRow(row);
    creation_.Restore(actor);
    if (actor.dead())
      ends.emplace(actor.end, actor.id);
    else if (!actor.name.empty())
      names_.emplace(std::pair(actor.name_space, actor.name), actor.id);
    actors_.emplace(actor.id, std::move(actor));
  }
  for (const auto& [end, id] : ends) dead_.push_back(id);
  if (!ends.empty()) last_end_ = ends.rbegin()->first;
}

void ActorManager::Start() {
  for (auto& [id, actor] : actors_) creation_.Resume(actor);
}

void ActorManager::OnRegister(const Address& from, const msg::RegisterActor& request) {
  const ActorId id = ActorOf(request.creation());
  Draft<msg::RegisterActorReply> reply;
  ToProto(id, reply->mutable_actor());
  const msg::ActorSpec& options = request.creation().actor();
  const auto taken = names_.find({options.name_space(), options.name()});
  if (actors_.count(id) == 0 && taken != names_.end() && !options.name().empty()) {
    const ActorRecord& other = actors_.at(taken->second);
    const bool same_class = other.options().class_tag() == options.class_tag();
    reply->set_status(static_cast<uint32_t>(StatusCode::kAlreadyExists));
    reply->set_message("the name '" + options.name() + "' is taken by " + Describe(other));
    if (options.get_if_exists() && same_class) ToProto(other, reply->mutable_existing());
    if (options.get_if_exists() && !same_class) {
      reply->set_status(static_cast<uint32_t>(StatusCode::kInvalidArgument));
      reply->set_message("the actor named '" + options.name() + "' is a " + other.options().class_name() + ", not a " +
                         options.class_name());
    }
  } else if (actors_.count(id) == 0) {
    ActorRecord actor;
    actor.id = id;
    if (Status refused = Register(actor, from, request); !refused.ok()) {
      reply->set_status(static_cast<uint32_t>(refused.code()));
      reply->set_message(refused.message());
    }
  }
  store_.Send(from, std::move(reply));
}

Status ActorManager::Register(ActorRecord& actor, const Address& from, const msg::RegisterActor& request) {
  const msg::ActorSpec& options = request.creation().actor();
  const JobId owner_job{request.creation().job()};
  const JobManager::Job* job = jobs_.Find(owner_job);
  if (job == nullptr || !job->running) return {StatusCode::kCancelled, ToString(owner_job) + " has ended"};
  if (Status status = ValidateRequest(FromProto(options.placement()).resources); !status.ok()) return status;
  actor.name = options.name();
  actor.name_space = options.name_space();
  actor.detached = options.detached();
  actor.restarts_left = options.max_restarts();
  Draft<msg::CreateActor> creation;
  creation->mutable_creation()->CopyFrom(request.creation());
  actor.creation = std::move(creation);
  // Its workers must outlive the job of its creator, and whatever it submits with it.
  actor.job = actor.detached ? jobs_.AddDetached(owner_job, "detached " + Describe(actor)) : owner_job;
  if (!actor.name.empty()) names_.emplace(std::pair(actor.name_space, actor.name), actor.id);
  ActorRecord& added = actors_.emplace(actor.id, std::move(actor)).first->second;
  added.Store(store_);
  Watch(added, from);
  return Status::Ok();
}

void ActorManager::OnCreate(const Address& from, const Message& request) {
  const ActorId id = ActorOf(request.As<msg::CreateActor>().creation());
  ActorRecord* actor = Find(id);
  if (actor == nullptr) return SendUnknown(id, from);
  Watch(*actor, from);
  if (actor->phase == ActorPhase::kDependenciesUnready) {
    actor->creation = request.Clone();
    Enter(*actor, ActorPhase::kPendingCreation);
    creation_.Begin(*actor);
  } else {
    SendState(*actor, from);
  }
}

void ActorManager::OnWatch(const Address& from, ActorId id) {
  ActorRecord* actor = Find(id);
  if (actor == nullptr) return SendUnknown(id, from);
  if (!actor->dead()) Watch(*actor, from);
  SendState(*actor, from);
}

void ActorManager::OnFind(const Address& from, const msg::FindActor& request) {
  Draft<msg::FindActorReply> reply;
  reply->set_request(request.request());
  const auto it = names_.find({request.name_space(), request.name()});
  if (it != names_.end()) {
    ToProto(actors_.at(it->second), reply->mutable_actor());
  } else {
    reply->set_status(static_cast<uint32_t>(StatusCode::kNotFound));
    reply->set_message("no living actor is named '" + request.name() + "' in namespace '" + request.name_space() + "'");
  }
  store_.Send(from, std::move(reply));
}

void ActorManager::OnKill(const Address& from, const msg::KillActor& request) {
  const ActorId id = FromProto(request.actor());
  ActorRecord* actor = Find(id);
  if (actor == nullptr) return SendUnknown(id, from, true);
  if (request.no_restart() && !actor->dead()) {
    Die(*actor, {StatusCode::kActorDied, request.reason()});
  } else if (actor->phase == ActorPhase::kAlive &&
             (request.incarnation() == actor->incarnation || request.incarnation() == UINT32_MAX)) {
    creation_.Kill(*actor);
  }
  SendState(*actor, from, true);
}

void ActorManager::OnLeaseReply(const Address& from, const msg::LeaseReply& reply) {
  if (ActorRecord* actor = Find(creation_.Of(FromProto(reply.lease()))))
    Apply(creation_.OnLeaseReply(*actor, from, reply));
  else
    creation_.OnStrayReply(from, reply);
}

void ActorManager::TakePlaces() {
  for (const ResourceManager::Placed& placed : resources_.TakePlaced()) {
    if (ActorRecord* actor = Find(creation_.Of(placed.lease))) Apply(creation_.OnPlaced(*actor, placed));
  }
}

void ActorManager::Apply(const ActorOutcome& outcome) {
  if (outcome.kind == ActorOutcome::Kind::kNone) return;
  ActorRecord& actor = actors_.at(outcome.actor);
  switch (outcome.kind) {
    case ActorOutcome::Kind::kAgain: return creation_.Begin(actor, actor.node);
    case ActorOutcome::Kind::kCreated: return Enter(actor, ActorPhase::kAlive);
    case ActorOutcome::Kind::kFailed: return Die(actor, outcome.status);
    case ActorOutcome::Kind::kLost: return Lost(actor, outcome.status);
    case ActorOutcome::Kind::kNone: return;
  }
}

void ActorManager::OnPeerLost(const Address& peer) {
  const auto it = watched_by_.find(peer);
  if (it == watched_by_.end()) return;
  for (ActorId id : it->second) actors_.at(id).watchers.erase(peer);
  watched_by_.erase(it);
}

// ---- ends -----------------------------------------------------------------------------------------------------------

template <class Predicate>
std::vector<ActorId> ActorManager::LivingWhere(Predicate predicate) const {
  std::vector<ActorId> ids;
  for (const auto& [id, actor] : actors_) {
    if (!actor.dead() && predicate(actor)) ids.push_back(id);
  }
  return ids;
}

void ActorManager::OnNodeDead(NodeId node, const Address& address, const std::string& reason) {
  creation_.ForgetNode(address);
  const auto owner_there = [&](const ActorRecord& actor) { return !actor.detached && actor.id.owner.node() == node; };
  for (ActorId id : LivingWhere(owner_there)) {
    Die(actors_.at(id), {StatusCode::kOwnerDied, "the node of its owner died: " + reason});
  }
  const auto there = [&](const ActorRecord& actor) { return actor.node == node && actor.lease; };
  for (ActorId id : LivingWhere(there)) Apply(creation_.OnNodeDead(actors_.at(id), reason));
}

void ActorManager::OnNodeReconnected(NodeId node) {
  for (ActorId id : LivingWhere([&](const ActorRecord& actor) { return actor.node == node; }))
    creation_.Confirm(actors_.at(id));
}

void ActorManager::OnWorkerDead(WorkerId worker) {
  const auto owned = [&](const ActorRecord& actor) { return !actor.detached && actor.id.owner == worker; };
  for (ActorId id : LivingWhere(owned)) {
    Die(actors_.at(id), {StatusCode::kOwnerDied, "its owner, " + ToString(worker) + ", has ended"});
  }
}

void ActorManager::OnJobFinished(JobId job, WorkerId driver) {
  OnWorkerDead(driver);
  for (ActorId id : LivingWhere([&](const ActorRecord& actor) { return actor.job == job; })) {
    Die(actors_.at(id), {StatusCode::kOwnerDied, ToString(job) + " has ended"});
  }
}

// A process is gone: the actor begins again, if it may.
void ActorManager::Lost(ActorRecord& actor, const Status& how) {
  if (actor.restarts_left == 0) {
    return Die(actor,
               {StatusCode::kActorDied, how.message() + (actor.options().max_restarts() == 0 ? " (max_restarts is 0)"
                                                                                             : " (no restarts left)")});
  }
  if (actor.restarts_left > 0) --actor.restarts_left;
  const NodeId node = actor.node;
  creation_.Stop(actor);
  ++actor.incarnation;
  Enter(actor, ActorPhase::kRestarting);
  creation_.Begin(actor, node);
}

void ActorManager::Die(ActorRecord& actor, Status why) {
  if (!actor.name.empty()) names_.erase({actor.name_space, actor.name});
  if (actor.detached) ended_jobs_.push_back(actor.job);
  actor.end = ++last_end_;
  const bool definite = why.code() == StatusCode::kInfeasible || why.code() == StatusCode::kOwnerDied ||
                        why.code() == StatusCode::kPlacementGroupRemoved;
  actor.death = {definite ? why.code() : StatusCode::kActorDied, Describe(actor) + ": " + why.message()};
  Enter(actor, ActorPhase::kDead);
  creation_.Stop(actor);
  for (const Address& watcher : std::exchange(actor.watchers, {})) {
    const auto it = watched_by_.find(watcher);
    it->second.erase(actor.id);
    if (it->second.empty()) watched_by_.erase(it);
  }
  dead_.push_back(actor.id);
  if (dead_.size() <= kDeadActorsKept) return;
  const ActorId oldest = dead_.front();
  dead_.pop_front();
  actors_.at(oldest).Erase(store_);
  actors_.erase(oldest);
}

void ActorManager::Enter(ActorRecord& actor, ActorPhase phase) {
  Transition(ActorRecord::Chart(), actor.phase, phase);
  actor.Store(store_);
  store_.Trace({.kind = TraceKind::kActorState,
                .task = {actor.id.owner, actor.id.index},
                .node = actor.node,
                .worker = actor.worker,
                .a = actor.incarnation,
                .b = static_cast<int64_t>(phase),
                .c = static_cast<int64_t>(actor.death.code()),
                .text = actor.death.message()});
  for (const Address& watcher : actor.watchers) SendState(actor, watcher);
}

void ActorManager::Watch(ActorRecord& actor, const Address& watcher) {
  if (actor.dead() || !actor.watchers.insert(watcher).second) return;
  watched_by_[watcher].insert(actor.id);
}

void ActorManager::SendState(const ActorRecord& actor, const Address& to, bool kill_answered) {
  Draft<msg::ActorState> state;
  ToProto(actor.id, state->mutable_actor());
  state->set_state(static_cast<uint32_t>(actor.phase));
  state->set_incarnation(actor.incarnation);
  if (actor.phase == ActorPhase::kAlive) {
    ToProto(actor.address, state->mutable_address());
    state->set_worker(actor.worker.value);
  }
  state->set_status(static_cast<uint32_t>(actor.death.code()));
  state->set_message(actor.death.message());
  state->set_kill_answered(kill_answered);
  store_.Send(to, std::move(state));
}

// Long dead, or of a cluster before this one.
void ActorManager::SendUnknown(ActorId id, const Address& to, bool kill_answered) {
  Draft<msg::ActorState> state;
  ToProto(id, state->mutable_actor());
  state->set_state(static_cast<uint32_t>(ActorPhase::kDead));
  state->set_incarnation(UINT32_MAX);
  state->set_status(static_cast<uint32_t>(StatusCode::kActorDied));
  state->set_message(ToString(id) + " is not known (any more)");
  state->set_kill_answered(kill_answered);
  store_.Send(to, std::move(state));
}

ActorRecord* ActorManager::Find(ActorId id) {
  const auto it = actors_.find(id);
  return it == actors_.end() ? nullptr : &it->second;
}

void ActorManager::Fill(msg::ClusterStatus& status) const {
  for (const auto& [id, actor] : actors_) {
    msg::ActorStatus* out = status.add_actors();
    ToProto(actor, out->mutable_info());
    out->set_state(static_cast<uint32_t>(actor.phase));
    out->set_restarts(actor.incarnation);
    out->set_name(actor.name);
    out->set_name_space(actor.name_space);
    out->set_detached(actor.detached);
    out->set_node(actor.dead() ? 0 : actor.node.value);
    out->set_worker(actor.worker.value);
    out->set_job(actor.job.value);
    out->set_death_reason(actor.death.message());
  }
}

void ActorManager::CheckInvariants(bool full) const {
  ORRERY_ASSERT(dead_.size() <= actors_.size() && names_.size() <= actors_.size());
  if (!full) return;
  size_t leases = 0, names = 0, watches = 0;
  for (const auto& [id, actor] : actors_) {
    leases += static_cast<bool>(actor.lease);
    names += !actor.dead() && !actor.name.empty();
    watches += actor.watchers.size();
    ORRERY_ASSERT((actor.phase == ActorPhase::kAlive) == (actor.lease && actor.step == ActorRecord::Step::kNone));
    ORRERY_ASSERT(!actor.lease || creation_.Of(actor.lease) == id);
    ORRERY_ASSERT(!actor.dead() || (!actor.lease && actor.watchers.empty()));
  }
  ORRERY_ASSERT(leases == creation_.leases() && names == names_.size());
  for (const auto& [watcher, ids] : watched_by_) watches -= ids.size();
  ORRERY_ASSERT(watches == 0);
}

}  // namespace orrery
