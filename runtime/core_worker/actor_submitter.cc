#include "runtime/core_worker/actor_submitter.h"

#include <utility>

#include "runtime/messages/convert.h"
#include "runtime/messages/message.h"
#include "runtime/messages/orrery.pb.h"

namespace orrery {

namespace {
RequestKey WatchKey(ActorId actor) { return {MessageKind::kWatchActor, actor.owner.value, actor.index}; }
RequestKey CheckKey(ActorId actor) { return {MessageKind::kCheckPeer, actor.owner.value, actor.index}; }
const msg::SubmitTask& SubmitOf(const OwnedTask& entry) { return entry.submit.As<msg::SubmitTask>(); }
ActorId CalleeOf(const OwnedTask& entry) { return FromProto(SubmitOf(entry).spec().callee()); }
}  // namespace

void WatchActor(CoreContext& core, ActorId actor) {
  if (core.requests.Pending(WatchKey(actor))) return;
  Draft<msg::WatchActor> watch;
  ToProto(actor, watch->mutable_actor());
  core.ToGcs(WatchKey(actor), std::move(watch));
}

Status ActorSubmitter::Accept(uint64_t task, OwnedTask& entry) {
  const ActorId id = CalleeOf(entry);
  const auto [it, added] = actors_.try_emplace(id);
  if (added) WatchActor(core_, id);
  Callee& callee = it->second;
  const int64_t limit = SubmitOf(entry).max_pending_calls();
  if (limit > 0 && static_cast<int64_t>(callee.waiting.size() + callee.in_flight.size()) >= limit) {
    return {StatusCode::kUnavailable,
            ToString(id) + " has too many unfinished calls (max_pending_calls = " + std::to_string(limit) + ")"};
  }
  callee.out_of_order = SubmitOf(entry).out_of_order();
  entry.lease = ++callee.last_place;
  callee.waiting.emplace(entry.lease, Call{task, false});
  return Status::Ok();
}

void ActorSubmitter::Enqueue(uint64_t task, const OwnedTask& entry) {
  const ActorId id = CalleeOf(entry);
  Callee& callee = actors_.at(id);
  if (callee.out_of_order && callee.Takes()) {
    callee.waiting.erase(entry.lease);
    return Push(callee, entry.lease, task);
  }
  callee.waiting[entry.lease] = {task, true};
  if (!callee.out_of_order) Pump(id);
}

std::vector<WorkerId> ActorSubmitter::BusyWorkers() const {
  std::vector<WorkerId> workers;
  for (const auto& [id, callee] : actors_) {
    if (!callee.in_flight.empty()) workers.push_back(callee.worker);
  }
  return workers;
}

void ActorSubmitter::Remove(uint64_t, const OwnedTask& entry) {
  const ActorId id = CalleeOf(entry);
  Callee* callee = Find(id);
  if (callee == nullptr || callee->waiting.erase(entry.lease) + callee->in_flight.erase(entry.lease) == 0) return;
  if (!callee->out_of_order) Pump(id);  // those behind may have waited for it
}

void ActorSubmitter::CancelPushed(uint64_t task, const OwnedTask& entry, bool recursive) {
  const Callee* callee = Find(CalleeOf(entry));
  if (callee == nullptr || !callee->address) return;
  Draft<msg::CancelRunning> cancel;  // never by force: that would end the actor, and others' calls with it
  cancel->set_owner(core_.id.value);
  cancel->set_index(task);
  cancel->set_recursive(recursive);
  core_.requests.Send({MessageKind::kCancelRunning, task, 0}, callee->address, std::move(cancel));
}

// Sends what may go, in order: the first whose arguments are not known stops those behind it.
void ActorSubmitter::Pump(ActorId id) {
  Callee& callee = actors_.at(id);
  if (!callee.Takes()) return;
  if (callee.out_of_order) return PumpOutOfOrder(callee);
  while (!callee.waiting.empty() && callee.waiting.begin()->second.ready) {
    const auto [place, call] = *callee.waiting.begin();
    callee.waiting.erase(callee.waiting.begin());
    Push(callee, place, call.task);
  }
}

void ActorSubmitter::PumpOutOfOrder(Callee& callee) {
  for (auto it = callee.waiting.begin(); it != callee.waiting.end();) {
    const auto [place, call] = *it;
    if (!call.ready) {
      ++it;
      continue;
    }
    it = callee.waiting.erase(it);
    Push(callee, place, call.task);
  }
}

void ActorSubmitter::Push(Callee& callee, uint64_t place, uint64_t task) {
  OwnedTask& entry = *tasks_->Find(task);
  Transition(OwnedTask::Chart(), entry.state, OwnedTask::State::kPushed);
  entry.push = ++core_.pushes;
  callee.in_flight.emplace_hint(callee.in_flight.end(), place, task);  // a hint only: it may belong elsewhere
  Draft<msg::PushTask> push;
  push->mutable_spec()->CopyFrom(SubmitOf(entry).spec());
  push->set_attempt(entry.attempt);
  push->set_sequence(entry.push);
  push->set_incarnation(callee.incarnation);
  core_.env.Send(callee.address, std::move(push));
}

void ActorSubmitter::OnTaskReply(const Address& from, msg::TaskReply& reply, OwnedTask& entry) {
  const uint64_t task = reply.index();
  const ActorId id = CalleeOf(entry);
  Callee& callee = actors_.at(id);
  if (callee.address != from || entry.push != reply.sequence() || callee.in_flight.erase(entry.lease) == 0) {
    return core_.env.Trace(
        {.kind = TraceKind::kStaleMessage, .task = {core_.id, task}, .attempt = reply.attempt(), .text = "TaskReply"});
  }
  if (entry.cancelled) core_.requests.Done({MessageKind::kCancelRunning, task, 0});
  if (reply.requeue()) return TakeBack(callee, task, entry);
  tasks_->Complete(
      task,
      {static_cast<StatusCode>(reply.status()), std::move(*reply.mutable_error()), std::move(*reply.mutable_stack()),
       callee.worker.node(), callee.worker, reply.start_ns(), reply.finish_ns()},
      reply.mutable_returns(), reply.stored_size() > 0 ? &reply.stored() : nullptr);
}

// It met a process that was about to end, and did not run: it keeps its place until the GCS tells what comes next.
void ActorSubmitter::TakeBack(Callee& callee, uint64_t task, OwnedTask& entry) {
  if (callee.ending == Ending::kNo) callee.ending = Ending::kIncarnation;
  if (entry.cancelled)
    return tasks_->Fail(task, {.status = StatusCode::kCancelled, .error = "cancelled before it ran"});
  Transition(OwnedTask::Chart(), entry.state, OwnedTask::State::kQueued);
  callee.waiting.emplace(entry.lease, Call{task, true});
}

void ActorSubmitter::OnActorState(const msg::ActorState& state) {
  const ActorId id = FromProto(state.actor());
  core_.requests.Done(WatchKey(id));
  Callee* callee = Find(id);
  if (callee == nullptr) return;
  const auto phase = static_cast<ActorPhase>(state.state());
  const bool news =
      !callee->heard || ActorRank(state.incarnation(), phase) > ActorRank(callee->incarnation, callee->phase);
  if (!news) return;
  callee->heard = true;
  const bool lost = phase == ActorPhase::kRestarting || state.incarnation() != callee->incarnation;
  callee->phase = phase;
  callee->incarnation = state.incarnation();
  if (phase == ActorPhase::kDead) {
    return FailAll(id, {static_cast<StatusCode>(state.status()), state.message()});
  }
  ForgetAddress(*callee);
  if (lost) FailInFlight(id, ToString(id) + " was restarted while the call was under way");
  callee = Find(id);
  if (phase != ActorPhase::kAlive) return;
  callee->address = FromProto(state.address());
  callee->worker = WorkerId{state.worker()};
  by_address_[callee->address] = id;
  Pump(id);
}

void ActorSubmitter::OnPeerLost(const Address& peer) {
  const auto it = by_address_.find(peer);
  if (it == by_address_.end()) return;
  Callee& callee = actors_.at(it->second);
  if (std::exchange(callee.doubtful, true)) return;  // it is being asked
  // Either it answers, or the GCS will tell what has become of it.
  core_.requests.Send(CheckKey(it->second), peer, Draft<msg::CheckPeer>());
}

void ActorSubmitter::OnPeerAlive(const Address& peer) {
  const auto it = by_address_.find(peer);
  if (it == by_address_.end()) return;
  const ActorId id = it->second;
  Callee& callee = actors_.at(id);
  core_.requests.Done(CheckKey(id));
  if (!callee.doubtful) return;
  FailInFlight(id, "the connection to " + ToString(id) + " broke while the call was under way");
  callee.doubtful = false;  // from now on: those that are tried again keep their places
  Pump(id);
}

void ActorSubmitter::OnKill(ActorId actor, bool for_good) {
  Callee* callee = Find(actor);
  if (callee == nullptr) return;  // the GCS hears of the kill before it is asked
  if (for_good)
    callee->ending = Ending::kForGood;
  else if (callee->address && callee->ending == Ending::kNo)
    callee->ending = Ending::kIncarnation;
}

void ActorSubmitter::OnGcsLost() {
  for (const auto& [id, callee] : actors_) WatchActor(core_, id);
}

uint32_t ActorSubmitter::Incarnation(ActorId actor) const {
  const auto it = actors_.find(actor);
  return it == actors_.end() || !it->second.heard ? UINT32_MAX : it->second.incarnation;
}

void ActorSubmitter::FailInFlight(ActorId id, const std::string& reason) {
  Callee& callee = actors_.at(id);
  const WorkerId worker = callee.worker;
  for (const auto& [place, task] : std::exchange(callee.in_flight, {})) {
    core_.requests.Done({MessageKind::kCancelRunning, task, 0});
    tasks_->AttemptFailed(
        task, {.status = StatusCode::kActorUnavailable, .error = reason, .node = worker.node(), .worker = worker});
  }
}

// The actor is dead: nothing of it is kept here. Should there be further calls, the GCS will say so again.
void ActorSubmitter::FailAll(ActorId id, const Status& why) {
  ForgetAddress(actors_.at(id));
  const Callee callee = std::move(actors_.at(id));
  actors_.erase(id);
  std::map<uint64_t, uint64_t> tasks = callee.in_flight;
  for (const auto& [place, call] : callee.waiting) tasks.emplace(place, call.task);
  for (const auto& [place, task] : tasks) {
    core_.requests.Done({MessageKind::kCancelRunning, task, 0});
    if (tasks_->Find(task) != nullptr) tasks_->Fail(task, {.status = why.code(), .error = why.message()});
  }
}

void ActorSubmitter::ForgetAddress(Callee& callee) {
  if (callee.ending == Ending::kIncarnation) callee.ending = Ending::kNo;
  if (!callee.address) return;
  const auto it = by_address_.find(callee.address);
  core_.requests.Done(CheckKey(it->second));
  by_address_.erase(it);
  callee.address = {};
  callee.doubtful = false;
}

ActorSubmitter::Callee* ActorSubmitter::Find(ActorId actor) {
  const auto it = actors_.find(actor);
  return it == actors_.end() ? nullptr : &it->second;
}

void ActorSubmitter::CheckInvariants(bool full) const {
  if (!full) return;
  size_t addresses = 0;
  for (const auto& [id, callee] : actors_) {
    addresses += static_cast<bool>(callee.address);
    ORRERY_ASSERT(static_cast<bool>(callee.address) == (callee.phase == ActorPhase::kAlive));
    ORRERY_ASSERT(callee.in_flight.empty() || callee.phase == ActorPhase::kAlive);
    for (const auto& [place, call] : callee.waiting)
      ORRERY_ASSERT(!callee.Takes() || !callee.out_of_order || !call.ready);
    // Only a head without arguments, doubt, or a kill keeps a call from a living actor.
    ORRERY_ASSERT(!callee.Takes() || callee.waiting.empty() || !callee.waiting.begin()->second.ready);
  }
  ORRERY_ASSERT(addresses == by_address_.size());
}

}  // namespace orrery
