#include "runtime/core_worker/core_worker.h"

#include <utility>

#include "runtime/messages/convert.h"
#include "runtime/messages/orrery.pb.h"

namespace orrery {

CoreWorker::CoreWorker(Env& env, Settings settings, CoreWorkerOptions options)
    : core_(env, std::move(settings), std::move(options)),
      objects_(core_),
      requests_(core_, objects_),
      submitter_(core_, objects_),
      calls_(core_, objects_),
      actors_(core_, objects_),
      groups_(core_),
      router_(submitter_, calls_, actors_),
      tasks_(core_, objects_, requests_, router_),
      recovery_(core_, objects_, tasks_),
      receiver_(core_, objects_) {
  core_.actions = this;
  submitter_.SetTaskManager(&tasks_, &calls_);
  calls_.SetTaskManager(&tasks_);
  actors_.SetTaskManager(&tasks_);
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
    case MessageKind::kTaskExecuted: OnTaskExecuted(message.As<msg::TaskExecuted>()); break;
    case MessageKind::kSubmitTask: tasks_.Submit(std::move(message)); break;
    case MessageKind::kGetObjects: CountBlocked(requests_.OnGet(message.As<msg::GetObjects>())); break;
    case MessageKind::kWaitObjects: CountBlocked(requests_.OnWait(message.As<msg::WaitObjects>())); break;
    case MessageKind::kPutObject: OnPutObject(message.As<msg::PutObject>()); break;
    case MessageKind::kReleaseObjects:
      for (const msg::ObjectKey& key : message.As<msg::ReleaseObjects>().objects()) {
        objects_.store.Release(FromProto(key));
      }
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
      objects_.directory.OnNodeDied(NodeId{notice.node()});
      objects_.borrowing.OnNodeDied(NodeId{notice.node()});
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
    default:
      if (OnObjectMessage(from, message) || OnStoreMessage(message) || OnActorMessage(message) ||
          OnGroupMessage(message))
        break;
      core_.env.Trace({.kind = TraceKind::kStaleMessage, .worker = core_.id, .text = message.name()});
  }
  AfterEvent();
}

// Between owners, borrowers and holders.
bool CoreWorker::OnObjectMessage(const Address& from, Message& message) {
  switch (message.kind()) {
    case MessageKind::kTaskReplyReceived:
      receiver_.OnTaskReplyReceived(from, message.As<msg::TaskReplyReceived>());
      return true;
    case MessageKind::kReportItem: tasks_.OnReportItem(from, message.As<msg::ReportItem>()); return true;
    case MessageKind::kStreamProgress: receiver_.OnStreamProgress(from, message.As<msg::StreamProgress>()); return true;
    case MessageKind::kAddBorrower: objects_.borrowing.OnAddBorrower(from, message.As<msg::AddBorrower>()); return true;
    case MessageKind::kRemoveBorrower:
      objects_.borrowing.OnRemoveBorrower(from, message.As<msg::RemoveBorrower>());
      return true;
    case MessageKind::kBorrowerAdded: objects_.borrowing.OnBorrowerAdded(message.As<msg::BorrowerAdded>()); return true;
    case MessageKind::kBorrowerRemoved:
      objects_.borrowing.OnBorrowerRemoved(message.As<msg::BorrowerRemoved>());
      return true;
    case MessageKind::kGetObjectStatus:
      objects_.status.OnGetObjectStatus(from, message.As<msg::GetObjectStatus>());
      return true;
    case MessageKind::kObjectStatus: objects_.status.OnObjectStatus(message.As<msg::ObjectStatus>()); return true;
    case MessageKind::kObjectCopies:
      objects_.directory.OnObjectCopies(from, message.As<msg::ObjectCopies>());
      return true;
    case MessageKind::kLocateObject:
      objects_.directory.OnLocateObject(from, message.As<msg::LocateObject>());
      return true;
    case MessageKind::kObjectsFreed: objects_.directory.OnObjectsFreed(message.As<msg::ObjectsFreed>()); return true;
    case MessageKind::kCheckPeer: {
      Draft<msg::PeerAlive> alive;
      alive->set_round(message.As<msg::CheckPeer>().round());
      core_.env.Send(from, std::move(alive));
      return true;
    }
    case MessageKind::kGetObjectTable: {
      Draft<msg::ObjectTable> table;
      table->set_request(message.As<msg::GetObjectTable>().request());
      objects_.Fill(*table);
      core_.env.Send(from, std::move(table));
      return true;
    }
    case MessageKind::kPeerAlive:
      if (objects_.peers.OnPeerAlive(from)) core_.requests.ResendTo(from);
      calls_.OnPeerAlive(from);
      return true;
    default: return false;
  }
}

