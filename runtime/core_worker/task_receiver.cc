#include "runtime/core_worker/task_receiver.h"

#include <algorithm>
#include <utility>

#include "runtime/messages/message.h"
#include "runtime/messages/orrery.pb.h"

namespace orrery {

void TaskReceiver::OnPushTask(const Address& from, Message message) {
  const auto& push = message.As<msg::PushTask>();
  uint64_t& last = last_sequence_[from];
  if (push.sequence() <= last) {
    core_.env.Trace({.kind = TraceKind::kStaleMessage, .worker = core_.id, .text = "PushTask"});
    return;
  }
  last = push.sequence();
  Received received{from, std::move(message)};
  if (blocked_) return Refuse(received, true);
  queue_.push_back(std::move(received));
  StartNext();
}

void TaskReceiver::StartNext() {
  if (running_ || queue_.empty()) return;
  running_ = std::move(queue_.front());
  queue_.pop_front();
  owner_gone_ = false;
  auto& push = running_->push.As<msg::PushTask>();
  Draft<msg::ExecuteTask> execute;
  // The spec moves to the executor; what the reply needs stays here.
  msg::TaskSpec* kept = push.mutable_spec();
  execute->mutable_spec()->Swap(kept);
  kept->set_owner(execute->spec().owner());
  kept->set_index(execute->spec().index());
  execute->set_attempt(push.attempt());
  execute->mutable_gpus()->Swap(push.mutable_gpus());
  core_.env.Send(Address::Executor(), std::move(execute));
}

void TaskReceiver::OnTaskExecuted(msg::TaskExecuted& result) {
  ORRERY_ASSERT(running_);
  const auto& push = running_->push.As<msg::PushTask>();
  ORRERY_ASSERT(push.spec().owner() == result.owner() && push.spec().index() == result.index());
  if (!owner_gone_) {
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
    core_.env.Send(running_->from, std::move(reply));
  }
  running_.reset();
  if (blocked_) {
    blocked_ = false;
    TellNodeManager(false);
  }
  StartNext();
}

bool TaskReceiver::OnCancelRunning(const Address& from, const msg::CancelRunning& request) {
  const auto is_it = [&](const Received& received) {
    const msg::TaskSpec& spec = received.push.As<msg::PushTask>().spec();
    return received.from == from && spec.owner() == request.owner() && spec.index() == request.index();
  };
  if (running_ && is_it(*running_)) {
    if (request.force()) {
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
}

void TaskReceiver::SetBlocked(bool blocked) {
  if (blocked_ == blocked || !running_) return;
  blocked_ = blocked;
  TellNodeManager(blocked);
  if (!blocked) return StartNext();
  while (!queue_.empty()) {
    Refuse(queue_.front(), true);
    queue_.pop_front();
  }
}

// The task will not run here: because it is cancelled, or because this worker is blocked (`requeue`).
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
