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
                                 {kPushed, kQueued, "attempt failed, or the worker blocked before it"},
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
  for (uint32_t i = 0; i < spec.num_returns(); ++i) store_.AddPending({{core_.id, task}, i});
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
  if (Resolve(task, entry)) {
    Transition(OwnedTask::Chart(), entry.state, OwnedTask::State::kQueued);
    queue_.Enqueue(task, entry, false);
  }
}

// Puts known values in the place of object arguments. False when some are still to come, or the task has failed.
bool TaskManager::Resolve(uint64_t task, OwnedTask& entry) {
  msg::TaskSpec& spec = *entry.submit.As<msg::SubmitTask>().mutable_spec();
  for (msg::TaskArg& arg : *spec.mutable_args()) {
    if (arg.object_task() == 0) continue;
    const ObjectId object = ArgObject(arg);
    const StoredValue* value = store_.Find(object);
    if (value == nullptr && store_.Contains(object)) {
      store_.AddDependent(object, task);
      ++entry.unresolved;
      ++entry.held;
      continue;
    }
    if (value == nullptr) {
      Fail(task, {.status = StatusCode::kInvalidArgument,
                  .error = "argument " + ToString(object) + " is not owned by this process"});
      return false;
    }
    if (value->status != StatusCode::kOk) {
      // The first cause only: in a chain of tasks each message would hold all those before it.
      AttemptResult inherited{
          .status = value->status, .error = "argument " + ToString(object) + " failed: ", .stack = value->stack};
      inherited.cause = inherited.error.size();
      inherited.error.append(value->error, value->cause);
      Fail(task, std::move(inherited));
      return false;
    }
    arg.set_value(value->bytes);
    arg.clear_object_task();
  }
  return entry.unresolved == 0;
}

void TaskManager::OnArgumentReady(uint64_t task) {
  OwnedTask* entry = Find(task);
  if (entry == nullptr || entry->state != OwnedTask::State::kWaiting) return;
  ORRERY_ASSERT(entry->unresolved > 0);
  if (--entry->unresolved > 0) return;
  TakeArguments(task, *entry);
  if (OwnedTask* resolved = Find(task)) {  // an argument may have failed it
    Transition(OwnedTask::Chart(), resolved->state, OwnedTask::State::kQueued);
    queue_.Enqueue(task, *resolved, false);
  }
}

// Every awaited argument has a value now: take it, then let go of the objects.
void TaskManager::TakeArguments(uint64_t task, OwnedTask& entry) {
  std::vector<ObjectId> objects;
  for (const msg::TaskArg& arg : entry.submit.As<msg::SubmitTask>().spec().args()) {
    if (arg.object_task() != 0) objects.push_back(ArgObject(arg));
  }
  entry.held = 0;  // let go of below, also when one of them fails the task
  Resolve(task, entry);
  for (ObjectId object : objects) store_.DropDependent(object, task);
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

void TaskManager::Complete(uint64_t task, AttemptResult result,
                           google::protobuf::RepeatedPtrField<std::string>* returns) {
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
  for (int i = 0; i < expected; ++i) {
    Seal({{core_.id, task}, static_cast<uint32_t>(i)}, {StatusCode::kOk, std::move(*returns->Mutable(i)), {}, {}, 0});
  }
  Finish(task, result);
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
  if (entry.retries_left > 0) --entry.retries_left;
  ++entry.attempt;
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
  if (entry->state == OwnedTask::State::kQueued) queue_.Remove(task, *entry);
  if (entry->state == OwnedTask::State::kRetryWait) core_.env.CancelTimer(TimerKind::kTaskRetry, task);
  for (const msg::TaskArg& arg : entry->submit.As<msg::SubmitTask>().spec().args()) {
    if (entry->held == 0) break;
    if (arg.object_task() == 0) continue;
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
  core_.env.Trace({.kind = TraceKind::kTaskFinished,
                   .task = {core_.id, task},
                   .attempt = entry.attempt,
                   .node = result.node,
                   .worker = result.worker,
                   .a = result.start_ns,
                   .b = result.finish_ns,
                   .c = static_cast<int64_t>(result.status),
                   .text = submit.spec().name()});
  if (submit.parent() != 0) {
    auto it = children_.find({{submit.parent_owner()}, submit.parent()});
    auto& siblings = it->second;
    siblings.erase(std::find(siblings.begin(), siblings.end(), task));
    if (siblings.empty()) children_.erase(it);
  }
  if (result.status != StatusCode::kOk) {
    const std::string what =
        ToString(TaskId{core_.id, task}) + (submit.spec().name().empty() ? "" : " (" + submit.spec().name() + ")");
    const std::string prefix = result.status == StatusCode::kApplicationError ? "" : what + ": ";
    const size_t cause = result.cause == 0 ? 0 : prefix.size() + result.cause;
    for (uint32_t i = 0; i < submit.spec().num_returns(); ++i) {
      Seal({{core_.id, task}, i}, {result.status, {}, prefix + result.error, result.stack, cause});
    }
  }
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

// A loop instead of recursion: a failure may run down a chain of a million tasks.
void TaskManager::Seal(ObjectId object, StoredValue&& value) {
  const MemoryStore::Waiters waiters = store_.Seal(object, std::move(value));
  if (waiters.request != 0) unblocked_ += requests_.OnObjectReady(waiters.request);
  for (uint64_t request : waiters.requests) unblocked_ += requests_.OnObjectReady(request);
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