// Between the application, this process and the GCS.
bool CoreWorker::OnActorMessage(Message& message) {
  switch (message.kind()) {
    case MessageKind::kActorState: {
      const auto& state = message.As<msg::ActorState>();
      calls_.OnActorState(state);
      actors_.OnActorState(state);
      return true;
    }
    case MessageKind::kRegisterActorReply:
      actors_.OnRegisterActorReply(message.As<msg::RegisterActorReply>());
      return true;
    case MessageKind::kFindActorReply: actors_.OnFindActorReply(message.As<msg::FindActorReply>()); return true;
    case MessageKind::kGetActor: actors_.OnGetActor(message.As<msg::GetActor>()); return true;
    case MessageKind::kEndActor: {
      const auto& end = message.As<msg::EndActor>();
      const ActorId actor = FromProto(end.actor());
      actors_.Kill(actor, end.no_restart(), calls_.Incarnation(actor), "it was killed");
      calls_.OnKill(actor, end.no_restart());
      return true;
    }
    default: return false;
  }
}

bool CoreWorker::OnGroupMessage(Message& message) {
  switch (message.kind()) {
    case MessageKind::kCreatePlacementGroup:
    case MessageKind::kAwaitPlacementGroup:
    case MessageKind::kFindPlacementGroup:
    case MessageKind::kRemovePlacementGroup: CountBlocked(groups_.Ask(std::move(message))); return true;
    case MessageKind::kPlacementGroupReply: Unblock(groups_.OnReply(std::move(message)) ? 1 : 0); return true;
    default: return false;
  }
}

// Between the application, this process and its node's store.
bool CoreWorker::OnStoreMessage(Message& message) {
  switch (message.kind()) {
    case MessageKind::kObjectCreated: OnObjectCreated(message.As<msg::ObjectCreated>()); return true;
    case MessageKind::kObjectLocal: OnObjectLocal(message.As<msg::ObjectLocal>()); return true;
    case MessageKind::kAllocateObject: OnAllocateObject(message.As<msg::AllocateObject>()); return true;
    case MessageKind::kAbandonObject:
      objects_.client.Abandon(FromProto(message.As<msg::AbandonObject>().object()));
      return true;
    // Between the store and the application, which has the rooms.
    case MessageKind::kGiveRooms:
    case MessageKind::kReclaimRooms: core_.env.Send(Address::Application(), std::move(message)); return true;
    case MessageKind::kReturnRooms: core_.env.Send(core_.options.node_manager, std::move(message)); return true;
    case MessageKind::kYieldItem: CountBlocked(receiver_.OnYieldItem(message.As<msg::YieldItem>())); return true;
    case MessageKind::kConsumeItems: tasks_.OnConsumeItems(message.As<msg::ConsumeItems>()); return true;
    case MessageKind::kReleaseView:
      objects_.client.Drop(FromProto(message.As<msg::ReleaseView>().object()));
      return true;
    case MessageKind::kBorrowObject: {
      const ObjectReference ref = FromProto(message.As<msg::BorrowObject>().object());
      objects_.references.Borrow(ref, receiver_.Guards(ref.id));
      return true;
    }
    default: return false;
  }
}

// What was gathered while the event was handled.
void CoreWorker::AfterEvent() {
  Unblock(tasks_.TakeUnblocked() + receiver_.TakeResumed());
  submitter_.Tidy();
  objects_.directory.Flush();
}

void CoreWorker::OnTimer(TimerKind kind, uint64_t id) {
  switch (kind) {
    case TimerKind::kRetryRequests: core_.requests.OnTimer(); break;
    case TimerKind::kBacklog: submitter_.OnBacklogTimer(); break;
    case TimerKind::kLeaseExpiry: submitter_.OnLeaseExpiry(); break;
    case TimerKind::kTaskRetry: tasks_.OnRetryTimer(id); break;
    case TimerKind::kGetTimeout: Unblock(requests_.OnTimeout(id)); break;
    case TimerKind::kGroupTimeout: groups_.OnTimeout(id); break;
    case TimerKind::kGcsAgain: AskGcsAgain(); break;
    case TimerKind::kBorrowerCheck: objects_.peers.OnTimer(id); break;
    default: ORRERY_ASSERT_MSG(false, "a timer that core workers do not set");
  }
  AfterEvent();
}

