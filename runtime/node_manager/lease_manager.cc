#include "runtime/node_manager/lease_manager.h"

#include <algorithm>
#include <utility>

#include "runtime/messages/convert.h"
#include "runtime/messages/message.h"
#include "runtime/messages/orrery.pb.h"
#include "runtime/scheduling/node_picker.h"

namespace orrery {

const StateChart& LeaseManager::Chart() {
  constexpr auto kQueued = static_cast<uint8_t>(State::kQueued), kFetching = static_cast<uint8_t>(State::kFetching),
                 kStarting = static_cast<uint8_t>(State::kStarting), kGranted = static_cast<uint8_t>(State::kGranted),
                 kNone = StateChart::kNone;
  static const StateChart chart("Lease", {"Queued", "Fetching", "Starting", "Granted"},
                                {{kNone, kQueued, "RequestLease"},
                                 {kQueued, kStarting, "resources are free here"},
                                 {kQueued, kFetching, "resources are free here; its arguments are not in the store"},
                                 {kFetching, kStarting, "its arguments are here, and resources are free"},
                                 {kFetching, kQueued, "its arguments are here; the resources are taken"},
                                 {kFetching, kNone, "rejected, cancelled, an argument is lost, owner gone"},
                                 {kQueued, kNone, "spilled, cancelled, failed, owner gone"},
                                 {kStarting, kGranted, "a worker is ready"},
                                 {kStarting, kNone, "cancelled, no worker starts, owner gone"},
                                 {kGranted, kNone, "ReturnLease, worker gone"}});
  return chart;
}

LeaseManager::LeaseManager(NodeContext& node, WorkerPool& pool, ArgumentFetcher& arguments)
    : node_(node),
      pool_(pool),
      arguments_(arguments),
      resources_(node.options.total, node.options.labels),
      local_first_(LocalFirst(node.settings.placement)),
      policy_(PolicyOptionsFrom(node.settings)),
      gpu_choice_(MakePolicy(node.settings.placement).value()->gpu_choice()),
      bundles_(node, resources_, gpu_choice_),
      reporter_(node, resources_, bundles_, job_use_) {}

void LeaseManager::OnRequestLease(const Address& from, const msg::RequestLease& request) {
  const LeaseId id = FromProto(request.lease());
  if (request.grant_or_reject()) reporter_.NoteSeen(id);
  if (AnswerKnown(from, id, request.hop())) return;
  if (pool_.Finished(JobId{request.job()})) {
    const Status ended(StatusCode::kCancelled, ToString(JobId{request.job()}) + " has ended");
    return SendOutcome(from, id, request.hop(), msg::LeaseReply::FAILED, ended);
  }
  const uint32_t shape_id = ShapeOf(request.spec());
  const Shape& shape = shapes_[shape_id];
  if (Status status = ValidateRequest(shape.request.resources); !status.ok()) {
    return SendOutcome(from, id, request.hop(), msg::LeaseReply::FAILED, status);
  }
  if (request.grant_or_reject() && (draining_ || !Fits(shape))) return Reject(from, id, request.hop());
  Lease& lease = leases_[id];
  lease.id = id;
  lease.owner = from;
  lease.job = JobId{request.job()};
  lease.shape = shape_id;
  lease.hop = request.hop();
  lease.sent_here = request.grant_or_reject();
  lease.free_cpu = request.free_cpu();
  for (const msg::LeaseArg& arg : request.args()) lease.arguments.push_back({FromProto(arg.object()), arg.size()});
  if (request.grant_or_reject()) {
    if (!TryStart(lease)) {  // amounts fit, but no single GPU does
      Forget(id);
      Reject(from, id, request.hop());
    }
  } else if (shape.queue.empty() && PreferHere(shape) && TryStart(lease)) {
    // The node that could not be reached has not seen the place that the GCS holds for this lease there.
    if (request.rejected_by() != 0) CancelPick(id);
  } else {
    Enqueue(lease);
    Ask(lease, NodeId{request.rejected_by()});
  }
  const int64_t cpus = std::max<int64_t>(0, resources_.available().Get(ResourceKind::kCpu).raw / FixedPoint::kUnit);
  if (ServedHere(shape)) pool_.Prestart(JobId{request.job()}, std::min<int64_t>(cpus, request.backlog()));
  Changed();
}

bool LeaseManager::AnswerKnown(const Address& from, LeaseId id, uint32_t hop) {
  if (auto it = leases_.find(id); it != leases_.end()) {
    Lease& lease = it->second;
    if (hop < lease.hop) return true;  // overtaken by a later question
    lease.hop = hop;
    lease.owner = from;  // a GCS may have a successor
    if (lease.state == State::kGranted) SendGrant(lease);
    return true;
  }
  if (tombstones_.Contains(id)) {
    SendOutcome(from, id, hop, msg::LeaseReply::CANCELLED, Status::Ok());
    return true;
  }
  const Spilled* spilled = spilled_.Find(id);
  if (spilled == nullptr || hop > spilled->hop) return false;
  if (hop == spilled->hop) SendSpill(from, id, *spilled);
  return true;
}

// The GCS sent the lease here: what it believes of this node is wrong, and it should know before it is asked again.
void LeaseManager::Reject(const Address& from, LeaseId id, uint32_t hop) {
  reporter_.Flush();
  SendOutcome(from, id, hop, msg::LeaseReply::REJECTED, Status::Ok());
}

void LeaseManager::CancelPick(LeaseId id) {
  Draft<msg::CancelPick> cancel;
  ToProto(id, cancel->mutable_lease());
  cancel->set_node(node_.id.value);
  node_.env.Send(node_.options.gcs, std::move(cancel));
}

void LeaseManager::OnCancelLease(const Address& from, const msg::CancelLease& request) {
  const LeaseId id = FromProto(request.lease());
  auto it = leases_.find(id);
  if (it != leases_.end()) {
    it->second.hop = std::max(it->second.hop, request.hop());
    // A granted lease is not cancelled but returned: the grant is on its way to the owner.
    if (it->second.state == State::kGranted) return SendGrant(it->second);
    End(id);
    ServeQueues();
  } else {
    // Perhaps sent away with an answer of the GCS that nobody will use now.
    CancelPick(id);
    Bury(id);
  }
  SendOutcome(from, id, request.hop(), msg::LeaseReply::CANCELLED, Status::Ok());
}

void LeaseManager::OnReturnLease(const Address& from, const msg::ReturnLease& request) {
  const LeaseId id = FromProto(request.lease());
  Draft<msg::ReturnLeaseReply> reply;
  ToProto(id, reply->mutable_lease());
  node_.env.Send(from, std::move(reply));
  auto it = leases_.find(id);
  if (it == leases_.end() || it->second.state != State::kGranted) return;
  const WorkerId worker = it->second.worker;
  node_.env.Trace(
      {.kind = TraceKind::kLeaseReturned, .task = {id.owner, id.index}, .node = node_.id, .worker = worker});
  by_worker_.Erase(worker);
  it->second.worker = {};
  End(id);
  // The worker first: the leases that get the freed resources find it there, and start no process.
  pool_.Release(worker, request.worker_broken());
  ServeQueues();
}

void LeaseManager::OnKillLeasedWorker(const Address& from, const msg::KillLeasedWorker& request) {
  const LeaseId id = FromProto(request.lease());
  if (auto it = leases_.find(id); it != leases_.end() && it->second.state == State::kGranted) {
    it->second.owner = from;
    return pool_.Kill(it->second.worker);
  }
  Draft<msg::WorkerFailed> gone;
  gone->mutable_lease()->CopyFrom(request.lease());
  gone->set_worker(request.worker());
  gone->set_reason("ended before");
  node_.env.Send(from, std::move(gone));
}

void LeaseManager::OnPickNodeReply(const msg::PickNodeReply& reply) {
  const LeaseId id = FromProto(reply.lease());
  node_.alive_nodes = reply.alive_nodes();
  const bool expected = node_.requests.Done({MessageKind::kPickNode, id.owner.value, id.index});
  const NodeId target{reply.node()};
  if (target && target == node_.id) reporter_.NoteSeen(id);
  auto it = leases_.find(id);
  if (!expected || it == leases_.end() || it->second.state != State::kQueued) {
    node_.env.Trace({.kind = TraceKind::kStaleMessage, .node = node_.id, .text = "PickNodeReply"});
    if (target && target != node_.id) CancelPick(id);
    return;
  }
  Lease& lease = it->second;
  lease.picking = false;
  if (reply.status() != 0) {
    Fail(id, {static_cast<StatusCode>(reply.status()), reply.message()});
  } else if (target == node_.id) {
    if (!TryStart(lease)) Ask(lease, {});
  } else {
    node_.env.Trace({.kind = TraceKind::kLeaseSpilled, .task = {id.owner, id.index}, .node = target});
    const Spilled spilled{lease.hop, target, FromProto(reply.address())};
    SendSpill(lease.owner, id, spilled);
    if (spilled_.Insert(id, spilled).second)
      spilled_order_.push_back(id);
    else
      spilled_[id] = spilled;
    if (spilled_order_.size() > kTombstones) {
      spilled_.Erase(spilled_order_.front());
      spilled_order_.pop_front();
    }
    Dequeue(lease);
    Forget(id);
  }
  Changed();
}

void LeaseManager::OnWorkerBlocked(WorkerId worker, bool blocked) {
  const LeaseId* id = by_worker_.Find(worker);
  if (id == nullptr) return;
  Lease& lease = leases_.at(*id);
  if (lease.blocked == blocked || lease.free_cpu) return;
  if (!lease.arguments.empty()) arguments_.SetBlocked(*id, blocked);
  SetBlocked(lease, blocked);
}

// A blocked worker uses no CPU: others may.
void LeaseManager::SetBlocked(Lease& lease, bool blocked) {
  lease.blocked = blocked;
  if (blocked) {
    GiveCpuBack(lease);
    ServeQueues();
  } else {
    TakeCpuAgain(lease);
  }
  Changed();
}

void LeaseManager::OnOwnerLost(const Address& owner) {
  std::vector<LeaseId> ids;
  for (const auto& [id, lease] : leases_) {
    if (lease.owner == owner) ids.push_back(id);
  }
  if (!ids.empty()) EndAll(ids);
}

void LeaseManager::OnOwnerDead(WorkerId owner) {
  std::vector<LeaseId> ids;
  for (auto it = leases_.lower_bound({owner, 0}); it != leases_.end() && it->first.owner == owner; ++it) {
    ids.push_back(it->first);
  }
  EndAll(ids);
}

void LeaseManager::OnNodeDied(NodeId node) {
  std::vector<LeaseId> ids;
  const LeaseId first{WorkerId::Of(node, 0), 0};
  for (auto it = leases_.lower_bound(first); it != leases_.end() && it->first.owner.node() == node; ++it)
    ids.push_back(it->first);
  if (!ids.empty()) EndAll(ids);
}

void LeaseManager::OnJobFinished(JobId job) {
  std::vector<LeaseId> ids;
  for (const auto& [id, lease] : leases_) {
    if (lease.job == job) ids.push_back(id);
  }
  EndAll(ids);
  pool_.KillJob(job);
}

void LeaseManager::OnWorkerReady(LeaseId id, WorkerId worker, const Address& address) {
  Lease& lease = leases_.at(id);
  ORRERY_ASSERT(lease.state == State::kStarting);
  Transition(node_.env, Chart(), id.index, lease.state, State::kGranted);
  lease.worker = worker;
  lease.worker_address = address;
  lease.begun = ++last_begun_;
  by_worker_.Insert(worker, id);
  node_.env.Trace({.kind = TraceKind::kLeaseGranted, .task = {id.owner, id.index}, .node = node_.id, .worker = worker});
  SendGrant(lease);
  if (lease.free_cpu) SetBlocked(lease, true);
}

void LeaseManager::OnWorkerGone(LeaseId id, WorkerId worker, const std::string& reason) {
  auto it = leases_.find(id);
  if (it == leases_.end()) return;
  SendWorkerFailed(it->second, reason, StatusCode::kOk);
  by_worker_.Erase(worker);
  it->second.worker = {};
  End(id);
  ServeQueues();
}

void LeaseManager::OnNoWorker(LeaseId id, const std::string& reason) {
  if (leases_.count(id) == 0) return;
  Fail(id, {StatusCode::kWorkerDied, reason});
  ServeQueues();
}

uint32_t LeaseManager::ShapeOf(const msg::SchedulingSpec& spec) {
  SchedulingRequest request = FromProto(spec);
  const auto [it, inserted] = shape_ids_.emplace(request, static_cast<uint32_t>(shapes_.size()));
  if (inserted) {
    const SchedulingStrategy& strategy = request.strategy;
    const bool free_choice =
        strategy.kind == SchedulingStrategy::Kind::kDefault && strategy.soft_labels.empty() && local_first_;
    const bool pinned_here =
        strategy.kind == SchedulingStrategy::Kind::kNodeAffinity && strategy.affinity_node == node_.id.value;
    const bool matches =
        pinned_here ? MatchesAny(strategy, node_.options.labels) : Matches(strategy.hard_labels, node_.options.labels);
    const bool can = request.resources.FitsIn(node_.options.total) && matches;
    shapes_.push_back({std::move(request), can && (free_choice || pinned_here), {}});
  }
  return it->second;
}

// Would the policy choose this node, whatever the others are?
bool LeaseManager::PreferHere(const Shape& shape) const {
  if (!ServedHere(shape)) return false;
  if (InGroup(shape) || shape.request.strategy.kind == SchedulingStrategy::Kind::kNodeAffinity) return true;
  return HybridKeepsLocal(resources_, shape.request, policy_);
}

void LeaseManager::Enqueue(Lease& lease) {
  Shape& shape = shapes_[lease.shape];
  lease.ticket = next_ticket_++;
  if (shape.queue.empty()) heads_.emplace(lease.ticket, lease.shape);
  shape.queue.emplace(lease.ticket, lease.id);
  ++queued_;
}

void LeaseManager::Dequeue(Lease& lease) {
  if (lease.ticket == 0) return;
  Shape& shape = shapes_[lease.shape];
  const bool head = shape.queue.begin()->first == lease.ticket;
  if (head) heads_.erase(lease.ticket);
  shape.queue.erase(lease.ticket);
  if (head && !shape.queue.empty()) heads_.emplace(shape.queue.begin()->first, lease.shape);
  lease.ticket = 0;
  --queued_;
}

void LeaseManager::Ask(Lease& lease, NodeId avoid) {
  lease.picking = true;
  // Not to be sent back here: the GCS must know first that this node is full.
  if (!Fits(shapes_[lease.shape])) reporter_.Flush();
  Draft<msg::PickNode> question;
  ToProto(lease.id, question->mutable_lease());
  question->set_node(node_.id.value);
  question->set_avoid_node(avoid.value);
  ToProto(shapes_[lease.shape].request, question->mutable_spec());
  question->set_job(lease.job.value);
  node_.requests.Send({MessageKind::kPickNode, lease.id.owner.value, lease.id.index}, node_.options.gcs,
                      std::move(question));
}

void LeaseManager::StopAsking(Lease& lease) {
  if (!lease.picking) return;
  lease.picking = false;
  node_.requests.Done({MessageKind::kPickNode, lease.id.owner.value, lease.id.index});
  CancelPick(lease.id);
}

// Gives the lease its resources and a worker, if they are free now. A lease whose arguments are not here begins to
// fetch them instead, or fails.
bool LeaseManager::TryStart(Lease& lease) {
  if (draining_) return false;
  if (!lease.arguments.empty()) {
    Result<bool> here = arguments_.Fetch(lease.id, lease.arguments);
    if (!here.ok()) return Fail(lease.id, here.status()), true;
    if (!*here) return TryFetch(lease);  // false: it stays in the queue, and is fetched meanwhile
  }
  if (!Allocate(lease)) return false;
  Dequeue(lease);
  StopAsking(lease);
  if (!lease.arguments.empty()) {
    LeaveFetching(lease);
    ORRERY_ASSERT(arguments_.Hold(lease.id));
  }
  Transition(node_.env, Chart(), lease.id.index, lease.state, State::kStarting);
  Changed();
  pool_.Pop(lease.job, lease.id);
  return true;
}

// Resources are promised to no more fetching leases than there are free ones. Inside a bundle none are.
bool LeaseManager::TryFetch(Lease& lease) {
  if (lease.state == State::kFetching) return true;
  const Shape& shape = shapes_[lease.shape];
  ResourceSet promised = promised_;
  promised += shape.request.resources;
  if (InGroup(shape) ? !Fits(shape) : !resources_.FitsNow(promised)) return false;
  Dequeue(lease);
  StopAsking(lease);
  Transition(node_.env, Chart(), lease.id.index, lease.state, State::kFetching);
  ++fetching_;
  if (InGroup(shape)) return Changed(), true;
  promised_ = std::move(promised);
  if (promises_.empty()) node_.env.SetTimer(kPromise, TimerKind::kPromise, 0);
  promises_.insert(lease.id);
  Changed();
  return true;
}

void LeaseManager::LeaveFetching(Lease& lease) {
  if (lease.state != State::kFetching) return;
  --fetching_;
  EndPromise(lease);
}

void LeaseManager::EndPromise(const Lease& lease) {
  if (promises_.erase(lease.id) == 0) return;
  promised_ -= shapes_[lease.shape].request.resources;
  if (promises_.empty()) node_.env.CancelTimer(TimerKind::kPromise, 0);
}

// A promise lasts while bytes arrive. What a lease waits for otherwise may need the very resources that are kept back
// for it: an argument that is lost must be made again, room in the store must be given up by a task that has not begun.
void LeaseManager::OnPromiseTimer() {
  std::vector<LeaseId> idle;
  for (LeaseId id : promises_) {
    if (!arguments_.Arriving(id)) idle.push_back(id);
  }
  node_.env.SetTimer(kPromise, TimerKind::kPromise, 0);
  for (LeaseId id : idle) EndPromise(leases_.at(id));
  if (idle.empty()) return;
  Changed();
  ServeQueues();
}

void LeaseManager::OnArguments(LeaseId id, const Status& status) {
  const auto it = leases_.find(id);
  if (it == leases_.end()) return;
  Lease& lease = it->second;
  if (!status.ok()) {
    Fail(id, status);
    return ServeQueues();
  }
  if (lease.state == State::kQueued) return ServeQueues();
  if (lease.state != State::kFetching || TryStart(lease)) return;
  // Leases without arguments, or whose arguments were here, took what it was promised.
  if (lease.sent_here) {
    const Address owner = lease.owner;
    const uint32_t hop = lease.hop;
    Forget(id);
    return Reject(owner, id, hop);
  }
  LeaveFetching(lease);
  Transition(node_.env, Chart(), id.index, lease.state, State::kQueued);
  Enqueue(lease);
  Ask(lease, {});
  Changed();
}

void LeaseManager::Fail(LeaseId id, const Status& status) {
  const Lease& lease = leases_.at(id);
  const Address owner = lease.owner;
  const uint32_t hop = lease.hop;
  End(id);
  SendOutcome(owner, id, hop, msg::LeaseReply::FAILED, status);
}

void LeaseManager::Forget(LeaseId id) {
  Lease& lease = leases_.at(id);
  LeaveFetching(lease);
  if (!lease.arguments.empty()) arguments_.Drop(id);
  leases_.erase(id);
}

// Serves waiting leases that this node may take, oldest head first; a shape stops at its first that does not fit.
void LeaseManager::ServeQueues() {
  std::vector<uint32_t> shapes;
  for (const auto& [ticket, shape] : heads_) {
    if (ServedHere(shapes_[shape]) && Fits(shapes_[shape])) shapes.push_back(shape);
  }
  for (uint32_t shape : shapes) {
    while (!shapes_[shape].queue.empty()) {
      if (!TryStart(leases_.at(shapes_[shape].queue.begin()->second))) break;
    }
  }
}

void LeaseManager::End(LeaseId id) {
  Lease& lease = leases_.at(id);
  if (!lease.arguments.empty()) arguments_.Drop(id);
  if (lease.state == State::kFetching) {
    LeaveFetching(lease);
  } else if (lease.state == State::kQueued) {
    StopAsking(lease);
    Dequeue(lease);
  } else {
    if (lease.state == State::kStarting) pool_.CancelWait(lease.job, id);
    if (lease.blocked) TakeCpuAgain(lease);
    FreeResources(lease);
  }
  ORRERY_ASSERT(!lease.worker);  // whoever ends a granted lease has taken its worker away first
  const LeaseId reservation = lease.slot.reservation;
  leases_.erase(id);
  Bury(id);
  Changed();
  if (reservation) TryReturnBundles(reservation);
}

// From now on this lease is over: a late question for it finds a tombstone.
void LeaseManager::Bury(LeaseId id) {
  if (!tombstones_.Insert(id, true).second) return;
  tombstone_order_.push_back(id);
  if (tombstone_order_.size() > kTombstones) {
    tombstones_.Erase(tombstone_order_.front());
    tombstone_order_.pop_front();
  }
}

// The owner of these leases is gone: its workers may be computing for nobody, and are killed.
void LeaseManager::EndAll(const std::vector<LeaseId>& ids) {
  for (LeaseId id : ids) {
    Lease& lease = leases_.at(id);
    if (lease.state == State::kGranted) {
      pool_.Kill(lease.worker);  // the process's exit ends the lease and frees what it holds
    } else {
      End(id);
    }
  }
  ServeQueues();
}

void LeaseManager::Changed() {
  reporter_.SetLoad(queued(), granted(), promised_);
  reporter_.MarkChanged();
}

}  // namespace orrery
