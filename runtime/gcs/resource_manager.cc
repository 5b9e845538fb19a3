#include "runtime/gcs/resource_manager.h"

#include <algorithm>
#include <set>
#include <utility>

#include "runtime/messages/convert.h"
#include "runtime/messages/message.h"
#include "runtime/messages/orrery.pb.h"
#include "runtime/scheduling/fit.h"

namespace orrery {

ResourceManager::ResourceManager(Env& env, const Settings& settings, NodeTable& nodes)
    : env_(env),
      nodes_(nodes),
      // The name was checked where the settings came in.
      picker_(std::move(NodePicker::Make(settings.placement, PolicyOptionsFrom(settings))).value()),
      jobs_(settings) {}

void ResourceManager::AddNode(NodeId node, const ResourceSet& total, const Labels& labels) {
  view_.AddNode(node, total, labels);
  jobs_.AddCapacity(total);
  versions_.Insert(node, 0);
  grown_ = true;
  ServeParked(node);
}

void ResourceManager::RestoreNode(NodeId node, const ResourceSet& total, const Labels& labels) {
  view_.AddNode(node, total, labels);
  jobs_.AddCapacity(total);
  view_.SetAvailable(node, {}, {});
  versions_.Insert(node, 0);
}

void ResourceManager::RemoveNode(NodeId node) {
  if (const NodeView* view = view_.Find(node)) jobs_.RemoveCapacity(view->total);
  jobs_.ForgetNode(node);
  view_.RemoveNode(node);
  versions_.Erase(node);
  // Leases sent there: their owners notice the death and ask again.
  std::vector<LeaseId> sent;
  if (const auto* leases = assigned_to_.Find(node)) sent = *leases;
  for (LeaseId lease : sent) DropAssignment(lease, false);
  ForgetAsker(node);
  // An affinity that has become impossible must be answered now, not left to wait.
  for (uint32_t shape = 0; shape < shapes_.size(); ++shape) {
    if (shapes_[shape].request.strategy.affinity_node == node.value) ServeShape(shape);
  }
}

void ResourceManager::OnNodeReconnected(NodeId node) {
  // Places on this node whose acknowledgement may have been lost.
  std::vector<LeaseId> leases;
  if (const auto* on_node = assigned_to_.Find(node)) leases = *on_node;
  for (LeaseId lease : leases) DropAssignment(lease, true);
  ForgetAsker(node);
  ServeParked(node);
}

// Nobody hears the answers to what this node has asked: its questions, and the places that were answers, are void.
void ResourceManager::ForgetAsker(NodeId node) {
  std::vector<LeaseId> orphans;
  for (const auto& [lease, parked] : parked_) {
    if (parked.asker_node == node) orphans.push_back(lease);
  }
  for (LeaseId lease : orphans) Unpark(lease, parked_.at(lease));
  std::vector<LeaseId> unheard;
  std::set<NodeId> grown;
  for (const auto& [lease, assigned] : assigned_) {
    if (assigned.asker_node != node) continue;
    unheard.push_back(lease);
    grown.insert(assigned.node);
  }
  for (LeaseId lease : unheard) DropAssignment(lease, true);
  for (NodeId node_with_room : grown) ServeParked(node_with_room);
}

void ResourceManager::OnReport(const msg::ResourceReport& report) {
  const NodeId node{report.node()};
  uint64_t* version = versions_.Find(node);
  if (version == nullptr || report.version() <= *version) {
    env_.Trace({.kind = TraceKind::kStaleMessage, .node = node, .text = "ResourceReport"});
    return;
  }
  *version = report.version();
  for (const msg::LeaseKey& key : report.seen()) {
    const LeaseId lease = FromProto(key);
    auto it = assigned_.find(lease);
    if (it != assigned_.end() && it->second.node == node) DropAssignment(lease, false);
  }
  std::vector<FixedPoint> gpu_free;
  for (int64_t raw : report.gpu_free()) gpu_free.push_back({raw});
  const ResourceSet available = FromProto(report.available());
  grown_ |= !available.FitsIn(view_.Find(node)->available);
  view_.SetAvailable(node, available, gpu_free);
  if (jobs_.ordered()) {
    std::map<JobId, ResourceSet> use;
    for (const msg::JobUse& job : report.jobs()) use[JobId{job.job()}] += FromProto(job.amounts());
    jobs_.SetReported(node, std::move(use));
  }
  for (const msg::BundleStatus& bundle : report.bundles())
    bundles_.SetAvailable(FromProto(bundle.group()), bundle.index(), node, FromProto(bundle.available()));
  if (const auto* leases = assigned_to_.Find(node)) {
    for (LeaseId lease : *leases) Deduct(assigned_.at(lease));
  }
  NodeInfo* info = nodes_.Find(node);
  info->queued_leases = report.queued_leases();
  info->running_leases = report.running_leases();
  ServeParked(node);
}

const SchedulingRequest* ResourceManager::OnPickNode(const Address& from, const msg::PickNode& request) {
  const NodeId asker{request.node()};
  const SchedulingRequest spec = FromProto(request.spec());
  const uint32_t shape = ShapeOf(spec);
  const Parked parked{from, asker, asker, JobId{request.job()}, shape, 0, {}};
  return Pick(FromProto(request.lease()), parked, NodeId{request.avoid_node()}) ? &shapes_[shape].request : nullptr;
}

void ResourceManager::Place(LeaseId lease, JobId job, const SchedulingRequest& request, NodeId prefer,
                            NodeId refused_by) {
  Pick(lease, {{}, {}, prefer, job, ShapeOf(request), 0, {}}, refused_by);
}

bool ResourceManager::Pick(LeaseId lease, Parked parked, NodeId refused_by) {
  NodeId avoid;
  if (auto it = assigned_.find(lease); it != assigned_.end()) {
    if (it->second.node != refused_by) {
      Answer(parked.asker, lease, it->second.node, Status::Ok());
      return false;
    }
    // The node refused, but has not said why; or it could not be reached. Had it reported, its view would be right now.
    avoid = it->second.node;
    DropAssignment(lease, true);
  }
  if (parked_.count(lease) != 0) return false;
  parked.ticket = next_ticket_++;
  parked.since = env_.Now();
  // Nobody is passed by: where another lease of this shape waits, there is no room for it.
  // To avoid a node is a wish: where no other can serve, it must be asked again, since it may have nothing to report.
  const bool answered =
      shapes_[parked.shape].queue.empty() && (TryAssign(lease, parked, avoid) || (avoid && TryAssign(lease, parked)));
  if (!answered) Park(lease, parked);
  if (avoid) ServeParked(avoid);
  return !refused_by;
}

void ResourceManager::OnCancelPick(LeaseId lease) {
  if (auto it = parked_.find(lease); it != parked_.end()) {
    Unpark(lease, it->second);
  } else if (assigned_.count(lease) != 0) {
    const NodeId node = assigned_.at(lease).node;
    DropAssignment(lease, true);
    ServeParked(node);
  }
}

void ResourceManager::OnOwnerDead(WorkerId owner) {
  std::vector<LeaseId> leases;
  const LeaseId first{owner, 0};
  for (auto it = parked_.lower_bound(first); it != parked_.end() && it->first.owner == owner; ++it) {
    leases.push_back(it->first);
  }
  for (auto it = assigned_.lower_bound(first); it != assigned_.end() && it->first.owner == owner; ++it) {
    leases.push_back(it->first);
  }
  for (LeaseId lease : leases) OnCancelPick(lease);
}

void ResourceManager::SetDraining(NodeId node, bool draining) {
  if (!view_.SetDraining(node, draining) || draining) return;
  grown_ = true;
  ServeParked(node);
}

void ResourceManager::Reserve(LeaseId reservation, JobId job, NodeId node, const ResourceSet& amounts) {
  const Assigned assigned{node, job, ShapeOf({amounts, {}}), {}, {}, SchedulingStrategy::kAnyBundle};
  Assign(reservation, assigned);
}

void ResourceManager::Unreserve(LeaseId reservation) {
  if (assigned_.count(reservation) != 0) OnCancelPick(reservation);
}

void ResourceManager::ServeGroup(PlacementGroupId group) {
  for (uint32_t shape = 0; shape < shapes_.size(); ++shape) {
    if (shapes_[shape].request.strategy.group == group && group) ServeShape(shape);
  }
}

void ResourceManager::Deduct(const Assigned& assigned) {
  const SchedulingRequest& request = shapes_[assigned.shape].request;
  if (assigned.bundle == SchedulingStrategy::kAnyBundle)
    view_.Deduct(assigned.node, request.resources);
  else
    bundles_.Deduct(request.strategy.group, static_cast<uint32_t>(assigned.bundle), request.resources);
}

void ResourceManager::Restore(const Assigned& assigned) {
  const SchedulingRequest& request = shapes_[assigned.shape].request;
  if (assigned.bundle == SchedulingStrategy::kAnyBundle)
    view_.Restore(assigned.node, request.resources);
  else
    bundles_.Restore(request.strategy.group, static_cast<uint32_t>(assigned.bundle), request.resources);
  grown_ = true;
}

std::vector<ResourceManager::Demand> ResourceManager::PendingDemand() const {
  std::vector<Demand> demands;
  for (const Shape& shape : shapes_) {
    if (!shape.queue.empty()) demands.push_back({shape.request, shape.queue.size(), shape.infeasible_traced});
  }
  return demands;
}

uint32_t ResourceManager::ShapeOf(const SchedulingRequest& request) {
  const auto [it, inserted] = shape_ids_.emplace(request, static_cast<uint32_t>(shapes_.size()));
  if (inserted) shapes_.push_back({request, {}, false});
  return it->second;
}

// A hard affinity names the only node that may serve, and what a node has never changes: as in Ray, such a task fails
// at once when that node is dead or could never hold it. Anything else may become feasible when a node joins.
// A group has what it was created with.
Status ResourceManager::WhyNever(const SchedulingRequest& request) const {
  const SchedulingStrategy& strategy = request.strategy;
  if (strategy.kind == SchedulingStrategy::Kind::kPlacementGroup) {
    bool removed = false;
    const std::string never = bundles_.WhyNever(request, removed);
    if (never.empty()) return Status::Ok();
    return {removed ? StatusCode::kPlacementGroupRemoved : StatusCode::kInfeasible, never};
  }
  if (strategy.kind != SchedulingStrategy::Kind::kNodeAffinity || strategy.soft) return Status::Ok();
  const NodeId id{strategy.affinity_node};
  const NodeView* node = view_.Find(id);
  const std::string named = ToString(id) + " of the task's hard node affinity ";
  if (node == nullptr) return {StatusCode::kInfeasible, named + "is not alive"};
  if (!FitsEver(request.resources, node->total)) return {StatusCode::kInfeasible, named + "is too small for it"};
  if (!MatchesAny(strategy, node->labels)) return {StatusCode::kInfeasible, named + "has other labels"};
  return Status::Ok();
}

// A place with room now: a node, or a bundle.
std::optional<BundleView::Location> ResourceManager::Find(LeaseId lease, const Parked& parked, NodeId avoid) {
  Shape& shape = shapes_[parked.shape];
  if (shape.request.strategy.kind == SchedulingStrategy::Kind::kPlacementGroup) {
    return bundles_.Pick(shape.request, avoid);
  }
  const PickContext context{shape.request, parked.prefer, avoid, true};
  const Placement placement = picker_->PickNode(view_, context, env_.RandomFor(RandomStream::kScheduling));
  const bool infeasible = placement.kind == Placement::Kind::kInfeasible;
  if (infeasible && !shape.infeasible_traced) {
    const std::string text = ToString(shape.request.resources);
    env_.Trace({.kind = TraceKind::kInfeasible, .task = {lease.owner, lease.index}, .text = text});
  }
  shape.infeasible_traced = infeasible;
  if (placement.kind != Placement::Kind::kAvailable) return std::nullopt;
  return BundleView::Location{placement.node};
}

// True when the question is answered: with a node, or with the definite error that there will never be one.
bool ResourceManager::TryAssign(LeaseId lease, const Parked& parked, NodeId avoid) {
  const SchedulingRequest& request = shapes_[parked.shape].request;
  if (const Status never = WhyNever(request); !never.ok()) {
    Answer(parked.asker, lease, {}, never);
    return true;
  }
  const std::optional<BundleView::Location> place = Find(lease, parked, avoid);
  if (!place) return false;
  Assigned assigned{place->node, parked.job, parked.shape, parked.asker, parked.asker_node};
  if (request.strategy.kind == SchedulingStrategy::Kind::kPlacementGroup)
    assigned.bundle = static_cast<int32_t>(place->index);
  Assign(lease, assigned);
  Answer(parked.asker, lease, place->node, Status::Ok());
  return true;
}

ResourceManager::Queue::const_iterator ResourceManager::FirstOf(const Head& head) const {
  const Queue& queue = shapes_[head.shape].queue;
  const auto first = queue.lower_bound({head.job, 0});
  return first != queue.end() && first->first.first == head.job ? first : queue.end();
}

void ResourceManager::Park(LeaseId lease, Parked parked) {
  const Head head = HeadOf(parked);
  Queue& queue = shapes_[head.shape].queue;
  if (FirstOf(head) == queue.end()) heads_.emplace(parked.ticket, head);
  queue.emplace(std::pair(head.job, parked.ticket), lease);
  parked_.emplace(lease, parked);
}

void ResourceManager::Unpark(LeaseId lease, const Parked& parked) {
  const Head head = HeadOf(parked);
  Queue& queue = shapes_[head.shape].queue;
  queue.erase({head.job, parked.ticket});
  if (heads_.erase(parked.ticket) != 0) {
    const auto next = FirstOf(head);
    if (next != queue.end()) heads_.emplace(next->first.second, head);
  }
  parked_.erase(lease);
}

void ResourceManager::Assign(LeaseId lease, const Assigned& assigned) {
  Deduct(assigned);
  if (CountsForJob(assigned)) jobs_.Add(assigned.job, shapes_[assigned.shape].request.resources);
  assigned_.emplace(lease, assigned);
  assigned_to_[assigned.node].push_back(lease);
}

void ResourceManager::DropAssignment(LeaseId lease, bool give_back) {
  const Assigned assigned = assigned_.at(lease);
  if (give_back) Restore(assigned);
  if (CountsForJob(assigned)) jobs_.Subtract(assigned.job, shapes_[assigned.shape].request.resources);
  std::vector<LeaseId>& leases = *assigned_to_.Find(assigned.node);
  leases.erase(std::find(leases.begin(), leases.end(), lease));
  if (leases.empty()) assigned_to_.Erase(assigned.node);
  assigned_.erase(lease);
}

// `grown` has more room than before, in itself or in bundles: serves the queues that could use it.
void ResourceManager::ServeParked(NodeId grown) {
  std::map<uint64_t, Head> heads;
  const NodeView* node = view_.Find(grown);
  if (node == nullptr) return;
  for (const auto& [ticket, head] : heads_) {
    const SchedulingRequest& request = shapes_[head.shape].request;
    const bool in_group = request.strategy.kind == SchedulingStrategy::Kind::kPlacementGroup;
    if (in_group || Covers(node->available, request.resources)) heads.emplace(ticket, head);
  }
  Serve(heads);
}

void ResourceManager::ServeShape(uint32_t shape) {
  std::map<uint64_t, Head> heads;
  const Queue& queue = shapes_[shape].queue;
  for (auto first = queue.begin(); first != queue.end(); first = queue.upper_bound({first->first.first, UINT64_MAX}))
    heads.emplace(first->first.second, Head{shape, first->first.first});
  Serve(heads);
}

void ResourceManager::Serve(const std::map<uint64_t, Head>& heads) {
  ClaimQueue<Head> claims(jobs_);
  for (const auto& [ticket, head] : heads) claims.Push(head.job, ticket, head);
  std::set<uint32_t> full;  // shapes for which there is no room any more
  while (const std::optional<Head> head = claims.Pop()) {
    if (full.count(head->shape) != 0) continue;
    const LeaseId lease = FirstOf(*head)->second;
    const Parked parked = parked_.at(lease);
    if (!TryAssign(lease, parked)) {
      full.insert(head->shape);
      continue;
    }
    Unpark(lease, parked);
    const auto next = FirstOf(*head);
    if (next != shapes_[head->shape].queue.end()) claims.Push(head->job, next->first.second, *head);
  }
}

std::vector<ResourceManager::Waiting> ResourceManager::LongestWaiting(size_t per_queue) const {
  std::vector<Waiting> waiting;
  for (const auto& [ticket, head] : heads_) {
    const Shape& shape = shapes_[head.shape];
    auto at = FirstOf(head);
    for (size_t n = 0; n < per_queue && at != shape.queue.end() && at->first.first == head.job; ++n, ++at) {
      const Parked& parked = parked_.at(at->second);
      waiting.push_back({at->second, parked.job, &shape.request, parked.since});
    }
  }
  return waiting;
}

void ResourceManager::Answer(const Address& asker, LeaseId lease, NodeId node, const Status& status) {
  if (!asker) return placed_.push_back({lease, node, status});
  Draft<msg::PickNodeReply> reply;
  ToProto(lease, reply->mutable_lease());
  reply->set_status(static_cast<uint32_t>(status.code()));
  reply->set_message(status.message());
  reply->set_alive_nodes(nodes_.alive_count());
  if (node) {
    reply->set_node(node.value);
    ToProto(nodes_.Find(node)->address, reply->mutable_address());
  }
  env_.Send(asker, std::move(reply));
}

void ResourceManager::CheckInvariants(bool full) const {
  ORRERY_ASSERT(heads_.size() <= parked_.size());
  if (!full) return;
  size_t queued = 0;
  for (const Shape& shape : shapes_) queued += shape.queue.size();
  ORRERY_ASSERT(queued == parked_.size());
  size_t deducted = 0;
  for (NodeId node : view_.ids()) {
    const auto* leases = assigned_to_.Find(node);
    if (leases != nullptr) deducted += leases->size();
  }
  ORRERY_ASSERT(deducted == assigned_.size());
}

}  // namespace orrery
