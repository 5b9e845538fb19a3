#include "runtime/core_worker/task_receiver.h"

#include <algorithm>
#include <utility>

#include "runtime/messages/convert.h"
#include "runtime/messages/message.h"
#include "runtime/messages/orrery.pb.h"

namespace orrery {

void TaskReceiver::OnPushTask(const Address& from, Message message) {
  const auto& push = message.As<msg::PushTask>();
  if (push.spec().has_actor() && OnCreation(from, push)) return;
  uint64_t& last = last_sequence_[from];
  if (push.sequence() <= last) {
    core_.env.Trace({.kind = TraceKind::kStaleMessage, .worker = core_.id, .text = "PushTask"});
    return;
  }
  last = push.sequence();
  Received received{from, std::move(message)};
  if (push.spec().has_callee()) {
    // Of another incarnation, or too late: its caller hears from the GCS what to do with it.
    const bool mine = FromProto(push.spec().callee()) == actor_ && push.incarnation() == incarnation_ && !exiting_;
    if (!mine) return Refuse(received, true);
  } else if (blocked_) {
    return Refuse(received, true);
  }
  queue_.push_back(std::move(received));
  StartNext();
}

// True when this copy of the GCS's question needs nothing to be run: the constructor runs, or has returned.
bool TaskReceiver::OnCreation(const Address& from, const msg::PushTask& push) {
  const ActorId id{WorkerId{push.spec().owner()}, push.spec().index()};
  const auto same = [&](const Received& received) {
    const auto& other = received.push.As<msg::PushTask>().spec();
    return other.owner() == push.spec().owner() && other.index() == push.spec().index();
  };
  if (running_ && same(*running_)) {
    running_->from = from;
    owner_gone_ = false;
    return true;
  }
  if (actor_ != id) return false;
  Draft<msg::TaskReply> reply;
  reply->set_owner(id.owner.value);
  reply->set_index(id.index);
  reply->set_attempt(push.attempt());
  reply->set_sequence(push.sequence());
  core_.env.Send(from, std::move(reply));
  return true;
}

void TaskReceiver::StartNext() {
  if (exiting_) RequeueAll();
  if (running_ || queue_.empty()) return;
  running_ = std::move(queue_.front());
  queue_.pop_front();
  owner_gone_ = false;
  auto& push = running_->push.As<msg::PushTask>();
  Draft<msg::ExecuteTask> execute;
  running_->creation = push.spec().has_actor();
  // The spec moves to the executor; what the reply needs stays here.
  msg::TaskSpec* kept = push.mutable_spec();
  execute->mutable_spec()->Swap(kept);
  kept->set_owner(execute->spec().owner());
  kept->set_index(execute->spec().index());
  execute->set_attempt(push.attempt());
  execute->mutable_gpus()->Swap(push.mutable_gpus());
  bool stored = false;
  for (const msg::TaskArg& arg : execute->spec().args()) {
    stored |= arg.object_task() != 0;
    for (const msg::RefProto& ref : arg.refs()) guarded_.push_back(FromProto(ref).id);
  }
  if (!stored) return core_.env.Send(Address::Executor(), std::move(execute));
  phase_ = Phase::kFetching;
  held_back_ = std::move(execute);
  FetchArguments();
}

// The lease has them pinned in the node's store: this only finds out where they lie.
void TaskReceiver::FetchArguments() {
  for (const msg::TaskArg& arg : held_back_.As<msg::ExecuteTask>().spec().args()) {
    if (arg.object_task() == 0) continue;
    const ObjectId object{{{arg.object_owner()}, arg.object_task()}, arg.object_index()};
    mapped_.push_back(object);
    guarded_.push_back(object);
    objects_.client.Acquire({object, FromProto(arg.owner_address())}, arg.size(), StoreClient::kArguments);
  }
  OnArgumentLocal();
}

void TaskReceiver::OnArgumentLocal() {
  if (phase_ != Phase::kFetching) return;
  for (ObjectId object : mapped_) {
    if (!objects_.client.Settled(object)) return;
  }
  ExecuteFetched();
}

void TaskReceiver::ExecuteFetched() {
  phase_ = Phase::kExecuting;
  Message execute = std::move(held_back_);
  auto& body = execute.As<msg::ExecuteTask>();
  for (msg::TaskArg& arg : *body.mutable_spec()->mutable_args()) {
    if (arg.object_task() == 0) continue;
    const ObjectId object{{{arg.object_owner()}, arg.object_task()}, arg.object_index()};
    const ObjectView& view = objects_.client.Find(object);
    if (!view.status.ok()) {
      Draft<msg::TaskExecuted> failed;
      failed->set_owner(body.spec().owner());
      failed->set_index(body.spec().index());
      failed->set_status(static_cast<uint32_t>(view.status.code()));
      failed->set_error("argument " + ToString(object) + " cannot be had: " + view.status.message());
      failed->set_start_ns(core_.env.Now().ns);
      failed->set_finish_ns(core_.env.Now().ns);
      return OnTaskExecuted(*failed);
    }
    arg.set_offset(view.offset);
    arg.set_size(view.size);
  }
  core_.env.Send(Address::Executor(), std::move(execute));
}

void TaskReceiver::OnTaskExecuted(msg::TaskExecuted& result) {
  ORRERY_ASSERT(running_);
  const auto& push = running_->push.As<msg::PushTask>();
  ORRERY_ASSERT(push.spec().owner() == result.owner() && push.spec().index() == result.index());
  if (running_->creation && result.status() == 0) {
    actor_ = {WorkerId{result.owner()}, result.index()};
    incarnation_ = push.incarnation();
  }
  if (result.exit_actor() && actor_) {
    exiting_ = true;
    core_.actions->ExitActor(actor_);
  }
  Message reply = MakeReply(result);
  const bool plain =
      result.stored_size() == 0 && mapped_.empty() && objects_.client.creations() == 0 && objects_.borrowing.quiet();
  if (!plain) return FinishWithObjects(std::move(reply));
  if (!owner_gone_) core_.env.Send(running_->from, std::move(reply));
  EndRunning();
}

Message TaskReceiver::MakeReply(msg::TaskExecuted& result) const {
  const auto& push = running_->push.As<msg::PushTask>();
  Draft<msg::TaskReply> reply;
  reply->set_owner(result.owner());
  reply->set_index(result.index());
  reply->set_attempt(push.attempt());
  reply->set_sequence(push.sequence());
  reply->set_status(result.status());
  // Touching an empty string would allocate it.
  if (!result.error().empty()) reply->mutable_error()->swap(*result.mutable_error());
  if (!result.stack().empty()) reply->mutable_stack()->swap(*result.mutable_stack());
  reply->mutable_returns()->Swap(result.mutable_returns());
  reply->set_start_ns(result.start_ns());
  reply->set_finish_ns(result.finish_ns());
  if (result.stored_size() > 0) reply->mutable_stored()->CopyFrom(result.stored());
  return reply;
}

// What was allocated is sealed, what was not is allocated first; the refs inside are kept for the submitter.
void TaskReceiver::FinishWithObjects(Message reply) {
  auto& body = reply.As<msg::TaskReply>();
  LetGoOfArguments();
  phase_ = Phase::kStoring;
  if (body.status() != 0 || owner_gone_) body.clear_stored();
  StoreResults(body);
  std::vector<ObjectReference> refs;
  for (const msg::StoredReturn& stored : body.stored()) {
    for (const msg::RefProto& ref : stored.refs()) refs.push_back(FromProto(ref));
  }
  if (!refs.empty()) {
    objects_.references.AddHandoffs(refs);
    handoffs_[{running_->from, body.sequence()}] = std::move(refs);
  }
  held_back_ = std::move(reply);
  if (storing_.empty()) SendReply();
}

void TaskReceiver::StoreResults(msg::TaskReply& reply) {
  const TaskId task{{reply.owner()}, reply.index()};
  std::vector<std::pair<ObjectId, int64_t>> unwritten;
  for (msg::StoredReturn& stored : *reply.mutable_stored()) {
    while (reply.returns_size() <= static_cast<int>(stored.position())) reply.add_returns();
    if (stored.size() <= 0) continue;
    stored.set_node(core_.id.node().value);  // known before the registration is confirmed
    ToProto(core_.options.node_manager, stored.mutable_node_manager());
    const ObjectId object{task, stored.position()};
    if (!objects_.client.Seal(object)) unwritten.emplace_back(object, stored.size());
  }
  objects_.client.AbandonTask(task);
  for (const auto& [object, size] : unwritten) {
    storing_.insert(object);
    objects_.client.Create({object, running_->from}, size, StoreClient::Purpose::kResult);
  }
}

void TaskReceiver::OnResultStored(ObjectId object, const Status& status) {
  if (storing_.erase(object) == 0) return;
  if (!status.ok() && status.code() != StatusCode::kAlreadyExists) {
    auto& reply = held_back_.As<msg::TaskReply>();
    reply.set_status(static_cast<uint32_t>(status.code()));
    reply.set_error("result " + std::to_string(object.index) + ": " + status.message());
    reply.clear_returns();
    reply.clear_stored();
  }
  if (storing_.empty()) SendReply();
}

// The reply lets go of the arguments' refs: what is kept of them must be registered before.
void TaskReceiver::SendReply() {
  objects_.borrowing.RegisterGuarded();
  const std::pair<Address, uint64_t> handoff{running_->from, held_back_.As<msg::TaskReply>().sequence()};
  if (owner_gone_ || held_back_.As<msg::TaskReply>().stored_size() == 0) {
    if (auto it = handoffs_.find(handoff); it != handoffs_.end()) {
      objects_.references.DropHandoffs(it->second);
      handoffs_.erase(it);
    }
  }
  Message reply = std::move(held_back_);
  if (!owner_gone_) objects_.borrowing.SendAfterRegistrations(running_->from, std::move(reply));
  phase_ = Phase::kExecuting;
  EndRunning();
}

void TaskReceiver::EndRunning() {
  running_.reset();
  guarded_.clear();
  if (blocked_) {
    blocked_ = false;
    TellNodeManager(false);
  }
  StartNext();
}

void TaskReceiver::LetGoOfArguments() {
  for (ObjectId object : mapped_) objects_.client.Drop(object);
  mapped_.clear();
}

bool TaskReceiver::Guards(ObjectId object) const {
  return running_ && std::find(guarded_.begin(), guarded_.end(), object) != guarded_.end();
}

void TaskReceiver::OnTaskReplyReceived(const Address& from, const msg::TaskReplyReceived& notice) {
  auto it = handoffs_.find({from, notice.sequence()});
  if (it == handoffs_.end()) return;
  const std::vector<ObjectReference> refs = std::move(it->second);
  handoffs_.erase(it);
  objects_.references.DropHandoffs(refs);
}

bool TaskReceiver::OnCancelRunning(const Address& from, const msg::CancelRunning& request) {
  const auto is_it = [&](const Received& received) {
    const msg::TaskSpec& spec = received.push.As<msg::PushTask>().spec();
    return received.from == from && spec.owner() == request.owner() && spec.index() == request.index();
  };
  if (running_ && is_it(*running_)) {
    if (phase_ == Phase::kStoring) return true;  // it has run
    if (phase_ == Phase::kFetching && !request.force()) {
      Refuse(*running_, false);
      LetGoOfArguments();
      held_back_ = {};
      phase_ = Phase::kExecuting;
      EndRunning();
    } else if (request.force()) {
      Draft<msg::Exit> exit;
      exit->set_code(1);
      exit->set_reason("a task was cancelled by force");
      core_.env.Send(Address::Host(), std::move(exit));
    } else {
      Draft<msg::InterruptTask> interrupt;
      interrupt->set_owner(request.owner());
      interrupt->set_index(request.index());
      core_.env.Send(Address::Executor(), std::move(interrupt));
    }
    return true;
  }
  if (auto it = std::find_if(queue_.begin(), queue_.end(), is_it); it != queue_.end()) {
    Refuse(*it, false);
    queue_.erase(it);
  }
  return false;
}

void TaskReceiver::OnOwnerLost(const Address& owner) {
  std::erase_if(queue_, [&](const Received& received) { return received.from == owner; });
  if (running_ && running_->from == owner) owner_gone_ = true;
  last_sequence_.Erase(owner);
  for (auto it = handoffs_.lower_bound({owner, 0}); it != handoffs_.end() && it->first.first == owner;) {
    const std::vector<ObjectReference> refs = std::move(it->second);
    it = handoffs_.erase(it);
    objects_.references.DropHandoffs(refs);
  }
}

void TaskReceiver::SetBlocked(bool blocked) {
  if (blocked_ == blocked || !running_) return;
  blocked_ = blocked;
  TellNodeManager(blocked);
  if (!blocked) return StartNext();
  if (!actor_) RequeueAll();  // an actor's calls have nowhere else to go
}

void TaskReceiver::RequeueAll() {
  for (; !queue_.empty(); queue_.pop_front()) Refuse(queue_.front(), true);
}

// The task will not run here: it is cancelled, or this worker is blocked or ends (`requeue`: it has used no attempt).
void TaskReceiver::Refuse(const Received& received, bool requeue) {
  const auto& push = received.push.As<msg::PushTask>();
  Draft<msg::TaskReply> reply;
  reply->set_owner(push.spec().owner());
  reply->set_index(push.spec().index());
  reply->set_attempt(push.attempt());
  reply->set_sequence(push.sequence());
  reply->set_requeue(requeue);
  if (!requeue) {
    reply->set_status(static_cast<uint32_t>(StatusCode::kCancelled));
    reply->set_error("cancelled before it ran");
  }
  core_.env.Send(received.from, std::move(reply));
}

void TaskReceiver::TellNodeManager(bool blocked) {
  Draft<msg::WorkerBlocked> notice;
  notice->set_worker(core_.id.value);
  notice->set_blocked(blocked);
  core_.env.Send(core_.options.node_manager, std::move(notice));
}

}  // namespace orrery
