#include "runtime/gcs/autoscaler_state.h"

#include <algorithm>
#include <string>
#include <utility>

#include "runtime/messages/convert.h"
#include "runtime/messages/message.h"
#include "runtime/messages/orrery.pb.h"

namespace orrery {

namespace {

// Reports come once per interval while something waits; who is silent for longer has nothing, or is gone.
constexpr int64_t kSilentIntervals = 3;

std::string RowKey(JobId job) { return std::to_string(job.value); }

}  // namespace

void AutoscalerStateManager::OnReport(const msg::ResourceReport& report) {
  const auto [it, added] = activity_.try_emplace(NodeId{report.node()});
  Activity& activity = it->second;
  const bool busy = report.running_leases() + report.queued_leases() > 0 || report.keeps_objects();
  if (added || (activity.busy && !busy)) activity.idle_since = env_.Now();
  activity.busy = busy;
}

void AutoscalerStateManager::OnReportBacklog(const msg::ReportBacklog& report) {
  const WorkerId owner{report.owner()};
  if (report.backlog() > 0) {
    backlogs_[owner][FromProto(report.spec())] = {report.backlog(), env_.Now()};
  } else if (const auto of_owner = backlogs_.find(owner); of_owner != backlogs_.end()) {
    of_owner->second.erase(FromProto(report.spec()));
    if (of_owner->second.empty()) backlogs_.erase(of_owner);
  }
}

void AutoscalerStateManager::OnLeaseAsked(WorkerId owner, const SchedulingRequest& request) {
  const auto of_owner = backlogs_.find(owner);
  if (of_owner == backlogs_.end()) return;
  const auto backlog = of_owner->second.find(request);
  if (backlog != of_owner->second.end() && backlog->second.count > 0) --backlog->second.count;
}

void AutoscalerStateManager::OnRequestResources(const Address& from, const msg::RequestResources& request) {
  const JobId job{request.job()};
  const JobManager::Job* known = jobs_.Find(job);
  if (!job || (known != nullptr && known->running)) {
    SetFloor(request, env_.Now());
    msg::RequestResources row = request;
    row.set_request(static_cast<uint64_t>(env_.Now().ns));  // of the row: when it was noted
    if (request.bundles().empty())
      env_.Erase(StateTable::kFloors, RowKey(job));
    else
      env_.Put(StateTable::kFloors, RowKey(job), row.SerializeAsString());
  }
  Draft<msg::RequestResourcesReply> reply;
  reply->set_request(request.request());
  env_.Send(from, std::move(reply));
}

void AutoscalerStateManager::SetFloor(const msg::RequestResources& request, Time noted) {
  Floor floor;
  for (const msg::DemandStatus& bundle : request.bundles())
    floor.bundles.emplace_back(FromProto(bundle.spec()), bundle.count());
  floor.expires = request.expires_ns() > 0 ? noted + Duration{request.expires_ns()} : Time{INT64_MAX};
  if (floor.bundles.empty())
    floors_.erase(JobId{request.job()});
  else
    floors_[JobId{request.job()}] = std::move(floor);
}

void AutoscalerStateManager::RestoreFloor(const StateRow& row) {
  msg::RequestResources request;
  ORRERY_ASSERT_MSG(request.ParseFromString(row.value), "a row of the stored state");
  // A clock that began anew since then (the machine was restarted) must not make it last longer than was asked for.
  SetFloor(request, std::min(env_.Now(), Time{static_cast<int64_t>(request.request())}));
}

void AutoscalerStateManager::FillNode(const NodeInfo& info, msg::NodeLoad* node) const {
  node->set_node(info.id.value);
  node->set_name(info.name);
  node->set_head(info.head);
  ToProto(info.labels, node->mutable_labels());
  const NodeView* view = resources_.view().Find(info.id);
  node->set_busy(true);
  if (view == nullptr) return;  // known from before this GCS, and has not said yet what it has
  node->set_draining(view->draining);
  ToProto(view->total, node->mutable_total());
  ToProto(view->available, node->mutable_available());
  const auto activity = activity_.find(info.id);
  // What was just assigned there is not in its reports yet.
  const bool busy = activity == activity_.end() || activity->second.busy || view->available != view->total;
  node->set_busy(busy);
  if (!busy) node->set_idle_ns((env_.Now() - activity->second.idle_since).ns);
}

void AutoscalerStateManager::FillDemands(msg::AutoscalerState& state) {
  const Duration silent = settings_.backlog_report_interval * kSilentIntervals;
  for (auto& [owner, of_owner] : backlogs_)
    std::erase_if(of_owner, [&](const auto& entry) { return env_.Now() - entry.second.reported > silent; });
  std::erase_if(backlogs_, [](const auto& entry) { return entry.second.empty(); });
  std::map<SchedulingRequest, uint64_t> counts;
  for (const ResourceManager::Demand& demand : resources_.PendingDemand()) counts[demand.request] += demand.count;
  for (const auto& [owner, of_owner] : backlogs_) {
    for (const auto& [request, backlog] : of_owner) counts[request] += backlog.count;
  }
  for (const auto& [request, count] : counts) {
    if (count == 0) continue;
    // What a group has reserved, or will: nodes are launched for the group.
    if (request.strategy.kind == SchedulingStrategy::Kind::kPlacementGroup) continue;
    msg::DemandStatus* demand = state.add_demands();
    ToProto(request, demand->mutable_spec());
    demand->set_count(count);
  }
}

void AutoscalerStateManager::FillFloor(msg::AutoscalerState& state) {
  std::erase_if(floors_, [&](const auto& entry) {
    const bool expired = entry.second.expires <= env_.Now();
    if (expired) env_.Erase(StateTable::kFloors, RowKey(entry.first));
    return expired;
  });
  for (const auto& [job, floor] : floors_) {
    for (const auto& [request, count] : floor.bundles) {
      msg::DemandStatus* bundle = state.add_floor();
      ToProto(request, bundle->mutable_spec());
      bundle->set_count(count);
    }
  }
}

void AutoscalerStateManager::OnGetState(const Address& from, const msg::GetAutoscalerState& request) {
  Draft<msg::AutoscalerState> state;
  state->set_round(request.round());
  for (const auto& [id, info] : nodes_.all()) {
    if (info.alive()) FillNode(info, state->add_nodes());
  }
  FillDemands(*state);
  groups_.FillGangs(*state);
  FillFloor(*state);
  env_.Send(from, std::move(state));
}

// No new work from this moment on; the node itself says whether it can go.
void AutoscalerStateManager::OnDrainNode(const Address& from, const msg::DrainNode& request) {
  const NodeId node{request.node()};
  if (!nodes_.Alive(node)) return Answer(from, node, true);
  resources_.SetDraining(node, true);
  drain_askers_[node] = from;
  env_.Trace({.kind = TraceKind::kNodeDraining, .node = node, .text = request.reason()});
  Draft<msg::DrainNode> order;
  order->CopyFrom(request);
  env_.Send(nodes_.Find(node)->address, std::move(order));
}

void AutoscalerStateManager::OnDrained(const msg::DrainNodeReply& reply) {
  const NodeId node{reply.node()};
  if (!reply.accepted()) resources_.SetDraining(node, false);
  const auto asker = drain_askers_.find(node);
  if (asker == drain_askers_.end()) return;
  const Address to = asker->second;
  drain_askers_.erase(asker);
  Answer(to, node, reply.accepted());
}

void AutoscalerStateManager::Answer(const Address& asker, NodeId node, bool accepted) {
  Draft<msg::DrainNodeReply> reply;
  reply->set_node(node.value);
  reply->set_accepted(accepted);
  env_.Send(asker, std::move(reply));
}

void AutoscalerStateManager::OnNodeDead(NodeId node) {
  activity_.erase(node);
  if (const auto asker = drain_askers_.find(node); asker != drain_askers_.end()) {
    const Address to = asker->second;
    drain_askers_.erase(asker);
    Answer(to, node, true);
  }
}

void AutoscalerStateManager::OnOwnerDead(WorkerId owner) { backlogs_.erase(owner); }

void AutoscalerStateManager::OnJobFinished(JobId job) {
  if (floors_.erase(job) != 0) env_.Erase(StateTable::kFloors, RowKey(job));
}

}  // namespace orrery
