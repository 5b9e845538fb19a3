#include "runtime/gcs/gcs.h"

#include "runtime/messages/convert.h"
#include "runtime/messages/orrery.pb.h"

namespace orrery {

namespace {
std::string RowKey(NodeId node) { return std::to_string(node.value); }
}  // namespace

Gcs::Gcs(Env& env, Settings settings, StoredState stored)
    : world_(env),
      env_(env, stored.durable),
      settings_(std::move(settings)),
      health_(env_, settings_),
      resources_(env_, settings_, nodes_),
      jobs_(env_, resources_.jobs()),
      preemption_(env_, settings_, nodes_, resources_),
      groups_(env_, settings_, nodes_, resources_, jobs_),
      autoscaler_(env_, settings_, nodes_, resources_, groups_, jobs_),
      actors_(env_, settings_, nodes_, resources_, jobs_),
      kv_(env_) {
  Restore(stored.rows);
}

void Gcs::Start() {
  for (const auto& [id, info] : nodes_.all()) {
    if (!info.alive()) continue;
    health_.Watch(id, info.address);
    (void)health_.OnConnectionLost(id);  // checks at once: it may have died while there was no GCS
  }
  groups_.Start();
  actors_.Start();
  AfterEvent();
}

void Gcs::OnMessage(const Address& from, Message message) {
  if (message.kind() == MessageKind::kStateStored) {
    if (Status status = env_.OnStateStored(message.As<msg::StateStored>()); !status.ok()) {
      Draft<msg::Exit> exit;
      exit->set_code(1);
      exit->set_reason("cannot store the cluster's state: " + status.message());
      return world_.Send(Address::Host(), std::move(exit));
    }
  } else {
    Handle(from, std::move(message));
  }
  AfterEvent();
}

// What the parts have for one another, then what must be stored.
void Gcs::AfterEvent() {
  actors_.TakePlaces();
  for (JobId job : actors_.TakeEndedJobs()) FinishJob(job, 0);
  groups_.NoticeGrowth();
  preemption_.Watch();
  env_.Commit();
}

void Gcs::Handle(const Address& from, Message message) {
  switch (message.kind()) {
    case MessageKind::kRegisterNode: return OnRegisterNode(from, message.As<msg::RegisterNode>());
    case MessageKind::kUnregisterNode: {
      const auto& notice = message.As<msg::UnregisterNode>();
      if (nodes_.Alive(NodeId{notice.node()})) DeclareDead(NodeId{notice.node()}, notice.reason());
      return;
    }
    case MessageKind::kHealthCheckReply: {
      const auto& reply = message.As<msg::HealthCheckReply>();
      health_.Heard(NodeId{reply.node()});
      return health_.OnReply(NodeId{reply.node()}, reply.round());
    }
    case MessageKind::kResourceReport: {
      const auto& report = message.As<msg::ResourceReport>();
      if (!FromAliveNode(from, NodeId{report.node()})) return;
      autoscaler_.OnReport(report);
      preemption_.OnReport(report);
      resources_.OnReport(report);
      return;
    }
    case MessageKind::kPickNode: {
      const auto& request = message.As<msg::PickNode>();
      if (!FromAliveNode(from, NodeId{request.node()})) return;
      if (const SchedulingRequest* asked = resources_.OnPickNode(from, request))
        autoscaler_.OnLeaseAsked(FromProto(request.lease()).owner, *asked);
      return;
    }
    case MessageKind::kCancelPick: {
      const auto& notice = message.As<msg::CancelPick>();
      if (FromAliveNode(from, NodeId{notice.node()})) resources_.OnCancelPick(FromProto(notice.lease()));
      return;
    }
    case MessageKind::kWorkerDead: {
      const WorkerId worker{message.As<msg::WorkerDead>().worker()};
      OnOwnerDead(worker);
      return actors_.OnWorkerDead(worker);
    }
    case MessageKind::kRegisterJob: return jobs_.OnRegisterJob(from, std::move(message));
    case MessageKind::kFinishJob: return OnFinishJob(from, message.As<msg::FinishJob>());
    case MessageKind::kGetJob: return jobs_.OnGetJob(from, message.As<msg::GetJob>());
    case MessageKind::kKvPut:
    case MessageKind::kKvGet:
    case MessageKind::kKvDelete:
    case MessageKind::kKvKeys: return kv_.OnMessage(from, message);
    case MessageKind::kReportBacklog: return autoscaler_.OnReportBacklog(message.As<msg::ReportBacklog>());
    case MessageKind::kRequestResources:
      return autoscaler_.OnRequestResources(from, message.As<msg::RequestResources>());
    case MessageKind::kGetAutoscalerState: return autoscaler_.OnGetState(from, message.As<msg::GetAutoscalerState>());
    case MessageKind::kDrainNode: return autoscaler_.OnDrainNode(from, message.As<msg::DrainNode>());
    case MessageKind::kDrainNodeReply: return autoscaler_.OnDrained(message.As<msg::DrainNodeReply>());
    case MessageKind::kGetClusterStatus: return OnClusterStatus(from, message.As<msg::GetClusterStatus>());
    case MessageKind::kShutdown: return OnShutdown(message.As<msg::Shutdown>());
    default:
      if (actors_.OnMessage(from, message) || groups_.OnMessage(from, message)) return;
      // A confused or newer peer must not stop the cluster.
      env_.Trace({.kind = TraceKind::kStaleMessage, .text = message.name()});
  }
}

void Gcs::OnTimer(TimerKind kind, uint64_t id) {
  switch (kind) {
    case TimerKind::kActorRetry: actors_.OnTimer(); break;
    case TimerKind::kGroupRetry: groups_.OnRetryTimer(); break;
    case TimerKind::kGroupsWait: groups_.OnWaitTimer(); break;
    case TimerKind::kPreemption: preemption_.OnTimer(); break;
    case TimerKind::kHealthCheck: {
      const NodeId node{static_cast<uint32_t>(id)};
      if (health_.OnTimer(node) == HealthMonitor::Verdict::kDead) DeclareDead(node, "health checks went unanswered");
      break;
    }
    default: ORRERY_ASSERT_MSG(false, "a timer that the GCS does not set");
  }
  AfterEvent();
}

void Gcs::OnPeerLost(const Address& peer) {
  actors_.OnPeerLost(peer);
  groups_.OnPeerLost(peer);
  const NodeInfo* node = nodes_.FindByAddress(peer);
  const bool alive = node != nullptr && node->alive();
  if (alive && health_.OnConnectionLost(node->id) == HealthMonitor::Verdict::kDead)
    DeclareDead(node->id, "connection lost");
  AfterEvent();
}

void Gcs::OnRegisterNode(const Address& from, const msg::RegisterNode& request) {
  const auto [node, added] = nodes_.Register(request);
  if (added) {
    env_.PutCounter("epoch", nodes_.epoch());
    env_.PutCounter("last_node", nodes_.last_id());
    env_.Put(StateTable::kNodes, RowKey(node->id), request.SerializeAsString());
  }
  Draft<msg::RegisterNodeReply> reply;
  reply->set_node(node->id.value);
  reply->set_epoch(nodes_.epoch());
  reply->set_places_all(resources_.jobs().ordered());
  if (!node->alive()) {
    reply->set_status(static_cast<uint32_t>(StatusCode::kNodeDied));
    reply->set_message("declared dead (" + node->death_reason + "); start again as a new node");
  }
  env_.Send(from, std::move(reply));
  if (!added) {
    health_.Heard(node->id);
    if (!node->alive()) return;
    RepeatNews(from);
    resources_.OnNodeReconnected(node->id);
    actors_.OnNodeReconnected(node->id);
    groups_.OnNodeReconnected(node->address);
    return;
  }
  env_.Trace({.kind = TraceKind::kNodeRegistered, .node = node->id, .text = node->name});
  health_.Watch(node->id, node->address);
  resources_.AddNode(node->id, FromProto(request.total()), node->labels);
}

// The node's connection was broken: what it may have missed, once more.
void Gcs::RepeatNews(const Address& node) {
  for (NodeId dead : nodes_.RecentlyDead(kNewsRepeated)) SendNodeDied(node, dead, nodes_.Find(dead)->death_reason);
  for (JobId job : jobs_.RecentlyFinished(kNewsRepeated)) SendJobFinished(node, job);
}

void Gcs::SendJobFinished(const Address& to, JobId job) {
  Draft<msg::JobFinished> notice;
  notice->set_job(job.value);
  env_.Send(to, std::move(notice));
}

void Gcs::DeclareDead(NodeId node, const std::string& reason) {
  const Address address = nodes_.Find(node)->address;
  env_.Trace({.kind = TraceKind::kNodeDead, .node = node, .text = reason});
  const NodeId forgotten = nodes_.MarkDead(node, reason);
  env_.PutCounter("epoch", nodes_.epoch());
  msg::StoredEnd end;
  end.set_order(nodes_.epoch());
  end.set_reason(reason);
  env_.Put(StateTable::kDeadNodes, RowKey(node), end.SerializeAsString());
  if (forgotten) {
    env_.Erase(StateTable::kNodes, RowKey(forgotten));
    env_.Erase(StateTable::kDeadNodes, RowKey(forgotten));
  }
  health_.Forget(node);
  resources_.RemoveNode(node);
  preemption_.OnNodeDead(node);
  groups_.OnNodeDead(node, address);
  actors_.OnNodeDead(node, address, reason);
  autoscaler_.OnNodeDead(node);
  SendNodeDied(address, node, reason);  // should it still live, it must end: its leases are void
  for (const auto& [id, info] : nodes_.all()) {
    if (info.alive()) SendNodeDied(info.address, node, reason);
  }
  for (JobId job : jobs_.RunningOn(node)) FinishJob(job, static_cast<uint32_t>(StatusCode::kNodeDied));
}

void Gcs::OnFinishJob(const Address& from, const msg::FinishJob& request) {
  FinishJob(JobId{request.job()}, request.status());
  Draft<msg::FinishJobReply> reply;
  reply->set_job(request.job());
  env_.Send(from, std::move(reply));
}

void Gcs::FinishJob(JobId job, uint32_t status) {
  if (!jobs_.Finish(job, status)) return;
  const WorkerId driver = jobs_.Find(job)->driver;
  OnOwnerDead(driver);
  autoscaler_.OnJobFinished(job);
  actors_.OnJobFinished(job, driver);
  groups_.OnJobFinished(job);
  for (const auto& [id, info] : nodes_.all()) {
    if (info.alive()) SendJobFinished(info.address, job);
  }
}

void Gcs::OnOwnerDead(WorkerId owner) {
  resources_.OnOwnerDead(owner);
  autoscaler_.OnOwnerDead(owner);
}

void Gcs::OnShutdown(const msg::Shutdown& request) {
  for (const auto& [id, info] : nodes_.all()) {
    if (!info.alive()) continue;
    Draft<msg::Shutdown> notice;
    notice->set_reason(request.reason());
    env_.Send(info.address, std::move(notice));
  }
  Draft<msg::Exit> exit;
  exit->set_reason(request.reason());
  env_.Send(Address::Host(), std::move(exit));
}

bool Gcs::FromAliveNode(const Address& from, NodeId node) {
  health_.Heard(node);
  if (nodes_.Alive(node)) return true;
  const NodeInfo* info = nodes_.Find(node);
  SendNodeDied(from, node, info == nullptr ? "unknown to this GCS" : info->death_reason);
  return false;
}

void Gcs::SendNodeDied(const Address& to, NodeId node, const std::string& reason) {
  Draft<msg::NodeDied> notice;
  notice->set_node(node.value);
  notice->set_epoch(nodes_.epoch());
  notice->set_reason(reason);
  env_.Send(to, std::move(notice));
}

void Gcs::FillJobs(msg::ClusterStatus& status) const {
  const JobShares& shares = resources_.jobs();
  for (const auto& [id, job] : jobs_.all()) {
    msg::JobStatus* out = status.add_jobs();
    out->set_job(id.value);
    out->set_name(job.name);
    out->set_pid(job.pid);
    out->set_node(job.driver.node().value);
    out->set_running(job.running);
    out->set_status(job.status);
    out->set_priority(job.terms.priority);
    out->set_weight(job.terms.weight.raw);
    ToProto(shares.UseOf(id), out->mutable_amounts());
    out->set_dominant_share(shares.DominantShare(id));
  }
}

void Gcs::OnClusterStatus(const Address& from, const msg::GetClusterStatus& request) {
  Draft<msg::ClusterStatus> reply;
  reply->set_request(request.request());
  reply->set_epoch(nodes_.epoch());
  for (const auto& [id, info] : nodes_.all()) {
    msg::NodeStatus* node = reply->add_nodes();
    node->set_node(id.value);
    node->set_name(info.name);
    node->set_hostname(info.hostname);
    node->set_pid(info.pid);
    node->set_alive(info.alive());
    node->set_head(info.head);
    node->set_death_reason(info.death_reason);
    node->set_queued_leases(info.queued_leases);
    node->set_running_leases(info.running_leases);
    ToProto(info.address, node->mutable_address());
    ToProto(info.labels, node->mutable_labels());
    if (const NodeView* view = resources_.view().Find(id)) {
      ToProto(view->total, node->mutable_total());
      ToProto(view->available, node->mutable_available());
    }
  }
  FillJobs(*reply);
  for (const ResourceManager::Demand& demand : resources_.PendingDemand()) {
    msg::DemandStatus* out = reply->add_demands();
    ToProto(demand.request, out->mutable_spec());
    out->set_count(demand.count);
    out->set_infeasible(demand.infeasible);
  }
  actors_.Fill(*reply);
  groups_.Fill(*reply);
  env_.Send(from, std::move(reply));
}

void Gcs::CheckInvariants(bool full) const {
  actors_.CheckInvariants(full);
  groups_.CheckInvariants(full);
  resources_.CheckInvariants(full);
  if (full) nodes_.CheckInvariants();
}

}  // namespace orrery