// After a pause: a GCS that is away would be lost again at once.
void CoreWorker::OnGcsLost() {
  if (asking_gcs_) return;
  asking_gcs_ = true;
  core_.env.SetTimer(kGcsPause, TimerKind::kGcsAgain, 0);
}

void CoreWorker::AskGcsAgain() {
  asking_gcs_ = false;
  core_.requests.ResendTo(core_.gcs);
  calls_.OnGcsLost();
  actors_.OnGcsLost();
}

void CoreWorker::OnPeerLost(const Address& peer) {
  if (peer == core_.options.node_manager) return OnNodeManagerLost();
  if (core_.gcs && peer.endpoint == core_.gcs.endpoint) {
    OnGcsLost();
  }
  submitter_.OnPeerLost(peer);
  calls_.OnPeerLost(peer);
  receiver_.OnOwnerLost(peer);
  if (objects_.borrowing.Knows(peer) && objects_.peers.OnPeerLost(peer)) {
    objects_.borrowing.OnPeerDead(peer, "the process that owned it is gone");
  }
  AfterEvent();  // a lost worker may have failed what the running task waits for
}

void CoreWorker::OnRegisterWorkerReply(const msg::RegisterWorkerReply& reply) {
  if (!core_.requests.Done({MessageKind::kRegisterWorker, 0, 0})) return;
  if (reply.status() != 0) return Exit(1, reply.message());
  core_.node = NodeId{reply.node()};
  core_.job = JobId{reply.job()};
  core_.SetGcs(FromProto(reply.gcs()));
  // An owner may have been told of this worker, and have sent a task that submits others, before this arrived.
  submitter_.OnRegistered();
  TellReady(0, "");
}

void CoreWorker::OnRegisterDriverReply(const msg::RegisterDriverReply& reply) {
  if (!core_.requests.Done({MessageKind::kRegisterDriver, 0, 0})) return;
  core_.id = WorkerId{reply.worker()};
  core_.node = NodeId{reply.node()};
  core_.job = JobId{reply.job()};
  core_.SetGcs(FromProto(reply.gcs()));
  TellReady(reply.status(), reply.message());
}

void CoreWorker::OnPutObject(msg::PutObject& put) {
  const ObjectId object = FromProto(put.object());
  objects_.store.AddPending(object);
  if (put.refs_size() > 0) objects_.references.Contain(object, put.refs());
  if (put.size() > 0) {
    if (put.in_room()) objects_.client.SealInRoom(core_.Own(object), put.size(), put.offset());
    if (put.in_room() || objects_.client.Seal(object)) return SealStored(object, put.size());
    puts_[object] = put.size();  // modelled: nobody has asked for room or written anything
    return objects_.client.Create(core_.Own(object), put.size(), StoreClient::Purpose::kPut);
  }
  if (static_cast<int64_t>(put.value().size()) > core_.settings.inline_limit) {
    return tasks_.Seal(object, TooLarge(core_, "a value", put.value().size()));
  }
  StoredValue value;
  value.bytes = std::move(*put.mutable_value());
  tasks_.Seal(object, std::move(value));
}

// The own node has it.
void CoreWorker::SealStored(ObjectId object, int64_t size) {
  objects_.store.Get(object)->Extra().size = size;
  objects_.directory.AddCopy(object, core_.id.node(), core_.options.node_manager);
  tasks_.Seal(object, {});
}

void CoreWorker::OnAllocateObject(const msg::AllocateObject& request) {
  const ObjectId object = FromProto(request.object());
  const Address owner = request.result() ? receiver_.OwnerOf(object.task) : core_.options.self;
  Status refused;
  if (!owner) refused = Status(StatusCode::kInvalidArgument, "no task runs that could have a result");
  if (objects_.client.Allocated(object)) refused = Status(StatusCode::kAlreadyExists, "allocated before");
  if (request.size() <= 0) refused = Status(StatusCode::kInvalidArgument, "a size must be positive");
  if (refused.ok()) {
    return objects_.client.Create({object, owner}, request.size(), StoreClient::Purpose::kApplication,
                                  request.request(), request.ahead());
  }
  Draft<msg::ObjectAllocated> answer;
  answer->set_request(request.request());
  answer->set_status(static_cast<uint32_t>(refused.code()));
  answer->set_message(refused.message());
  core_.env.Send(Address::Application(), std::move(answer));
}

