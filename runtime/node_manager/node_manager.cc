#include "runtime/node_manager/node_manager.h"

#include <algorithm>
#include <utility>

#include "runtime/messages/convert.h"
#include "runtime/messages/orrery.pb.h"

namespace orrery {

namespace {

ObjectStoreOptions StoreOptionsOf(const NodeOptions& options) {
  const int64_t capacity = options.total.Get(ResourceKind::kObjectStoreMemory).raw / FixedPoint::kUnit;
  return {options.self, options.memory, std::max<int64_t>(0, capacity)};
}

}  // namespace

NodeManager::NodeManager(Env& env, Settings settings, NodeOptions options)
    : node_(env, std::move(settings), std::move(options)),
      store_(env, node_.settings, StoreOptionsOf(node_.options)),
      workers_(node_, leases_),
      leases_(node_, workers_, store_.arguments()) {
  store_.SetArgumentListener(&leases_);
}

void NodeManager::Start() { Register(); }

namespace {

// From core workers, who may know of this node (by the GCS, too) before its own registration is confirmed.
bool NeedsNodeId(MessageKind kind) {
  return kind == MessageKind::kRegisterDriver || kind == MessageKind::kFinishDriver ||
         kind == MessageKind::kRequestLease || kind == MessageKind::kCancelLease || kind == MessageKind::kReturnLease ||
         ObjectStore::Handles(kind);
}

}  // namespace

void NodeManager::OnMessage(const Address& from, Message message) {
  Handle(from, std::move(message));
  Settle();
}

void NodeManager::Handle(const Address& from, Message message) {
  if (stopping_ && message.kind() == MessageKind::kRequestLease) return;  // the end of this process answers
  if (!node_.id && NeedsNodeId(message.kind())) {
    before_registration_.emplace_back(from, std::move(message));
    return;
  }
  if (ObjectStore::Handles(message.kind())) return store_.OnMessage(from, message);
  switch (message.kind()) {
    case MessageKind::kRegisterNodeReply: return OnRegisterNodeReply(message.As<msg::RegisterNodeReply>());
    case MessageKind::kHealthCheck: return OnHealthCheck(from, message.As<msg::HealthCheck>());
    case MessageKind::kNodeDied: return OnNodeDied(message.As<msg::NodeDied>(), message);
    case MessageKind::kPickNodeReply: return leases_.OnPickNodeReply(message.As<msg::PickNodeReply>());
    case MessageKind::kRegisterDriver: return OnRegisterDriver(from, std::move(message));
    case MessageKind::kRegisterJobReply: return OnRegisterJobReply(message.As<msg::RegisterJobReply>());
    case MessageKind::kGetJobReply: {
      const auto& reply = message.As<msg::GetJobReply>();
      if (!workers_.OnGetJobReply(reply)) leases_.OnJobFinished(JobId{reply.job()});
      return;
    }
    case MessageKind::kFinishDriver: return OnFinishDriver(from, message.As<msg::FinishDriver>());
    case MessageKind::kFinishJobReply: {
      node_.requests.Done({MessageKind::kFinishJob, message.As<msg::FinishJobReply>().job(), 0});
      return;
    }
    case MessageKind::kJobFinished: return leases_.OnJobFinished(JobId{message.As<msg::JobFinished>().job()});
    case MessageKind::kRequestLease: {
      const auto& request = message.As<msg::RequestLease>();
      if (KnowsOwner(FromProto(request.lease()).owner)) return leases_.OnRequestLease(from, request);
      return node_.env.Trace({.kind = TraceKind::kStaleMessage, .node = node_.id, .text = message.name()});
    }
    case MessageKind::kPreemptLeases: return leases_.OnPreemptLeases(message.As<msg::PreemptLeases>());
    case MessageKind::kCancelLease: return leases_.OnCancelLease(from, message.As<msg::CancelLease>());
    case MessageKind::kReturnLease: return leases_.OnReturnLease(from, message.As<msg::ReturnLease>());
    case MessageKind::kKillLeasedWorker: return leases_.OnKillLeasedWorker(from, message.As<msg::KillLeasedWorker>());
    case MessageKind::kPrepareBundles: return leases_.OnPrepareBundles(from, message.As<msg::PrepareBundles>());
    case MessageKind::kCommitBundles: return leases_.OnCommitBundles(from, message.As<msg::CommitBundles>());
    case MessageKind::kReturnBundles: return leases_.OnReturnBundles(from, message.As<msg::ReturnBundles>());
    case MessageKind::kWorkerBlocked: {
      const auto& notice = message.As<msg::WorkerBlocked>();
      return leases_.OnWorkerBlocked(WorkerId{notice.worker()}, notice.blocked());
    }
    case MessageKind::kRegisterWorker: return workers_.OnRegisterWorker(from, message.As<msg::RegisterWorker>());
    case MessageKind::kProcessStarted: return;  // registration says more
    case MessageKind::kProcessExited: {
      const auto& notice = message.As<msg::ProcessExited>();
      const WorkerId worker{notice.worker()};
      workers_.OnProcessExited(notice);
      store_.OnProcessDead(worker);
      leases_.OnOwnerDead(worker);
      Draft<msg::WorkerDead> dead;  // it may have owned leases, or actors
      dead->set_worker(worker.value);
      node_.env.Send(node_.options.gcs, std::move(dead));
      return MaybeExit();
    }
    case MessageKind::kGetObjectTable: {
      Draft<msg::ObjectTable> table;
      table->set_request(message.As<msg::GetObjectTable>().request());
      store_.Fill(*table);
      return node_.env.Send(from, std::move(table));
    }
    case MessageKind::kReportBacklog: return node_.env.Send(node_.options.gcs, std::move(message));
    case MessageKind::kDrainNode: return OnDrainNode(from, message.As<msg::DrainNode>());
    case MessageKind::kShutdown: return ShutDown(message.As<msg::Shutdown>().reason(), 0);
    default: node_.env.Trace({.kind = TraceKind::kStaleMessage, .node = node_.id, .text = message.name()});
  }
}

void NodeManager::OnTimer(TimerKind kind, uint64_t id) {
  switch (kind) {
    case TimerKind::kResourceReport: leases_.OnReportTimer(); break;
    case TimerKind::kPickRetry: node_.requests.OnTimer(); break;
    case TimerKind::kPromise: leases_.OnPromiseTimer(); break;
    case TimerKind::kIdleReap: workers_.OnIdleReap(); break;
    case TimerKind::kKillGrace: workers_.OnKillGrace(WorkerId{id}); break;
    case TimerKind::kWorkerRegister: workers_.OnRegisterTimeout(WorkerId{id}); break;
    case TimerKind::kDrainDeadline: ShutDown("drained: its deadline has passed", 0); break;
    case TimerKind::kGcsReconnect: ShutDown("the GCS has been unreachable for too long", 1); break;
    case TimerKind::kPullRetry:
    case TimerKind::kOwnerCheck:
    case TimerKind::kRoomsAhead:
    case TimerKind::kCreateTimeout:
    case TimerKind::kSpill: store_.OnTimer(kind, id); break;
    default: ORRERY_ASSERT_MSG(false, "a timer that node managers do not set");
  }
  Settle();
}

void NodeManager::OnPeerLost(const Address& peer) {
  if (peer.endpoint == node_.options.gcs.endpoint) {
    // Registering again makes the connection again, and tells a GCS that forgot us from one that was unreachable.
    if (stopping_) return;
    // From the first loss: every failed attempt is told as a loss too.
    if (!gcs_lost_) node_.env.SetTimer(node_.settings.gcs_reconnect_timeout, TimerKind::kGcsReconnect, 0);
    gcs_lost_ = true;
    if (!node_.requests.Pending({MessageKind::kRegisterNode, 0, 0})) Register();
    return;
  }
  std::erase_if(before_registration_, [&](const auto& waiting) { return waiting.first == peer; });
  store_.OnPeerLost(peer);
  if (!workers_.OnPeerLost(peer)) {
    if (drivers_.count(peer) != 0) OnDriverLost(peer, static_cast<uint32_t>(StatusCode::kOwnerDied));
    leases_.OnOwnerLost(peer);
  }
  Settle();
}

// The news of a process's end comes from the host, and may overtake what the process has sent.
bool NodeManager::KnowsOwner(WorkerId owner) const {
  return owner.node() != node_.id || workers_.Knows(owner) || driver_address_.count(owner) != 0;
}

void NodeManager::Register() {
  Draft<msg::RegisterNode> request;
  ToProto(node_.options.self, request->mutable_address());
  request->set_name(node_.options.name);
  request->set_hostname(node_.options.hostname);
  request->set_pid(node_.options.pid);
  request->set_head(node_.options.head);
  ToProto(node_.options.total, request->mutable_total());
  ToProto(node_.options.labels, request->mutable_labels());
  node_.requests.Send({MessageKind::kRegisterNode, 0, 0}, node_.options.gcs, std::move(request));
}

void NodeManager::OnRegisterNodeReply(const msg::RegisterNodeReply& reply) {
  if (!node_.requests.Done({MessageKind::kRegisterNode, 0, 0})) return;
  node_.env.CancelTimer(TimerKind::kGcsReconnect, 0);
  gcs_lost_ = false;
  if (reply.status() != 0) return ShutDown(reply.message(), 1);
  const NodeId id{reply.node()};
  if (node_.id && node_.id != id) return ShutDown("the GCS lost its state and does not know this node", 1);
  const bool again = static_cast<bool>(node_.id);
  node_.id = id;
  node_.gcs_places_all = reply.places_all();
  store_.SetNode(id);
  if (again) {
    node_.requests.ResendTo(node_.options.gcs);
    workers_.AskAboutJobs();
  }
  leases_.ReportNow();
  for (auto& [address, message] : std::exchange(before_registration_, {})) Handle(address, std::move(message));
}

void NodeManager::OnHealthCheck(const Address& from, const msg::HealthCheck& check) {
  Draft<msg::HealthCheckReply> reply;
  reply->set_node(check.node());
  reply->set_round(check.round());
  node_.env.Send(from, std::move(reply));
}

void NodeManager::OnNodeDied(const msg::NodeDied& notice, const Message& message) {
  // Fenced: whatever this node still holds is void, and a successor gets a new id.
  if (NodeId{notice.node()} == node_.id) return ShutDown("declared dead by the GCS: " + notice.reason(), 1);
  if (node_.alive_nodes > 1) --node_.alive_nodes;
  leases_.OnNodeDied(NodeId{notice.node()});
  store_.OnNodeDied(NodeId{notice.node()});
  workers_.Broadcast(message);
  for (const auto& [address, driver] : drivers_) node_.env.Send(address, message.Clone());
}

void NodeManager::OnRegisterDriver(const Address& from, Message message) {
  if (auto it = drivers_.find(from); it != drivers_.end()) {
    if (it->second.job) AnswerDriver(from, it->second);
    return;
  }
  const auto& request = message.As<msg::RegisterDriver>();
  const WorkerId id = workers_.NextWorkerId();
  Draft<msg::RegisterJob> job;
  job->set_request(id.value);
  job->set_node(node_.id.value);
  job->set_driver(id.value);
  job->set_name(request.name());
  job->set_pid(request.pid());
  job->mutable_worker()->CopyFrom(request.worker());
  job->set_priority(request.priority());
  job->set_weight(request.weight());
  node_.requests.Send({MessageKind::kRegisterJob, id.value, 0}, node_.options.gcs, std::move(job));
  driver_address_[id] = from;
  drivers_.emplace(from, Driver{id, {}, std::move(message)});
}

void NodeManager::OnRegisterJobReply(const msg::RegisterJobReply& reply) {
  if (!node_.requests.Done({MessageKind::kRegisterJob, reply.request(), 0})) return;
  const JobId job{reply.job()};
  auto address = driver_address_.find(WorkerId{reply.request()});
  if (address == driver_address_.end()) return FinishJob(job, static_cast<uint32_t>(StatusCode::kOwnerDied));
  Driver& driver = drivers_.at(address->second);
  driver.job = job;
  workers_.SetCommand(job, driver.request.As<msg::RegisterDriver>().worker());
  // The first task of a driver should not wait for a process to start.
  workers_.Prestart(job, node_.options.total.Get(ResourceKind::kCpu).raw / FixedPoint::kUnit);
  AnswerDriver(address->second, driver);
}

void NodeManager::AnswerDriver(const Address& address, const Driver& driver) {
  Draft<msg::RegisterDriverReply> reply;
  reply->set_worker(driver.id.value);
  reply->set_job(driver.job.value);
  reply->set_node(node_.id.value);
  ToProto(node_.options.gcs, reply->mutable_gcs());
  node_.env.Send(address, std::move(reply));
}

void NodeManager::OnFinishDriver(const Address& from, const msg::FinishDriver& request) {
  OnDriverLost(from, request.status());
  Draft<msg::FinishDriverReply> reply;
  reply->set_job(request.job());
  node_.env.Send(from, std::move(reply));
}

void NodeManager::OnDriverLost(const Address& address, uint32_t status) {
  auto it = drivers_.find(address);
  if (it == drivers_.end()) return;
  const Driver driver = std::move(it->second);
  drivers_.erase(it);
  driver_address_.erase(driver.id);
  store_.OnProcessDead(driver.id);
  leases_.OnOwnerDead(driver.id);
  if (driver.job) {
    FinishJob(driver.job, status);
    leases_.OnJobFinished(driver.job);
  }
}

void NodeManager::FinishJob(JobId job, uint32_t status) {
  Draft<msg::FinishJob> request;
  request->set_job(job.value);
  request->set_status(status);
  node_.requests.Send({MessageKind::kFinishJob, job.value, 0}, node_.options.gcs, std::move(request));
}

// Leases that run or wait, drivers, and objects that exist nowhere else keep a node.
bool NodeManager::Busy() const {
  return leases_.granted() + leases_.queued() + leases_.bundles().size() > 0 || !drivers_.empty() ||
         store_.objects().primaries() > 0;
}

void NodeManager::OnDrainNode(const Address& from, const msg::DrainNode& request) {
  const bool accepted = draining_ || !request.only_if_idle() || !Busy();
  if (accepted && !draining_) {
    draining_ = true;
    leases_.Drain();
    node_.env.SetTimer(Duration{request.deadline_ns()}, TimerKind::kDrainDeadline, 0);
  }
  Draft<msg::DrainNodeReply> reply;
  reply->set_node(node_.id.value);
  reply->set_accepted(accepted);
  node_.env.Send(from, std::move(reply));
}

void NodeManager::Settle() {
  store_.Settle();
  const bool keeps = store_.objects().primaries() > 0;
  if (keeps != keeps_objects_) leases_.SetKeepsObjects(keeps);
  keeps_objects_ = keeps;
  if (draining_ && !stopping_ && !Busy()) {
    node_.env.Trace({.kind = TraceKind::kNodeDrained, .node = node_.id});
    ShutDown("drained", 0);
  }
}

void NodeManager::ShutDown(const std::string& reason, int code) {
  if (stopping_) return;
  stopping_ = true;
  exit_code_ = code;
  stop_reason_ = reason;
  if (node_.id) {
    Draft<msg::UnregisterNode> notice;
    notice->set_node(node_.id.value);
    notice->set_reason(reason);
    node_.env.Send(node_.options.gcs, std::move(notice));
  }
  workers_.KillAll();
  MaybeExit();
}

// The last worker's end ends a node manager that is stopping; kWorkerKillGrace bounds the wait.
void NodeManager::MaybeExit() {
  if (!stopping_ || workers_.size() != 0) return;
  Draft<msg::Exit> exit;
  exit->set_code(exit_code_);
  exit->set_reason(stop_reason_);
  node_.env.Send(Address::Host(), std::move(exit));
}

void NodeManager::CheckInvariants(bool full) const {
  leases_.CheckInvariants(full);
  store_.CheckInvariants(full);
  if (full) workers_.CheckInvariants();
}

}  // namespace orrery
