#include "runtime/core_worker/task_submitter.h"

#include <algorithm>
#include <utility>

#include "runtime/core_worker/actor_submitter.h"
#include "runtime/messages/convert.h"
#include "runtime/messages/message.h"
#include "runtime/messages/orrery.pb.h"

namespace orrery {

namespace {
bool HasRefs(const msg::TaskReply& reply) {
  return std::any_of(reply.stored().begin(), reply.stored().end(), [](const auto& s) { return s.refs_size() > 0; });
}
}  // namespace

void TaskSubmitter::Enqueue(uint64_t task, OwnedTask& entry, bool front) {
  const uint32_t class_id = entry.class_id =
      entry.holds ? ClassOf(entry) : entry.submit.As<msg::SubmitTask>().class_id();
  auto it = classes_.find(class_id);
  ORRERY_ASSERT_MSG(it != classes_.end(), "task of an undefined class");
  if (front)
    it->second.queue.push_front(task);
  else
    it->second.queue.push_back(task);
  Pump(class_id);
}

void TaskSubmitter::Remove(uint64_t task, const OwnedTask& entry) {
  Class& klass = classes_.at(entry.class_id);
  MaybeUnused(entry.class_id);
  auto it = std::find(klass.queue.begin(), klass.queue.end(), task);
  ORRERY_ASSERT(it != klass.queue.end());
  klass.queue.erase(it);
  if (klass.queue.empty()) CancelRequests(klass);
}

void TaskSubmitter::CancelPushed(uint64_t task, const OwnedTask& entry, bool recursive) {
  const auto* lease = leases_.Find(entry.lease);
  if (lease == nullptr) return;
  Draft<msg::CancelRunning> cancel;
  cancel->set_owner(core_.id.value);
  cancel->set_index(task);
  cancel->set_force(entry.force);
  cancel->set_recursive(recursive);
  core_.requests.Send({MessageKind::kCancelRunning, task, 0}, (*lease)->address, std::move(cancel));
}

// Sends what can be sent, then asks for the leases that the rest is worth.
void TaskSubmitter::Pump(uint32_t class_id) {
  Class& klass = classes_.at(class_id);
  while (!klass.queue.empty() && PushNext(klass)) {
  }
  if (klass.queue.empty())
    CancelRequests(klass);
  else
    RequestLeases(class_id);
}

bool TaskSubmitter::PushNext(Class& klass) {
  if (klass.usable.empty()) return false;
  const auto [in_flight, index] = *klass.usable.begin();
  Lease& lease = **leases_.Find(index);
  if (in_flight == 0 && TooOld(lease)) {
    ReturnLease(lease, false);
    return true;
  }
  if (static_cast<int64_t>(in_flight) >= Depth(klass) || TooOld(lease)) return false;
  const uint64_t task = klass.queue.front();
  OwnedTask& entry = *tasks_->Find(task);
  const bool alone = entry.attempt > 0 || entry.retries_left == 0;
  if (alone && in_flight > 0) return false;
  klass.queue.pop_front();
  lease.exclusive = alone;
  Push(klass, lease, task, entry);
  return true;
}

void TaskSubmitter::Push(const Class& klass, Lease& lease, uint64_t task, OwnedTask& entry) {
  Transition(OwnedTask::Chart(), entry.state, OwnedTask::State::kPushed);
  entry.lease = lease.index;
  entry.push = ++core_.pushes;
  if (lease.in_flight.empty()) idle_.erase({lease.idle_since, lease.index});
  const size_t before = lease.in_flight.size();
  lease.in_flight.push_back(task);
  UpdateUsable(lease, before);
  Draft<msg::PushTask> push;
  push->mutable_spec()->CopyFrom(entry.submit.As<msg::SubmitTask>().spec());
  const SchedulingStrategy& strategy = klass.request.strategy;
  if (strategy.capture_child_tasks)
    ToProto(strategy.group, push->mutable_spec()->mutable_capture_group());
  else if (strategy.group)
    ToProto(strategy.group, push->mutable_spec()->mutable_group());
  push->set_attempt(entry.attempt);
  push->set_sequence(entry.push);
  for (const auto& [gpu, raw] : lease.gpus) {
    msg::GpuShare* share = push->add_gpus();
    share->set_index(gpu);
    share->set_raw(raw);
  }
  core_.env.Send(lease.address, std::move(push));
}

// How many tasks may be in flight on one worker: 1 until run times are known, then `pipeline_target` of expected work.
int64_t TaskSubmitter::Depth(const Class& klass) const {
  const int64_t target = core_.settings.pipeline_target.ns;
  if (klass.mean_run_ns < 0 || klass.mean_run_ns >= target) return 1;
  const int64_t depth = target / std::max<int64_t>(klass.mean_run_ns, 1000);
  return std::clamp<int64_t>(depth, 1, std::max<int64_t>(1, core_.settings.max_tasks_in_flight_per_worker));
}

void TaskSubmitter::OnGranted(uint64_t index, const Request& request, const msg::LeaseReply& reply) {
  // Its node manager leases a worker once at a time: should an older lease of this worker be here, it is over.
  const Address worker_address = FromProto(reply.worker_address());
  if (const uint64_t* older = by_worker_.Find(worker_address)) {
    LeaseLost(*older, StatusCode::kWorkerDied, "its worker was leased anew");
  }
  auto owned = std::make_unique<Lease>();
  Lease& lease = *owned;
  lease.index = index;
  lease.class_id = request.class_id;
  lease.worker = WorkerId{reply.worker()};
  lease.address = worker_address;
  lease.node_manager = request.target;
  lease.node = NodeId{reply.node()};
  for (const msg::GpuShare& share : reply.gpus()) lease.gpus.emplace_back(share.index(), share.raw());
  lease.granted = lease.idle_since = core_.env.Now();
  Class& klass = classes_.at(lease.class_id);
  ++klass.leases;
  klass.usable.insert({0, index});
  by_worker_[lease.address] = index;
  leases_.Insert(index, std::move(owned));
  if (closed_ || klass.queue.empty()) return ReturnLease(lease, false);
  Pump(lease.class_id);
}

void TaskSubmitter::OnReturnLeaseReply(const Address& from, const msg::ReturnLeaseReply& reply) {
  core_.requests.Done(ReturnKey(reply.lease().index(), from));
}

void TaskSubmitter::OnTaskReply(const Address& from, msg::TaskReply& reply) {
  const uint64_t task = reply.index();
  OwnedTask* entry = tasks_->Find(task);
  if (entry != nullptr && entry->role == OwnedTask::Role::kActorCall) {
    calls_->OnTaskReply(from, reply, *entry);
    if (HasRefs(reply)) TakeOver(from, reply);
    return;
  }
  auto* slot = entry == nullptr ? nullptr : leases_.Find(entry->lease);
  if (slot == nullptr || entry->state != OwnedTask::State::kPushed || entry->push != reply.sequence() ||
      (*slot)->address != from) {
    core_.env.Trace(
        {.kind = TraceKind::kStaleMessage, .task = {core_.id, task}, .attempt = reply.attempt(), .text = "TaskReply"});
    if (HasRefs(reply)) TakeOver(from, reply);  // behind the registrations of a first copy, if there was one
    return;
  }
  Lease& lease = **slot;
  const size_t before = lease.in_flight.size();
  auto position = lease.in_flight.begin();
  if (*position != task) position = std::find(lease.in_flight.begin(), lease.in_flight.end(), task);
  ORRERY_ASSERT(position != lease.in_flight.end());
  lease.in_flight.erase(position);
  const uint32_t class_id = lease.class_id;
  const uint64_t index = lease.index;
  Class& klass = classes_.at(class_id);
  lease.blocked = reply.requeue();
  if (lease.in_flight.empty()) lease.exclusive = lease.blocked = false;
  UpdateUsable(lease, before);
  if (entry->cancelled) core_.requests.Done({MessageKind::kCancelRunning, task, 0});
  if (reply.requeue() && entry->cancelled) {
    tasks_->Complete(task, {.status = StatusCode::kCancelled, .error = "cancelled before it ran"},
                     reply.mutable_returns());
  } else if (reply.requeue()) {
    Transition(OwnedTask::Chart(), entry->state, OwnedTask::State::kQueued);
    klass.queue.push_front(task);
  } else {
    const int64_t run = std::max<int64_t>(0, reply.finish_ns() - reply.start_ns());
    ++klass.runs;
    klass.mean_run_ns = klass.mean_run_ns < 0 ? run : klass.mean_run_ns + (run - klass.mean_run_ns) / 8;
    tasks_->Complete(task,
                     {static_cast<StatusCode>(reply.status()), std::move(*reply.mutable_error()),
                      std::move(*reply.mutable_stack()), lease.node, lease.worker, reply.start_ns(), reply.finish_ns()},
                     reply.mutable_returns(), reply.stored_size() > 0 ? &reply.stored() : nullptr);
    if (HasRefs(reply)) TakeOver(from, reply);
  }
  // A result may have released tasks that already used this lease, or gave it back.
  if (auto* left = leases_.Find(index)) Settle(**left);
  Pump(class_id);
}

// The refs inside the results are ours to keep alive, as soon as their owners know.
void TaskSubmitter::TakeOver(const Address& worker, const msg::TaskReply& reply) {
  Draft<msg::TaskReplyReceived> received;
  received->set_owner(reply.owner());
  received->set_index(reply.index());
  received->set_sequence(reply.sequence());
  objects_.borrowing.SendAfterRegistrations(worker, std::move(received));
}

// After a reply: an idle lease is kept for a moment when its tasks are short, else given back.
void TaskSubmitter::Settle(Lease& lease) {
  Class& klass = classes_.at(lease.class_id);
  if (!lease.in_flight.empty()) return;
  if (lease.lost || closed_ || TooOld(lease)) return ReturnLease(lease, lease.lost);
  if (!klass.queue.empty()) return;
  // Of tasks that take this argument there may be no second one.
  if (lease.class_id >= kWithArguments && klass.runs < 2) return ReturnLease(lease, false);
  const bool brief = klass.mean_run_ns >= 0 && klass.mean_run_ns < core_.settings.pipeline_target.ns;
  if (!brief) return ReturnLease(lease, false);
  lease.idle_since = core_.env.Now();
  idle_.insert({lease.idle_since, lease.index});
  if (expiry_armed_) return;
  expiry_armed_ = true;
  core_.env.SetTimer(core_.settings.lease_idle_timeout, TimerKind::kLeaseExpiry, 0);
}

void TaskSubmitter::OnLeaseExpiry() {
  expiry_armed_ = false;
  const Time now = core_.env.Now();
  while (!idle_.empty() && now - idle_.begin()->first >= core_.settings.lease_idle_timeout) {
    ReturnLease(**leases_.Find(idle_.begin()->second), false);
  }
  if (idle_.empty()) return;
  expiry_armed_ = true;
  core_.env.SetTimer(idle_.begin()->first + core_.settings.lease_idle_timeout - now, TimerKind::kLeaseExpiry, 0);
}

void TaskSubmitter::UpdateUsable(Lease& lease, size_t before) {
  auto& usable = classes_.at(lease.class_id).usable;
  usable.erase({before, lease.index});
  const bool room = static_cast<int64_t>(lease.in_flight.size()) < Depth(classes_.at(lease.class_id));
  if (room && !lease.blocked && !lease.exclusive && !lease.lost) usable.insert({lease.in_flight.size(), lease.index});
}

bool TaskSubmitter::TooOld(const Lease& lease) const {
  return core_.env.Now() - lease.granted > core_.settings.worker_lease_timeout;
}

// The lease must be empty; `lease` is gone afterwards.
void TaskSubmitter::ReturnLease(Lease& lease, bool broken) {
  ORRERY_ASSERT(lease.in_flight.empty());
  SendReturn(lease.index, lease.worker, lease.node_manager, broken);
  core_.requests.Done(KillKey(lease.index));
  MaybeUnused(lease.class_id);
  Class& klass = classes_.at(lease.class_id);
  klass.usable.erase({0, lease.index});
  --klass.leases;
  idle_.erase({lease.idle_since, lease.index});
  by_worker_.Erase(lease.address);
  leases_.Erase(lease.index);
}

void TaskSubmitter::SendReturn(uint64_t index, WorkerId worker, const Address& node_manager, bool broken) {
  Draft<msg::ReturnLease> message;
  ToProto(LeaseId{core_.id, index}, message->mutable_lease());
  message->set_worker(worker.value);
  message->set_worker_broken(broken);
  core_.requests.Send(ReturnKey(index, node_manager), node_manager, std::move(message));
}

// The worker is gone: every task in flight on it has used an attempt, for any of them may have started.
void TaskSubmitter::LeaseLost(uint64_t index, StatusCode status, const std::string& reason) {
  auto* slot = leases_.Find(index);
  if (slot == nullptr) return;
  const std::unique_ptr<Lease> lease = std::move(*slot);
  leases_.Erase(index);
  core_.requests.Done(KillKey(index));
  MaybeUnused(lease->class_id);
  Class& klass = classes_.at(lease->class_id);
  klass.usable.erase({lease->in_flight.size(), index});
  --klass.leases;
  idle_.erase({lease->idle_since, index});
  by_worker_.Erase(lease->address);
  // Back to front, so that retried tasks stand in the queue in their old order.
  for (auto it = lease->in_flight.rbegin(); it != lease->in_flight.rend(); ++it) {
    core_.requests.Done({MessageKind::kCancelRunning, *it, 0});
    const std::string error = ToString(lease->worker) + " on " + ToString(lease->node) + " died: " + reason;
    tasks_->AttemptFailed(*it, {.status = status, .error = error, .node = lease->node, .worker = lease->worker});
  }
  Pump(lease->class_id);
}

// One lease may have been granted by two nodes, one after the other, when the first grant was lost on its way: only the
// end of the worker that this lease runs on concerns it.
void TaskSubmitter::OnWorkerFailed(const msg::WorkerFailed& notice) {
  const uint64_t index = notice.lease().index();
  const auto* lease = leases_.Find(index);
  if (lease != nullptr && (*lease)->worker != WorkerId{notice.worker()}) {
    return core_.env.Trace({.kind = TraceKind::kStaleMessage, .task = {core_.id, index}, .text = "WorkerFailed"});
  }
  const auto status = notice.status() == 0 ? StatusCode::kWorkerDied : static_cast<StatusCode>(notice.status());
  LeaseLost(index, status, notice.reason());
}

void TaskSubmitter::OnNodeDied(NodeId node, const std::string& reason) {
  std::vector<uint64_t> leases;
  leases_.CollectKeys(leases);
  std::sort(leases.begin(), leases.end());
  for (uint64_t index : leases) {
    auto* slot = leases_.Find(index);
    if (slot != nullptr && (*slot)->node == node)
      LeaseLost(index, StatusCode::kNodeDied, "node declared dead: " + reason);
  }
  std::vector<uint64_t> asked;
  for (const auto& [index, request] : requests_) {
    if (request.target_node == node) asked.push_back(index);
  }
  RestartRequests(asked);
  // A machine that vanished breaks no connection for a long time: what is still being said to it is void.
  if (const Address* manager = managers_.Find(node)) {
    for (const RequestKey& key : core_.requests.KeysTo(*manager)) core_.requests.Done(key);
    managers_.Erase(node);
  }
}

// Whether that costs an attempt, its node manager knows: it may have ended the worker itself (to make room, with its
// group). What it says comes another way than the end of the connection, and may come later; so it is asked, as Ray
// asks (GetWorkerFailureCause). Whatever has become of the process, it ends.
void TaskSubmitter::OnWorkerUnreachable(Lease& lease) {
  if (lease.in_flight.empty()) return ReturnLease(lease, true);
  if (std::exchange(lease.lost, true)) return;
  classes_.at(lease.class_id).usable.erase({lease.in_flight.size(), lease.index});
  Draft<msg::KillLeasedWorker> kill;
  ToProto(LeaseId{core_.id, lease.index}, kill->mutable_lease());
  kill->set_worker(lease.worker.value);
  core_.requests.Send(KillKey(lease.index), lease.node_manager, std::move(kill));
}

void TaskSubmitter::OnPeerLost(const Address& peer) {
  if (const uint64_t* found = by_worker_.Find(peer)) return OnWorkerUnreachable(**leases_.Find(*found));
  if (peer == core_.options.node_manager) return;
  std::vector<uint64_t> asked;
  for (const RequestKey& key : core_.requests.KeysTo(peer)) {
    if (key.kind == MessageKind::kKillLeasedWorker) LeaseLost(key.a, StatusCode::kWorkerDied, "connection lost");
    const bool asks = key.kind == MessageKind::kRequestLease || key.kind == MessageKind::kCancelLease;
    if (asks || key.kind == MessageKind::kReturnLease || key.kind == MessageKind::kCancelRunning) {
      core_.requests.Done(key);
    }
    if (asks) asked.push_back(key.a);
  }
  RestartRequests(asked);
}

void TaskSubmitter::Close() {
  closed_ = true;
  for (auto& [id, klass] : classes_) CancelRequests(klass);
  std::vector<uint64_t> indices;
  leases_.CollectKeys(indices);
  std::sort(indices.begin(), indices.end());
  for (uint64_t index : indices) {
    Lease& lease = **leases_.Find(index);
    const bool busy = !lease.in_flight.empty();
    for (uint64_t task : lease.in_flight) core_.requests.Done({MessageKind::kCancelRunning, task, 0});
    classes_.at(lease.class_id).usable.erase({lease.in_flight.size(), index});
    lease.in_flight.clear();
    ReturnLease(lease, busy);  // what still runs there runs for nobody
  }
}

std::vector<WorkerId> TaskSubmitter::BusyWorkers() const {
  std::vector<uint64_t> indices;
  leases_.CollectKeys(indices);
  std::vector<WorkerId> workers;
  for (uint64_t index : indices) {
    const Lease& lease = **leases_.Find(index);
    if (!lease.in_flight.empty()) workers.push_back(lease.worker);
  }
  std::sort(workers.begin(), workers.end());
  return workers;
}

void TaskSubmitter::CheckInvariants(bool full) const {
  ORRERY_ASSERT(by_worker_.size() == leases_.size());
  if (!full) return;
  size_t leases = 0;
  for (const auto& [id, klass] : classes_) {
    leases += klass.leases;
    ORRERY_ASSERT(klass.usable.size() <= klass.leases);
    for (uint64_t index : klass.requests) ORRERY_ASSERT(requests_.at(index).state != RequestState::kCancelling);
    for (const auto& [in_flight, index] : klass.usable)
      ORRERY_ASSERT((*leases_.Find(index))->in_flight.size() == in_flight);
  }
  ORRERY_ASSERT(leases == leases_.size());
  for (const auto& [since, index] : idle_) ORRERY_ASSERT((*leases_.Find(index))->in_flight.empty());
  // What nobody waits for would never be asked again, and a lease that nobody watches would never go back.
  for (const auto& [index, request] : requests_) {
    ORRERY_ASSERT(
        closed_ ||
        core_.requests.Pending(request.state == RequestState::kCancelling ? CancelKey(index) : LeaseRequestKey(index)));
  }
  std::vector<uint64_t> indices;
  leases_.CollectKeys(indices);
  for (uint64_t index : indices) {
    const Lease& lease = **leases_.Find(index);
    ORRERY_ASSERT(!lease.lost || core_.requests.Pending(KillKey(index)));
    ORRERY_ASSERT(!lease.in_flight.empty() || idle_.count({lease.idle_since, index}) != 0);
  }
}

}  // namespace orrery
