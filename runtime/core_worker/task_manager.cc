#include "runtime/core_worker/task_manager.h"

#include <algorithm>
#include <utility>

#include "runtime/messages/convert.h"
#include "runtime/messages/orrery.pb.h"

namespace orrery {

namespace {

ObjectId ArgObject(const msg::TaskArg& arg) { return {{{arg.object_owner()}, arg.object_task()}, arg.object_index()}; }

}  // namespace

// Not traced: submitted, retried and finished tasks are, which says the same in fewer events.
const StateChart& OwnedTask::Chart() {
  constexpr auto kWaiting = static_cast<uint8_t>(State::kWaiting), kQueued = static_cast<uint8_t>(State::kQueued),
                 kPushed = static_cast<uint8_t>(State::kPushed), kRetryWait = static_cast<uint8_t>(State::kRetryWait),
                 kNone = StateChart::kNone;
  static const StateChart chart("OwnedTask", {"Waiting", "Queued", "Pushed", "RetryWait"},
                                {{kNone, kWaiting, "SubmitTask"},
                                 {kWaiting, kQueued, "all arguments have values"},
                                 {kQueued, kPushed, "sent to a leased worker"},
                                 {kPushed, kQueued, "attempt failed, or the worker blocked or ended before it"},
                                 {kPushed, kRetryWait, "attempt failed, task_retry_delay"},
                                 {kRetryWait, kQueued, "delay over"},
                                 {kWaiting, kNone, "argument failed, cancelled"},
                                 {kQueued, kNone, "no lease possible, cancelled"},
                                 {kRetryWait, kNone, "cancelled"},
                                 {kPushed, kNone, "result, no retries left, cancelled"}});
  return chart;
}

void TaskManager::Submit(Message message) {
  const auto& submit = message.As<msg::SubmitTask>();
  const uint64_t task = submit.spec().index();
  const auto [slot, inserted] = tasks_.Insert(task);
  ORRERY_ASSERT_MSG(inserted, "task index used twice");
  OwnedTask& entry = *slot;
  entry.retries_left = submit.max_retries();
  entry.submit = std::move(message);
  const msg::TaskSpec& spec = submit.spec();
  for (const msg::TaskArg& arg : spec.args()) {
    if (arg.refs_size() > 0) HoldRefs(entry, arg);
  }
  for (uint32_t i = 0; i < spec.num_returns(); ++i) store_.AddPending({{core_.id, task}, i});
  if (spec.streaming()) streams_.Begin(task, spec.max_unconsumed());
  if (submit.parent() != 0) children_[{{submit.parent_owner()}, submit.parent()}].push_back(task);
  core_.env.Trace({.kind = TraceKind::kTaskSubmitted,
                   .task = {core_.id, task},
                   .node = core_.node,
                   .worker = core_.id,
                   .text = spec.name()});
  if (closed_.status != StatusCode::kOk) return Fail(task, closed_);
  if (static_cast<int64_t>(tasks_.size()) > core_.settings.max_pending_tasks) {
    return Fail(task, {.status = StatusCode::kUnavailable,
                       .error = "too many unfinished tasks (max_pending_tasks = " +
                                std::to_string(core_.settings.max_pending_tasks) + ")"});
  }
  if (spec.has_callee() || spec.has_actor()) {
    if (const Status refused = AcceptForActor(task, entry); !refused.ok())
      return Fail(task, {.status = refused.code(), .error = refused.message()});
  }
  if (Resolve(task, entry)) {
    Transition(OwnedTask::Chart(), entry.state, OwnedTask::State::kQueued);
    queue_.Enqueue(task, entry, false);
  }
}

// A call keeps its actor alive until it has ended.
Status TaskManager::AcceptForActor(uint64_t task, OwnedTask& entry) {
  const auto& submit = entry.submit.As<msg::SubmitTask>();
  entry.role = submit.spec().has_callee() ? OwnedTask::Role::kActorCall : OwnedTask::Role::kActorCreation;
  if (submit.has_handle() && objects_.references.AddTask(FromProto(submit.handle()))) entry.holds = true;
  return queue_.Accept(task, entry);
}

// Puts known values in the place of object arguments. False when some are still to come, or the task has failed.
bool TaskManager::Resolve(uint64_t task, OwnedTask& entry) {
  msg::TaskSpec& spec = *entry.submit.As<msg::SubmitTask>().mutable_spec();
  // Before this task waits for any: what is lost for good gives others an error at once.
  for (const msg::TaskArg& arg : spec.args()) {
    if (arg.object_task() == 0 || arg.size() > 0) continue;
    const ObjectRecord* record = store_.Get(ArgObject(arg));
    if (record != nullptr && objects_.Lost(ArgObject(arg), *record)) core_.actions->Recover(ArgObject(arg));
  }
  for (msg::TaskArg& arg : *spec.mutable_args()) {
    if (arg.object_task() == 0 || arg.size() > 0) continue;
    switch (ResolveOne(task, entry, arg)) {
      case Argument::kKnown: break;
      case Argument::kFailed: return false;
      case Argument::kPending: ++entry.unresolved; ++entry.held;
    }
  }
  return entry.unresolved == 0;
}

TaskManager::Argument TaskManager::ResolveOne(uint64_t task, OwnedTask& entry, msg::TaskArg& arg) {
  const ObjectId object = ArgObject(arg);
  const ObjectRecord* record = store_.Get(object);
  const bool borrow = record == nullptr && arg.has_owner_address() &&
                      objects_.references.AddTask({object, FromProto(arg.owner_address())});
  if (borrow) record = store_.Get(object);
  if (record == nullptr) {
    Fail(task, {.status = entry.rebuild ? StatusCode::kObjectLost : StatusCode::kInvalidArgument,
                .error = "argument " + ToString(object) + " is not owned by this process"});
    return Argument::kFailed;
  }
  if (!record->ready) {
    if (record->foreign()) objects_.status.Ask(object);
    store_.AddDependent(object, task);
    if (borrow) objects_.references.DropTask(object);
    return Argument::kPending;
  }
  const StoredValue& value = record->value;
  if (value.status != StatusCode::kOk) {
    // The first cause only: in a chain of tasks each message would hold all those before it.
    AttemptResult inherited{
        .status = value.status, .error = "argument " + ToString(object) + " failed: ", .stack = value.stack};
    inherited.cause = inherited.error.size();
    inherited.error.append(value.error, value.cause);
    if (borrow) objects_.references.DropTask(object);
    Fail(task, std::move(inherited));
    return Argument::kFailed;
  }
  if (record->stored()) {
    ToProto(objects_.RefOf(object, *record).owner, arg.mutable_owner_address());
    arg.set_size(record->extra->size);
    if (!borrow) objects_.references.AddTask(objects_.RefOf(object, *record));
    entry.holds = true;
    return Argument::kKnown;
  }
  arg.set_value(value.bytes);
  arg.clear_object_task();
  if (record->extra != nullptr && !record->extra->refs.empty()) {
    for (const ObjectReference& ref : record->extra->refs) ToProto(ref, arg.add_refs());
    HoldRefs(entry, arg);
  }
  return Argument::kKnown;
}

// Refs inside an argument's value stay alive until the task has ended; its worker registers those it keeps before that.
void TaskManager::HoldRefs(OwnedTask& entry, const msg::TaskArg& arg) {
  entry.holds = true;
  for (const msg::RefProto& ref : arg.refs()) objects_.references.AddTask(FromProto(ref));
}

void TaskManager::ReleaseArguments(const OwnedTask& entry) {
  const auto& submit = entry.submit.As<msg::SubmitTask>();
  if (submit.has_handle()) objects_.references.DropTask(FromProto(submit.handle()).id);
  for (const msg::TaskArg& arg : entry.submit.As<msg::SubmitTask>().spec().args()) {
    if (arg.object_task() != 0 && arg.size() > 0) objects_.references.DropTask(ArgObject(arg));
    for (const msg::RefProto& ref : arg.refs()) objects_.references.DropTask(FromProto(ref).id);
  }
}

void TaskManager::OnArgumentReady(uint64_t task) {
  OwnedTask* entry = Find(task);
  if (entry == nullptr || entry->state != OwnedTask::State::kWaiting) return;
  ORRERY_ASSERT(entry->unresolved > 0);
  if (--entry->unresolved > 0 || !TakeArguments(task, *entry)) return;
  Transition(OwnedTask::Chart(), entry->state, OwnedTask::State::kQueued);
  queue_.Enqueue(task, *entry, false);
}

// Every awaited argument has a value now: take it, then let go of the objects. False when an argument has failed the
// task, or was lost again meanwhile.
bool TaskManager::TakeArguments(uint64_t task, OwnedTask& entry) {
  std::vector<ObjectId> objects;
  for (const msg::TaskArg& arg : entry.submit.As<msg::SubmitTask>().spec().args()) {
    if (arg.object_task() != 0 && arg.size() == 0) objects.push_back(ArgObject(arg));
  }
  entry.held = 0;  // let go of below, also when one of them fails the task
  const bool resolved = Resolve(task, entry);
  for (ObjectId object : objects) objects_.references.DropTask(object);
  return resolved;
}

// An object that was lost made again: what its task needs lies in the lineage.
void TaskManager::Rebuild(uint64_t task, const KeptTask& kept) {
  const auto [entry, inserted] = tasks_.Insert(task);
  ORRERY_ASSERT(inserted);
  entry->rebuild = true;
  entry->attempt = kept.attempt + 1;
  entry->retries_left = kept.retries_left < 0 ? kept.retries_left : kept.retries_left - 1;
  entry->items = kept.items;
  entry->submit = kept.submit.Clone();
  auto& submit = entry->submit.As<msg::SubmitTask>();
  submit.clear_notify();  // its end was told before
  submit.clear_parent();
  for (msg::TaskArg& arg : *submit.mutable_spec()->mutable_args()) {
    if (arg.object_task() != 0) arg.clear_size();
    if (arg.refs_size() > 0) HoldRefs(*entry, arg);
  }
  if (closed_.status != StatusCode::kOk) return Fail(task, closed_);
  if (!Resolve(task, *entry)) return;
  Transition(OwnedTask::Chart(), entry->state, OwnedTask::State::kQueued);
  queue_.Enqueue(task, *entry, true);
}

void TaskManager::Cancel(uint64_t task, bool force, bool recursive) {
  OwnedTask* entry = Find(task);
  if (entry == nullptr) return;  // finished: nothing to cancel
  entry->cancelled = true;
  entry->force = force;
  if (entry->state == OwnedTask::State::kPushed) return queue_.CancelPushed(task, *entry, recursive);
  Fail(task, {.status = StatusCode::kCancelled, .error = "cancelled before it ran"});
}

void TaskManager::CancelChildren(TaskId parent) {
  auto it = children_.find(parent);
  if (it == children_.end()) return;
  const std::vector<uint64_t> tasks = it->second;
  for (uint64_t task : tasks) Cancel(task, false, true);
}

void TaskManager::Complete(uint64_t task, AttemptResult result, Values* returns, const Stored* stored) {
  OwnedTask* entry = Find(task);
  const auto& submit = entry->submit.As<msg::SubmitTask>();
  if (result.status == StatusCode::kApplicationError && submit.retry_exceptions() && entry->retries_left != 0 &&
      !entry->cancelled) {
    return Retry(task, *entry, result);
  }
  const int expected = static_cast<int>(submit.spec().num_returns());
  if (result.status == StatusCode::kOk && returns->size() != expected) {
    result.status = StatusCode::kInternal;
    result.error =
        "the worker returned " + std::to_string(returns->size()) + " values, not " + std::to_string(expected);
  }
  if (result.status != StatusCode::kOk) return Finish(task, result);
  for (int i = 0; stored != nullptr && i < stored->size(); ++i)
    TakeStored({{core_.id, task}, stored->Get(i).position()}, *entry, stored->Get(i));
  entry->sealing = true;
  for (int i = 0; i < expected; ++i) {
    const ObjectId object{{core_.id, task}, static_cast<uint32_t>(i)};
    if (entry->rebuild && !Wanted(*entry, object)) continue;
    TakeValue(object, std::move(*returns->Mutable(i)));
  }
  const bool in_stores = (stored != nullptr && !stored->empty()) || entry->items_stored;
  if (in_stores && (entry->retries_left != 0 || objects_.lineage.Find(task) != nullptr)) {
    objects_.lineage.Keep(task, entry->submit, entry->attempt, entry->retries_left, entry->items);
  }
  Finish(task, result);
  // Should a copy be lost already: from now on it can be made again.
  for (int i = 0; stored != nullptr && i < stored->size(); ++i) {
    objects_.directory.Serve({{core_.id, task}, stored->Get(i).position()});
  }
}

// Of a task that runs again only what is pending is taken; the rest is still there, or nobody refers to it.
bool TaskManager::Wanted(const OwnedTask& entry, ObjectId object) const {
  const ObjectRecord* record = store_.Get(object);
  return record != nullptr && (!entry.rebuild || !record->ready);
}

// Where a result lies, and what refs it holds, before its value is sealed.
void TaskManager::TakeStored(ObjectId object, const OwnedTask& entry, const msg::StoredReturn& result) {
  if (!Wanted(entry, object)) return;
  if (result.size() > 0) {
    store_.Get(object)->Extra().size = result.size();
    objects_.directory.AddCopy(object, NodeId{result.node()}, FromProto(result.node_manager()));
  }
  if (result.refs_size() > 0) objects_.references.Contain(object, result.refs());
  if (!entry.rebuild) return;
  core_.env.Trace({.kind = TraceKind::kObjectRebuilt,
                   .task = object.task,
                   .attempt = entry.attempt,
                   .node = NodeId{result.node()},
                   .worker = core_.id,
                   .a = result.size(),
                   .b = entry.attempt,
                   .c = object.index});
}

void TaskManager::TakeValue(ObjectId object, std::string&& bytes) {
  if (static_cast<int64_t>(bytes.size()) > core_.settings.inline_limit)
    Seal(object, TooLarge(core_, "a result", bytes.size()));
  else
    Seal(object, {StatusCode::kOk, std::move(bytes), {}, {}, 0});
}

void TaskManager::AttemptFailed(uint64_t task, AttemptResult result) {
  OwnedTask* entry = Find(task);
  if (entry == nullptr) return;  // ended by Close
  if (entry->cancelled) {
    result.status = StatusCode::kCancelled;
    result.error = "cancelled; its worker was stopped";
    return Finish(task, result);
  }
  if (entry->retries_left == 0) {
    result.error += " (attempt " + std::to_string(entry->attempt + 1) + ", no retries left)";
    return Fail(task, std::move(result));
  }
  Retry(task, *entry, result);
}

void TaskManager::Retry(uint64_t task, OwnedTask& entry, const AttemptResult& result) {
  core_.env.Trace({.kind = TraceKind::kTaskRetried,
                   .task = {core_.id, task},
                   .attempt = entry.attempt,
                   .node = result.node,
                   .worker = result.worker,
                   .a = result.start_ns,
                   .b = result.finish_ns,
                   .c = static_cast<int64_t>(result.status),
                   .text = result.error});
  // What made room for others is not to blame.
  if (entry.retries_left > 0 && result.status != StatusCode::kPreempted) --entry.retries_left;
  ++entry.attempt;
  entry.yielded = 0;
  if (core_.settings.task_retry_delay.ns > 0) {
    Transition(OwnedTask::Chart(), entry.state, OwnedTask::State::kRetryWait);
    core_.env.SetTimer(core_.settings.task_retry_delay, TimerKind::kTaskRetry, task);
  } else {
    Transition(OwnedTask::Chart(), entry.state, OwnedTask::State::kQueued);
    queue_.Enqueue(task, entry, true);
  }
}

void TaskManager::OnRetryTimer(uint64_t task) {
  OwnedTask* entry = Find(task);
  if (entry == nullptr || entry->state != OwnedTask::State::kRetryWait) return;
  Transition(OwnedTask::Chart(), entry->state, OwnedTask::State::kQueued);
  queue_.Enqueue(task, *entry, true);
}

void TaskManager::Fail(uint64_t task, AttemptResult result) {
  OwnedTask* entry = Find(task);
  if (entry->state == OwnedTask::State::kQueued || entry->role != OwnedTask::Role::kTask) queue_.Remove(task, *entry);
  if (entry->state == OwnedTask::State::kRetryWait) core_.env.CancelTimer(TimerKind::kTaskRetry, task);
  for (const msg::TaskArg& arg : entry->submit.As<msg::SubmitTask>().spec().args()) {
    if (entry->held == 0) break;
    if (arg.object_task() == 0 || arg.size() > 0) continue;
    store_.DropDependent(ArgObject(arg), task);
    --entry->held;
  }
  Finish(task, result);
}

void TaskManager::Close(StatusCode status, const std::string& reason) {
  closed_ = {.status = status, .error = reason};
  std::vector<uint64_t> all;
  tasks_.CollectKeys(all);
  std::sort(all.begin(), all.end());
  for (uint64_t task : all) {
    if (Find(task) != nullptr) Fail(task, closed_);
  }
}

// The one end of a task: its error objects are sealed here, its values were sealed by Complete.
void TaskManager::Finish(uint64_t task, const AttemptResult& result) {
  const OwnedTask entry = tasks_.Take(task);
  const auto& submit = entry.submit.As<msg::SubmitTask>();
  if (!entry.rebuild) {  // its end was traced when it first came
    core_.env.Trace({.kind = TraceKind::kTaskFinished,
                     .task = {core_.id, task},
                     .attempt = entry.attempt,
                     .node = result.node,
                     .worker = result.worker,
                     .a = result.start_ns,
                     .b = result.finish_ns,
                     .c = static_cast<int64_t>(result.status),
                     .text = submit.spec().name()});
  }
  if (submit.parent() != 0) {
    auto it = children_.find({{submit.parent_owner()}, submit.parent()});
    auto& siblings = it->second;
    siblings.erase(std::find(siblings.begin(), siblings.end(), task));
    if (siblings.empty()) children_.erase(it);
  }
  if (result.status != StatusCode::kOk) FailResults(task, entry, result);
  if (submit.spec().streaming()) EndStream(task, entry, result);
  if (entry.holds) ReleaseArguments(entry);
  if (!submit.notify()) return;
  Draft<msg::TaskFinished> notice;
  notice->set_index(task);
  notice->set_status(static_cast<uint32_t>(result.status));
  notice->set_error(result.error);
  notice->set_attempts(entry.attempt + 1);
  notice->set_node(result.node.value);
  notice->set_worker(result.worker.value);
  notice->set_start_ns(result.start_ns);
  notice->set_finish_ns(result.finish_ns);
  core_.env.Send(Address::Application(), std::move(notice));
}

void TaskManager::FailResults(uint64_t task, const OwnedTask& entry, const AttemptResult& result) {
  const msg::TaskSpec& spec = entry.submit.As<msg::SubmitTask>().spec();
  const std::string what = ToString(TaskId{core_.id, task}) + (spec.name().empty() ? "" : " (" + spec.name() + ")");
  // That a worker or node died again is not what happened to the object.
  const bool lost =
      entry.rebuild && (result.status == StatusCode::kWorkerDied || result.status == StatusCode::kNodeDied);
  const std::string prefix = result.status == StatusCode::kApplicationError ? ""
                             : lost ? "every copy was lost, and making it again failed: " + what + ": "
                                    : what + ": ";
  const size_t cause = result.cause == 0 ? 0 : prefix.size() + result.cause;
  const StatusCode status = lost ? StatusCode::kObjectLost : result.status;
  for (uint32_t i = 0; i < spec.num_returns(); ++i) {
    const ObjectId object{{core_.id, task}, i};
    if (entry.rebuild && !Wanted(entry, object)) continue;
    Seal(object, {status, {}, prefix + result.error, result.stack, cause});
  }
}

StoredValue TooLarge(const CoreContext& core, const std::string& what, size_t size) {
  return {StatusCode::kTooLarge,
          {},
          what + " of " + std::to_string(size) + " bytes exceeds inline_limit (" +
              std::to_string(core.settings.inline_limit) + ")",
          {},
          0};
}

// A loop instead of recursion: a failure may run down a chain of a million tasks.
void TaskManager::Seal(ObjectId object, StoredValue&& value) {
  const MemoryStore::Waiters waiters = store_.Seal(object, std::move(value));
  if (waiters.request != 0) unblocked_ += requests_.OnObjectReady(waiters.request, object, waiters.stored);
  for (uint64_t request : waiters.requests) unblocked_ += requests_.OnObjectReady(request, object, waiters.stored);
  if (waiters.shared) objects_.OnSealed(object, waiters.askers);
  ready_.insert(ready_.end(), waiters.tasks.begin(), waiters.tasks.end());
  if (draining_ || ready_.empty()) return;
  draining_ = true;
  while (!ready_.empty()) {
    const uint64_t task = ready_.front();
    ready_.pop_front();
    OnArgumentReady(task);
  }
  draining_ = false;
}

}  // namespace orrery
