#include "runtime/core_worker/actor_owner.h"

#include <utility>

#include "runtime/core_worker/actor_submitter.h"
#include "runtime/messages/convert.h"
#include "runtime/messages/message.h"
#include "runtime/messages/orrery.pb.h"

namespace orrery {

namespace {
RequestKey RegisterKey(uint64_t task) { return {MessageKind::kRegisterActor, task, 0}; }
RequestKey CreateKey(uint64_t task) { return {MessageKind::kCreateActor, task, 0}; }
RequestKey FindKey(uint64_t request) { return {MessageKind::kFindActor, request, 0}; }
RequestKey KillKey(ActorId actor) { return {MessageKind::kKillActor, actor.owner.value, actor.index}; }
}  // namespace

void ActorOwner::Accept(uint64_t task, const OwnedTask& entry) {
  const auto& submit = entry.submit.As<msg::SubmitTask>();
  Owned& owned = owned_[task];
  owned.request = submit.request();
  owned.detached = submit.spec().actor().detached();
  if (!owned.detached) objects_.store.Get({{core_.id, task}, 0})->Extra().actor = true;
  msg::TaskSpec& spec = *entry.submit.As<msg::SubmitTask>().mutable_spec();
  if (core_.job) spec.set_job(core_.job.value);
  msg::ActorSpec& options = *spec.mutable_actor();
  options.set_name_space(NameSpace(options.name_space()));
  ToProto(core_.options.self, options.mutable_owner_address());
  Draft<msg::RegisterActor> request;
  request->mutable_creation()->CopyFrom(spec);
  request->mutable_creation()->clear_args();
  core_.ToGcs(RegisterKey(task), std::move(request));
}

void ActorOwner::Enqueue(uint64_t task, OwnedTask& entry) {
  Owned& owned = owned_.at(task);
  owned.ready = true;
  if (owned.registered) SendCreate(task, entry);
}

void ActorOwner::SendCreate(uint64_t task, OwnedTask& entry) {
  Transition(OwnedTask::Chart(), entry.state, OwnedTask::State::kPushed);
  Draft<msg::CreateActor> create;
  create->mutable_creation()->CopyFrom(entry.submit.As<msg::SubmitTask>().spec());
  core_.ToGcs(CreateKey(task), std::move(create));
}

void ActorOwner::Remove(uint64_t task, const std::string& reason) {
  const auto it = owned_.find(task);
  if (it == owned_.end() || std::exchange(it->second.ending, true)) return;
  core_.requests.Done(CreateKey(task));
  Kill({core_.id, task}, true, 0, reason);
}

void ActorOwner::OnRegisterActorReply(const msg::RegisterActorReply& reply) {
  const uint64_t task = reply.actor().index();
  if (!core_.requests.Done(RegisterKey(task))) return;
  const auto it = owned_.find(task);
  if (it == owned_.end()) return;
  Owned& owned = it->second;
  const auto status = static_cast<StatusCode>(reply.status());
  const uint64_t request = std::exchange(owned.request, 0);
  OwnedTask* entry = tasks_->Find(task);
  if (status == StatusCode::kOk) {
    owned.registered = true;
    if (request != 0) {
      msg::ActorInfo info;
      ToProto(ActorId{core_.id, task}, info.mutable_actor());
      Answer(request, status, "", &info);
    }
    if (owned.ready && !owned.ending && entry != nullptr) SendCreate(task, *entry);
    return;
  }
  owned_.erase(it);  // it never was
  const bool found = reply.existing().has_actor();
  if (request != 0) Answer(request, found ? StatusCode::kOk : status, reply.message(), &reply.existing());
  if (entry != nullptr) tasks_->Fail(task, {.status = status, .error = reply.message()});
}

void ActorOwner::OnActorState(const msg::ActorState& state) {
  const ActorId id = FromProto(state.actor());
  if (state.kill_answered()) core_.requests.Done(KillKey(id));
  if (id.owner != core_.id) return;
  const uint64_t task = id.index;
  const auto phase = static_cast<ActorPhase>(state.state());
  // Before that the GCS has not seen CreateActor: this answers WatchActor, which may have overtaken it after a
  // connection was lost.
  if (phase != ActorPhase::kDependenciesUnready) core_.requests.Done(CreateKey(task));
  const auto it = owned_.find(task);
  if (it == owned_.end()) return;
  OwnedTask* entry = tasks_->Find(task);
  if (phase == ActorPhase::kAlive && !it->second.alive) {
    it->second.alive = true;
    if (entry == nullptr || entry->state != OwnedTask::State::kPushed) return;
    Hold(it->second, *entry);
    TaskManager::Values handle;
    *handle.Add() = "";
    const WorkerId worker{state.worker()};
    tasks_->Complete(task, {.node = worker.node(), .worker = worker}, &handle);
  } else if (phase == ActorPhase::kDead) {
    const std::vector<ObjectReference> held = std::move(it->second.held);
    owned_.erase(it);
    core_.requests.Done(RegisterKey(task));
    for (const ObjectReference& ref : held) objects_.references.DropTask(ref.id);
    entry = tasks_->Find(task);
    if (entry != nullptr)
      tasks_->Fail(task, {.status = static_cast<StatusCode>(state.status()), .error = state.message()});
  }
}

// What lies in stores, and refs inside values, as long as the constructor may run again.
void ActorOwner::Hold(Owned& owned, const OwnedTask& entry) {
  const auto& submit = entry.submit.As<msg::SubmitTask>();
  if (submit.spec().actor().max_restarts() == 0) return;
  const auto hold = [&](const ObjectReference& ref) {
    if (objects_.references.AddTask(ref)) owned.held.push_back(ref);
  };
  for (const msg::TaskArg& arg : submit.spec().args()) {
    if (arg.object_task() != 0 && arg.size() > 0) {
      const ObjectId object{{WorkerId{arg.object_owner()}, arg.object_task()}, arg.object_index()};
      hold({object, FromProto(arg.owner_address())});
    }
    for (const msg::RefProto& ref : arg.refs()) hold(FromProto(ref));
  }
}

void ActorOwner::OnGcsLost() {
  for (const auto& [task, owned] : owned_) {
    if (owned.registered) WatchActor(core_, {core_.id, task});
  }
}

void ActorOwner::OnGetActor(const msg::GetActor& request) {
  Draft<msg::FindActor> find;
  find->set_request(request.request());
  find->set_name(request.name());
  find->set_name_space(NameSpace(request.name_space()));
  core_.ToGcs(FindKey(request.request()), std::move(find));
}

void ActorOwner::OnFindActorReply(const msg::FindActorReply& reply) {
  if (!core_.requests.Done(FindKey(reply.request()))) return;
  Answer(reply.request(), static_cast<StatusCode>(reply.status()), reply.message(), &reply.actor());
}

void ActorOwner::Kill(ActorId actor, bool no_restart, uint32_t incarnation, const std::string& reason) {
  Draft<msg::KillActor> kill;
  ToProto(actor, kill->mutable_actor());
  kill->set_no_restart(no_restart);
  kill->set_incarnation(incarnation);
  kill->set_reason(reason);
  core_.ToGcs(KillKey(actor), std::move(kill));
}

void ActorOwner::Answer(uint64_t request, StatusCode status, const std::string& message, const msg::ActorInfo* actor) {
  Draft<msg::ActorFound> found;
  found->set_request(request);
  found->set_status(static_cast<uint32_t>(status));
  if (status == StatusCode::kOk)
    found->mutable_actor()->CopyFrom(*actor);
  else
    found->set_message(message);
  core_.env.Send(Address::Application(), std::move(found));
}

}  // namespace orrery