void CoreWorker::OnObjectCreated(const msg::ObjectCreated& reply) {
  const std::optional<StoreClient::Created> created = objects_.client.OnCreated(reply);
  if (!created) return;
  switch (created->purpose) {
    case StoreClient::Purpose::kApplication: {
      Draft<msg::ObjectAllocated> answer;
      answer->set_request(created->request);
      answer->set_status(static_cast<uint32_t>(created->status.code()));
      answer->set_message(created->status.message());
      answer->set_offset(created->offset);
      return core_.env.Send(Address::Application(), std::move(answer));
    }
    case StoreClient::Purpose::kResult: return receiver_.OnResultStored(created->object, created->status);
    case StoreClient::Purpose::kPut: {
      auto it = puts_.find(created->object);
      const int64_t size = it->second;
      puts_.erase(it);
      if (created->status.ok()) return SealStored(created->object, size);
      return tasks_.Seal(created->object, {created->status.code(), {}, created->status.message(), {}, 0});
    }
  }
}

void CoreWorker::OnObjectLocal(const msg::ObjectLocal& reply) {
  for (uint64_t request : objects_.client.OnLocal(reply)) {
    if (request == StoreClient::kArguments)
      receiver_.OnArgumentLocal();
    else
      Unblock(requests_.OnObjectLocal(request));
  }
}

void CoreWorker::OnCancelRunning(const Address& from, const msg::CancelRunning& request) {
  if (request.recursive()) tasks_.CancelChildren({{request.owner()}, request.index()});
  receiver_.OnCancelRunning(from, request);
}

// An interrupted task may leave its gets behind.
void CoreWorker::OnTaskExecuted(msg::TaskExecuted& result) {
  Unblock(requests_.ForgetTask(result.execution()) + groups_.ForgetTask(result.execution()));
  receiver_.OnTaskExecuted(result);
}

// An idle worker leaves, unless tasks that it owns are still under way, or objects it owns, borrows or maps are in use:
// they would be lost.
void CoreWorker::OnExitWorker(const msg::ExitWorker& request) {
  if (tasks_.size() == 0 && receiver_.idle() && objects_.idle()) Exit(0, request.reason());
}

void CoreWorker::OnCloseDriver(const msg::CloseDriver& request) {
  tasks_.Close(StatusCode::kCancelled, "the driver has closed");
  submitter_.Close();
  CloseObjects(StatusCode::kCancelled, "the driver has closed");
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
  CloseObjects(StatusCode::kNodeDied, "the driver's node manager is gone");
  for (const RequestKey& key : core_.requests.KeysTo(core_.options.node_manager)) core_.requests.Done(key);
  if (was_closing) return core_.env.Send(Address::Application(), Draft<msg::DriverClosed>());
  TellReady(static_cast<uint32_t>(StatusCode::kUnavailable), "the connection to the node manager was lost");
}

// Node managers free all that this process owns, when they learn of its end. Whoever waits for a value here has an
// answer.
void CoreWorker::CloseObjects(StatusCode status, const std::string& reason) {
  for (const RequestKey& key : core_.requests.Keys()) {
    switch (key.kind) {
      case MessageKind::kAddBorrower:
      case MessageKind::kRemoveBorrower:
      case MessageKind::kGetObjectStatus:
      case MessageKind::kFreeObjects: core_.requests.Done(key); break;
      default: break;
    }
  }
  objects_.Close();
  puts_.clear();
  for (ObjectId object : objects_.store.Keys(core_.id)) {
    const ObjectRecord* record = objects_.store.Get(object);
    if (record != nullptr && !record->ready) tasks_.Seal(object, {status, {}, reason, {}, 0});
  }
  for (uint64_t request : objects_.client.FailAll(Status(status, reason))) Unblock(requests_.OnObjectLocal(request));
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

// So many gets of running tasks have been answered.
void CoreWorker::Unblock(int answered) {
  if (answered == 0) return;
  blocked_gets_ -= answered;
  if (blocked_gets_ == 0) receiver_.SetBlocked(false);
}

void CoreWorker::CheckInvariants(bool full) const {
  submitter_.CheckInvariants(full);
  calls_.CheckInvariants(full);
  receiver_.CheckInvariants(full);
  if (full) objects_.CheckInvariants();
  ORRERY_ASSERT(blocked_gets_ >= 0);
}

}  // namespace orrery
