#include "runtime/core_worker/core_worker.h"

#include <utility>

#include "runtime/messages/convert.h"
#include "runtime/messages/orrery.pb.h"

namespace orrery {

CoreWorker::CoreWorker(Env& env, Settings settings, CoreWorkerOptions options)
    : core_(env, std::move(settings), std::move(options)),
      requests_(core_, store_),
      submitter_(core_),
      tasks_(core_, store_, requests_, submitter_),
      receiver_(core_) {
  submitter_.SetTaskManager(&tasks_);
}

void CoreWorker::Start() {
  const Address& node_manager = core_.options.node_manager;
  if (core_.driver()) {
    core_.requests.Send({MessageKind::kRegisterDriver, 0, 0}, node_manager, core_.options.registration.Clone());
    return;
  }
  Draft<msg::RegisterWorker> request;
  request->set_worker(core_.id.value);
  request->set_pid(core_.options.pid);
  ToProto(core_.options.self, request->mutable_address());
  core_.requests.Send({MessageKind::kRegisterWorker, 0, 0}, node_manager, std::move(request));
}

void CoreWorker::OnMessage(const Address& from, Message message) {
  switch (message.kind()) {
    // The hot ones first.
    case MessageKind::kTaskReply: submitter_.OnTaskReply(from, message.As<msg::TaskReply>()); break;
    case MessageKind::kPushTask: receiver_.OnPushTask(from, std::move(message)); break;
    case MessageKind::kTaskExecuted:
      // An interrupted task may leave its gets behind.
      requests_.ForgetTask();
      blocked_gets_ = 0;
      receiver_.OnTaskExecuted(message.As<msg::TaskExecuted>());
      break;
    case MessageKind::kSubmitTask: tasks_.Submit(std::move(message)); break;
    case MessageKind::kGetObjects: CountBlocked(requests_.OnGet(message.As<msg::GetObjects>())); break;
    case MessageKind::kWaitObjects: CountBlocked(requests_.OnWait(message.As<msg::WaitObjects>())); break;
    case MessageKind::kPutObject: OnPutObject(message.As<msg::PutObject>()); break;
    case MessageKind::kReleaseObjects:
      for (const msg::ObjectKey& key : message.As<msg::ReleaseObjects>().objects()) store_.Release(FromProto(key));
      break;
    case MessageKind::kDefineClass: {
      const auto& define = message.As<msg::DefineClass>();
      submitter_.DefineClass(define.class_id(), FromProto(define.spec()));
      break;
    }
    case MessageKind::kCancelTask: {
      const auto& cancel = message.As<msg::CancelTask>();
      tasks_.Cancel(cancel.index(), cancel.force(), cancel.recursive());
      break;
    }
    case MessageKind::kLeaseReply: submitter_.OnLeaseReply(from, message.As<msg::LeaseReply>()); break;
    case MessageKind::kReturnLeaseReply:
      submitter_.OnReturnLeaseReply(from, message.As<msg::ReturnLeaseReply>());
      break;
    case MessageKind::kWorkerFailed: submitter_.OnWorkerFailed(message.As<msg::WorkerFailed>()); break;
    case MessageKind::kNodeDied: {
      const auto& notice = message.As<msg::NodeDied>();
      submitter_.OnNodeDied(NodeId{notice.node()}, notice.reason());
      break;
    }
    case MessageKind::kCancelRunning: OnCancelRunning(from, message.As<msg::CancelRunning>()); break;
    case MessageKind::kRegisterWorkerReply: OnRegisterWorkerReply(message.As<msg::RegisterWorkerReply>()); break;
    case MessageKind::kRegisterDriverReply: OnRegisterDriverReply(message.As<msg::RegisterDriverReply>()); break;
    case MessageKind::kExitWorker: OnExitWorker(message.As<msg::ExitWorker>()); break;
    case MessageKind::kCloseDriver: OnCloseDriver(message.As<msg::CloseDriver>()); break;
    case MessageKind::kFinishDriverReply: {
      if (!core_.requests.Done({MessageKind::kFinishDriver, 0, 0})) break;
      core_.env.Send(Address::Application(), Draft<msg::DriverClosed>());
      break;
    }
    default: core_.env.Trace({.kind = TraceKind::kStaleMessage, .worker = core_.id, .text = message.name()});
  }
  Unblock(tasks_.TakeUnblocked());
}

void CoreWorker::OnTimer(TimerKind kind, uint64_t id) {
  switch (kind) {
    case TimerKind::kRetryRequests: return core_.requests.OnTimer();
    case TimerKind::kLeaseExpiry: return submitter_.OnLeaseExpiry();
    case TimerKind::kTaskRetry: return tasks_.OnRetryTimer(id);
    case TimerKind::kGetTimeout: return Unblock(requests_.OnTimeout(id));
    default: ORRERY_ASSERT_MSG(false, "a timer that core workers do not set");
  }
}

void CoreWorker::OnPeerLost(const Address& peer) {
  if (peer == core_.options.node_manager) return OnNodeManagerLost();
  submitter_.OnPeerLost(peer);
  receiver_.OnOwnerLost(peer);
  Unblock(tasks_.TakeUnblocked());  // a lost worker may have failed what the running task waits for
}

void CoreWorker::OnRegisterWorkerReply(const msg::RegisterWorkerReply& reply) {
  if (!core_.requests.Done({MessageKind::kRegisterWorker, 0, 0})) return;
  if (reply.status() != 0) return Exit(1, reply.message());
  core_.node = NodeId{reply.node()};
  core_.job = JobId{reply.job()};
  // An owner may have been told of this worker, and have sent a task that submits others, before this arrived.
  submitter_.OnRegistered();
  TellReady(0, "");
}

void CoreWorker::OnRegisterDriverReply(const msg::RegisterDriverReply& reply) {
  if (!core_.requests.Done({MessageKind::kRegisterDriver, 0, 0})) return;
  core_.id = WorkerId{reply.worker()};
  core_.node = NodeId{reply.node()};
  core_.job = JobId{reply.job()};
  TellReady(reply.status(), reply.message());
}

void CoreWorker::OnPutObject(msg::PutObject& put) {
  const ObjectId object = FromProto(put.object());
  store_.AddPending(object);
  StoredValue value;
  if (static_cast<int64_t>(put.value().size()) > core_.settings.inline_limit) {
    value.status = StatusCode::kTooLarge;
    value.error = "a value of " + std::to_string(put.value().size()) + " bytes exceeds inline_limit (" +
                  std::to_string(core_.settings.inline_limit) + ")";
  } else {
    value.bytes = std::move(*put.mutable_value());
  }
  tasks_.Seal(object, std::move(value));
}

void CoreWorker::OnCancelRunning(const Address& from, const msg::CancelRunning& request) {
  if (request.recursive()) tasks_.CancelChildren({{request.owner()}, request.index()});
  receiver_.OnCancelRunning(from, request);
}

// An idle worker leaves, unless tasks that it owns are still under way: their results would be lost.
void CoreWorker::OnExitWorker(const msg::ExitWorker& request) {
  if (tasks_.size() == 0 && receiver_.idle()) Exit(0, request.reason());
}

void CoreWorker::OnCloseDriver(const msg::CloseDriver& request) {
  tasks_.Close(StatusCode::kCancelled, "the driver has closed");
  submitter_.Close();
  Draft<msg::FinishDriver> finish;
  finish->set_job(core_.job.value);
  finish->set_status(request.status());
  core_.requests.Send({MessageKind::kFinishDriver, 0, 0}, core_.options.node_manager, std::move(finish));
}

// Without its node manager a worker has no right to run, and a driver no way to.
void CoreWorker::OnNodeManagerLost() {
  if (!core_.driver()) return Exit(1, "the node manager is gone");
  const bool was_closing = core_.requests.Pending({MessageKind::kFinishDriver, 0, 0});
  tasks_.Close(StatusCode::kNodeDied, "the driver's node manager is gone");
  submitter_.Close();
  for (const RequestKey& key : core_.requests.KeysTo(core_.options.node_manager)) core_.requests.Done(key);
  if (was_closing) return core_.env.Send(Address::Application(), Draft<msg::DriverClosed>());
  TellReady(static_cast<uint32_t>(StatusCode::kUnavailable), "the connection to the node manager was lost");
}

void CoreWorker::TellReady(uint32_t status, const std::string& message) {
  Draft<msg::DriverReady> ready;
  ready->set_status(status);
  ready->set_message(message);
  ready->set_worker(core_.id.value);
  ready->set_job(core_.job.value);
  ready->set_node(core_.node.value);
  core_.env.Send(Address::Application(), std::move(ready));
}

void CoreWorker::Exit(int code, const std::string& reason) {
  Draft<msg::Exit> exit;
  exit->set_code(code);
  exit->set_reason(reason);
  core_.env.Send(Address::Host(), std::move(exit));
}

void CoreWorker::CountBlocked(bool blocks) {
  if (blocks && ++blocked_gets_ == 1) receiver_.SetBlocked(true);
}

// So many gets of the running task have been answered.
void CoreWorker::Unblock(int answered) {
  if (answered == 0) return;
  blocked_gets_ -= answered;
  if (blocked_gets_ == 0) receiver_.SetBlocked(false);
}

void CoreWorker::CheckInvariants(bool full) const {
  submitter_.CheckInvariants(full);
  ORRERY_ASSERT(blocked_gets_ >= 0);
}

}  // namespace orrery
