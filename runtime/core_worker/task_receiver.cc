#include "runtime/core_worker/task_receiver.h"

#include <algorithm>
#include <utility>

#include "runtime/messages/convert.h"
#include "runtime/messages/message.h"
#include "runtime/messages/orrery.pb.h"

namespace orrery {

namespace {
const msg::PushTask& PushOf(const Received& received) { return received.push.As<msg::PushTask>(); }
TaskId TaskOf(const Received& received) {
  const msg::TaskSpec& spec = PushOf(received).spec();
  return {WorkerId{spec.owner()}, spec.index()};
}
bool Stored(const msg::TaskArg& arg) { return arg.object_task() != 0; }
ObjectId ObjectOf(const msg::TaskArg& arg) {
  return {{WorkerId{arg.object_owner()}, arg.object_task()}, arg.object_index()};
}
}  // namespace

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
  Enqueue(std::move(received));
  StartNext();
}

// True when this copy of the GCS's question needs nothing to be run: the constructor runs, or has returned.
bool TaskReceiver::OnCreation(const Address& from, const msg::PushTask& push) {
  const ActorId id{WorkerId{push.spec().owner()}, push.spec().index()};
  if (Execution* run = FindRunning({id.owner, id.index})) {
    run->task.from = from;
    run->owner_gone = false;
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

// In order, a task waits for its arguments when its turn has come; out of order, it takes its turn when it has them.
void TaskReceiver::Enqueue(Received&& received) {
  const msg::TaskSpec& spec = PushOf(received).spec();
  uint32_t group = 0;
  if (!queue_.plain() || !spec.concurrency_group().empty()) {
    Result<uint32_t> found = queue_.GroupOf(spec);
    if (!found.ok()) return RefuseWith(received, found.status());
    group = *found;
  }
  if (queue_.out_of_order() && Fetch(spec, received.mapped) && !Fetched(received.mapped)) {
    fetching_.emplace_back(group, std::move(received));
    return;
  }
  queue_.Push(group, std::move(received));
}

void TaskReceiver::StartNext() {
  if (exiting_) RequeueAll();
  while (const std::optional<uint32_t> group = queue_.Next()) Start(*group);
}

void TaskReceiver::Start(uint32_t group) {
  Execution& run = NewExecution();
  run.group = group;
  queue_.Take(group, run.task);
  auto& push = run.task.push.As<msg::PushTask>();
  Draft<msg::ExecuteTask> execute;
  run.creation = push.spec().has_actor();
  if (run.creation) queue_of_actor_ = SchedulingQueue(push.spec().actor());
  // The spec moves to the executor; what the reply needs stays here.
  msg::TaskSpec* kept = push.mutable_spec();
  execute->mutable_spec()->Swap(kept);
  kept->set_owner(execute->spec().owner());
  kept->set_index(execute->spec().index());
  run.max_unconsumed = execute->spec().max_unconsumed();
  execute->set_attempt(push.attempt());
  execute->mutable_gpus()->Swap(push.mutable_gpus());
  execute->set_execution(run.number);
  if (queue_.concurrent()) execute->set_thread_group(run.group + 1);
  bool stored = false;
  for (const msg::TaskArg& arg : execute->spec().args()) {
    if (Stored(arg)) run.guarded.push_back(ObjectOf(arg));
    stored |= Stored(arg);
    for (const msg::RefProto& ref : arg.refs()) run.guarded.push_back(FromProto(ref).id);
  }
  if (!stored) return core_.env.Send(Address::Executor(), std::move(execute));
  run.phase = Phase::kFetching;
  if (run.task.mapped.empty()) Fetch(execute->spec(), run.task.mapped);
  run.held_back = std::move(execute);
  if (Fetched(run.task.mapped)) return ExecuteFetched(run);
  queue_.Hold(run.group, true);
}

// The lease has them pinned in the node's store: this only finds out where they lie.
bool TaskReceiver::Fetch(const msg::TaskSpec& spec, std::vector<ObjectId>& mapped) {
  for (const msg::TaskArg& arg : spec.args()) {
    if (!Stored(arg)) continue;
    const ObjectId object = ObjectOf(arg);
    mapped.push_back(object);
    objects_.client.Acquire({object, FromProto(arg.owner_address())}, arg.size(), StoreClient::kArguments);
  }
  return !mapped.empty();
}

bool TaskReceiver::Fetched(const std::vector<ObjectId>& mapped) const {
  return std::all_of(mapped.begin(), mapped.end(), [&](ObjectId object) { return objects_.client.Settled(object); });
}

void TaskReceiver::OnArgumentLocal() {
  for (auto it = fetching_.begin(); it != fetching_.end();) {
    if (!Fetched(it->second.mapped)) {
      ++it;
      continue;
    }
    queue_.Push(it->first, std::move(it->second));
    it = fetching_.erase(it);
  }
  for (size_t i = 0; i < executions_.size(); ++i) {
    Execution& run = *executions_[i];
    if (run.phase != Phase::kFetching || !Fetched(run.task.mapped)) continue;
    queue_.Hold(run.group, false);
    ExecuteFetched(run);
  }
  StartNext();
}

void TaskReceiver::ExecuteFetched(Execution& run) {
  run.phase = Phase::kExecuting;
  Message execute = std::move(run.held_back);
  auto& body = execute.As<msg::ExecuteTask>();
  for (msg::TaskArg& arg : *body.mutable_spec()->mutable_args()) {
    if (!Stored(arg)) continue;
    const ObjectId object = ObjectOf(arg);
    const ObjectView& view = objects_.client.Find(object);
    if (!view.status.ok()) {
      Draft<msg::TaskExecuted> failed;
      failed->set_owner(body.spec().owner());
      failed->set_index(body.spec().index());
      failed->set_execution(run.number);
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
  ORRERY_ASSERT(result.execution() > 0 && result.execution() <= executions_.size());
  Execution& run = *executions_[result.execution() - 1];
  const auto& push = PushOf(run.task);
  ORRERY_ASSERT(run.phase == Phase::kExecuting && push.spec().owner() == result.owner() &&
                push.spec().index() == result.index());
  if (run.creation && result.status() == 0) {
    actor_ = {WorkerId{result.owner()}, result.index()};
    incarnation_ = push.incarnation();
  }
  if (result.exit_actor() && actor_) {
    exiting_ = true;
    core_.actions->ExitActor(actor_);
  }
  Message reply = MakeReply(run, result);
  const bool plain = result.stored_size() == 0 && run.task.mapped.empty() && objects_.client.creations() == 0 &&
                     objects_.borrowing.quiet();
  if (!plain) return FinishWithObjects(run, std::move(reply));
  if (!run.owner_gone) core_.env.Send(run.task.from, std::move(reply));
  End(run);
}

Message TaskReceiver::MakeReply(const Execution& run, msg::TaskExecuted& result) const {
  const auto& push = PushOf(run.task);
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
void TaskReceiver::FinishWithObjects(Execution& run, Message reply) {
  auto& body = reply.As<msg::TaskReply>();
  LetGo(run.task.mapped);
  run.phase = Phase::kStoring;
  if (body.status() != 0 || run.owner_gone) body.clear_stored();
  StoreResults(run, body);
  std::vector<ObjectReference> refs;
  for (const msg::StoredReturn& stored : body.stored()) {
    for (const msg::RefProto& ref : stored.refs()) refs.push_back(FromProto(ref));
  }
  if (!refs.empty()) {
    objects_.references.AddHandoffs(refs);
    handoffs_[{run.task.from, body.sequence()}] = std::move(refs);
  }
  run.held_back = std::move(reply);
  if (run.storing.empty()) SendReply(run);
}

void TaskReceiver::StoreResults(Execution& run, msg::TaskReply& reply) {
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
    run.storing.insert(object);
    objects_.client.Create({object, run.task.from}, size, StoreClient::Purpose::kResult);
  }
}

void TaskReceiver::OnResultStored(ObjectId object, const Status& status) {
  Execution* run = FindRunning(object.task);
  if (run == nullptr || run->storing.erase(object) == 0) return;
  if (run->phase == Phase::kExecuting) return OnItemStored(*run, status);
  if (!status.ok() && status.code() != StatusCode::kAlreadyExists) {
    auto& reply = run->held_back.As<msg::TaskReply>();
    reply.set_status(static_cast<uint32_t>(status.code()));
    reply.set_error("result " + std::to_string(object.index) + ": " + status.message());
    reply.clear_returns();
    reply.clear_stored();
  }
  if (run->storing.empty()) SendReply(*run);
}

// The reply lets go of the arguments' refs: what is kept of them must be registered before.
void TaskReceiver::SendReply(Execution& run) {
  objects_.borrowing.RegisterGuarded();
  const Address& to = run.task.from;
  const std::pair<Address, uint64_t> handoff{to, run.held_back.As<msg::TaskReply>().sequence()};
  if (run.owner_gone || run.held_back.As<msg::TaskReply>().stored_size() == 0) {
    if (auto it = handoffs_.find(handoff); it != handoffs_.end()) {
      objects_.references.DropHandoffs(it->second);
      handoffs_.erase(it);
    }
  }
  Message reply = std::move(run.held_back);
  if (!run.owner_gone) objects_.borrowing.SendAfterRegistrations(to, std::move(reply));
  End(run);
}

void TaskReceiver::End(Execution& run) {
  queue_.Finish(run.group, TaskOf(run.task));
  if (run.creation) {
    if (actor_) queue_ = std::move(queue_of_actor_);
    queue_of_actor_ = {};
  }
  run.phase = Phase::kFree;
  run.guarded.clear();
  Resume(run);
  run.yielded = run.taken = 0;
  run.yield = 0;
  run.dropped = false;
  run.item = {};
  free_.push_back(run.number);
  --running_;
  StartNext();
}

void TaskReceiver::LetGo(std::vector<ObjectId>& mapped) {
  for (ObjectId object : mapped) objects_.client.Drop(object);
  mapped.clear();
}

TaskReceiver::Execution& TaskReceiver::NewExecution() {
  if (free_.empty()) {
    executions_.push_back(std::make_unique<Execution>());
    free_.push_back(static_cast<uint32_t>(executions_.size()));
  }
  Execution& run = *executions_[free_.back() - 1];
  run.number = free_.back();
  free_.pop_back();
  run.phase = Phase::kExecuting;
  run.owner_gone = false;
  ++running_;
  return run;
}

TaskReceiver::Execution* TaskReceiver::FindRunning(TaskId task) {
  for (const auto& run : executions_) {
    if (run->phase != Phase::kFree && TaskOf(run->task) == task) return run.get();
  }
  return nullptr;
}

Address TaskReceiver::OwnerOf(TaskId running) const {
  const Execution* run = const_cast<TaskReceiver*>(this)->FindRunning(running);
  return run == nullptr ? Address{} : run->task.from;
}

bool TaskReceiver::Guards(ObjectId object) const {
  return std::any_of(executions_.begin(), executions_.end(), [&](const auto& run) {
    return std::find(run->guarded.begin(), run->guarded.end(), object) != run->guarded.end();
  });
}

void TaskReceiver::OnTaskReplyReceived(const Address& from, const msg::TaskReplyReceived& notice) {
  auto it = handoffs_.find({from, notice.sequence()});
  if (it == handoffs_.end()) return;
  const std::vector<ObjectReference> refs = std::move(it->second);
  handoffs_.erase(it);
  objects_.references.DropHandoffs(refs);
}

void TaskReceiver::OnCancelRunning(const Address& from, const msg::CancelRunning& request) {
  const TaskId task{WorkerId{request.owner()}, request.index()};
  Execution* run = FindRunning(task);
  if (run != nullptr && run->task.from == from) return CancelExecution(*run, request.force());
  if (std::optional<Received> waiting = queue_.Remove(from, task)) return Refuse(*waiting, false);
  const auto it = std::find_if(fetching_.begin(), fetching_.end(), [&](const auto& entry) {
    return entry.second.from == from && TaskOf(entry.second) == task;
  });
  if (it == fetching_.end()) return;
  Received received = std::move(it->second);
  fetching_.erase(it);
  Refuse(received, false);
}

void TaskReceiver::CancelExecution(Execution& run, bool force) {
  if (run.phase == Phase::kStoring) return;  // it has run
  if (run.phase == Phase::kFetching && !force) {
    queue_.Hold(run.group, false);
    Refuse(run.task, false);
    run.held_back = {};
    return End(run);
  }
  if (force) {
    Draft<msg::Exit> exit;
    exit->set_code(1);
    exit->set_reason("a task was cancelled by force");
    return core_.env.Send(Address::Host(), std::move(exit));
  }
  const TaskId task = TaskOf(run.task);
  Draft<msg::InterruptTask> interrupt;
  interrupt->set_owner(task.owner.value);
  interrupt->set_index(task.index);
  core_.env.Send(Address::Executor(), std::move(interrupt));
}

void TaskReceiver::OnOwnerLost(const Address& owner) {
  for (Received& received : queue_.RemoveOf(owner)) LetGo(received.mapped);
  std::erase_if(fetching_, [&](auto& entry) {
    if (entry.second.from != owner) return false;
    LetGo(entry.second.mapped);
    return true;
  });
  for (const auto& run : executions_) {
    if (run->phase == Phase::kFree || run->task.from != owner) continue;
    run->owner_gone = true;
    if (run->held_up) AnswerYield(*run, {StatusCode::kCancelled, "nobody wants further items"});
  }
  for (auto it = item_handoffs_.lower_bound({owner, {}, 0});
       it != item_handoffs_.end() && std::get<Address>(it->first) == owner;) {
    const std::vector<ObjectReference> refs = std::move(it->second);
    it = item_handoffs_.erase(it);
    objects_.references.DropHandoffs(refs);
  }
  last_sequence_.Erase(owner);
  for (auto it = handoffs_.lower_bound({owner, 0}); it != handoffs_.end() && it->first.first == owner;) {
    const std::vector<ObjectReference> refs = std::move(it->second);
    it = handoffs_.erase(it);
    objects_.references.DropHandoffs(refs);
  }
}

void TaskReceiver::SetBlocked(bool blocked) {
  if (blocked_ == blocked || (blocked && running_ == 0)) return;
  blocked_ = blocked;
  TellNodeManager(blocked);
  if (!blocked) return StartNext();
  if (!actor_) RequeueAll();  // an actor's calls have nowhere else to go
}

void TaskReceiver::RequeueAll() {
  for (Received& received : queue_.TakeAll()) Refuse(received, true);
  for (auto& [group, received] : std::exchange(fetching_, {})) Refuse(received, true);
}

// The task will not run here: it is cancelled, or this worker is blocked or ends (`requeue`: it has used no attempt).
void TaskReceiver::Refuse(Received& received, bool requeue) {
  Answer(received, requeue ? Status::Ok() : Status(StatusCode::kCancelled, "cancelled before it ran"), requeue);
}

void TaskReceiver::RefuseWith(Received& received, const Status& why) { Answer(received, why, false); }

void TaskReceiver::Answer(Received& received, const Status& why, bool requeue) {
  LetGo(received.mapped);
  const auto& push = PushOf(received);
  Draft<msg::TaskReply> reply;
  reply->set_owner(push.spec().owner());
  reply->set_index(push.spec().index());
  reply->set_attempt(push.attempt());
  reply->set_sequence(push.sequence());
  reply->set_requeue(requeue);
  reply->set_status(static_cast<uint32_t>(why.code()));
  if (!why.ok()) reply->set_error(why.message());
  core_.env.Send(received.from, std::move(reply));
}

void TaskReceiver::CheckInvariants(bool full) const {
  ORRERY_ASSERT(running_ + free_.size() == executions_.size());
  if (!full) return;
  queue_.CheckInvariants();
  ORRERY_ASSERT(queue_.running() == running_);
}

void TaskReceiver::TellNodeManager(bool blocked) {
  Draft<msg::WorkerBlocked> notice;
  notice->set_worker(core_.id.value);
  notice->set_blocked(blocked);
  core_.env.Send(core_.options.node_manager, std::move(notice));
}

}  // namespace orrery
