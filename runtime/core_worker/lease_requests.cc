// Asking for leases: how many, of whom, and what becomes of the question.
#include <algorithm>
#include <cstddef>
#include <utility>

#include "runtime/core_worker/task_submitter.h"
#include "runtime/messages/convert.h"
#include "runtime/messages/message.h"
#include "runtime/messages/orrery.pb.h"

namespace orrery {

const StateChart& TaskSubmitter::Chart() {
  constexpr auto kAtHome = static_cast<uint8_t>(RequestState::kAtHome),
                 kSentOn = static_cast<uint8_t>(RequestState::kSentOn),
                 kCancelling = static_cast<uint8_t>(RequestState::kCancelling), kNone = StateChart::kNone;
  static const StateChart chart("LeaseRequest", {"AtHome", "SentOn", "Cancelling"},
                                {{kNone, kAtHome, "queued tasks are worth another lease"},
                                 {kAtHome, kSentOn, "SPILLBACK"},
                                 {kSentOn, kAtHome, "REJECTED, node lost"},
                                 {kAtHome, kCancelling, "no queued task is left"},
                                 {kSentOn, kCancelling, "no queued task is left"},
                                 {kAtHome, kNone, "GRANTED, FAILED, CANCELLED"},
                                 {kSentOn, kNone, "GRANTED, FAILED, CANCELLED"},
                                 {kCancelling, kNone, "CANCELLED, or GRANTED and returned"}});
  return chart;
}

void TaskSubmitter::RequestLeases(uint32_t class_id) {
  if (closed_ || !core_.node) return;
  Class& klass = classes_.at(class_id);
  int64_t limit = core_.settings.max_pending_lease_requests;
  if (limit < 0) limit = std::max<int64_t>(10, core_.alive_nodes);
  const int64_t depth = Depth(klass);
  const int64_t queued = static_cast<int64_t>(klass.queue.size());
  const int64_t wanted = std::min((queued + depth - 1) / depth, limit);
  while (static_cast<int64_t>(klass.requests.size()) < wanted) {
    const uint64_t index = ++last_lease_;
    klass.requests.insert(index);
    ++klass.open_requests;
    const auto [node, manager] = FirstToAsk(klass);
    auto [it, inserted] = requests_.emplace(index, Request{class_id, manager, node, manager, node});
    SendRequest(index, it->second, {});
  }
  if (queued > wanted && !backlog_armed_ && core_.settings.backlog_report_interval.ns > 0) {
    backlog_armed_ = true;
    core_.env.SetTimer(core_.settings.backlog_report_interval, TimerKind::kBacklog, 0);
  }
}

// Leases that the queued tasks are worth, beyond those that are asked for.
uint64_t TaskSubmitter::BacklogOf(const Class& klass) const {
  const int64_t depth = Depth(klass);
  const int64_t worth = (static_cast<int64_t>(klass.queue.size()) + depth - 1) / depth;
  return static_cast<uint64_t>(std::max<int64_t>(0, worth - static_cast<int64_t>(klass.requests.size())));
}

// The autoscaler must know of tasks for which nobody asks yet. Reported while there are any, and their end once.
void TaskSubmitter::OnBacklogTimer() {
  backlog_armed_ = false;
  for (auto& [id, klass] : classes_) {
    const uint64_t backlog = BacklogOf(klass);
    if (backlog > 0 || klass.backlog > 0) ReportBacklog(klass, backlog);
    backlog_armed_ |= backlog > 0;
  }
  if (backlog_armed_) core_.env.SetTimer(core_.settings.backlog_report_interval, TimerKind::kBacklog, 0);
}

void TaskSubmitter::ReportBacklog(Class& klass, uint64_t backlog) {
  klass.backlog = backlog;
  Draft<msg::ReportBacklog> report;
  report->set_owner(core_.id.value);
  report->mutable_spec()->CopyFrom(klass.spec.As<msg::RequestLease>().spec());
  report->set_backlog(backlog);
  core_.env.Send(core_.options.node_manager, std::move(report));
}

void TaskSubmitter::SendRequest(uint64_t index, Request& request, NodeId rejected_by) {
  const Class& klass = classes_.at(request.class_id);
  Message message = klass.spec.Clone();
  auto& body = message.As<msg::RequestLease>();
  ToProto(LeaseId{core_.id, index}, body.mutable_lease());
  body.set_job(core_.job.value);
  body.set_grant_or_reject(request.state == RequestState::kSentOn);
  body.set_rejected_by(rejected_by.value);
  body.set_hop(++request.hop);
  const int64_t backlog = static_cast<int64_t>(klass.queue.size()) - static_cast<int64_t>(klass.requests.size());
  body.set_backlog(static_cast<uint64_t>(std::max<int64_t>(0, backlog)));
  managers_[request.target_node] = request.target;
  core_.env.Trace({.kind = TraceKind::kLeaseRequested, .task = {core_.id, index}, .node = request.target_node});
  core_.requests.Send(LeaseRequestKey(index), request.target, std::move(message));
}

// Nothing is left that these would serve.
void TaskSubmitter::CancelRequests(Class& klass) {
  for (uint64_t index : klass.requests) {
    Request& request = requests_.at(index);
    Transition(Chart(), request.state, RequestState::kCancelling);
    core_.requests.Done(LeaseRequestKey(index));
    SendCancel(index, request);
  }
  klass.requests.clear();
}

void TaskSubmitter::SendCancel(uint64_t index, const Request& request) {
  Draft<msg::CancelLease> cancel;
  ToProto(LeaseId{core_.id, index}, cancel->mutable_lease());
  cancel->set_hop(request.hop);
  core_.requests.Send(CancelKey(index), request.target, std::move(cancel));
}

// A grant that nobody waits for: of a question that was sent twice, or was given up when its node could not be reached.
// Unless this process has that lease or is giving it back, it must be returned: nobody else would.
void TaskSubmitter::RefuseGrant(const Address& from, const msg::LeaseReply& reply) {
  const uint64_t index = reply.lease().index();
  if (const auto* lease = leases_.Find(index); lease != nullptr && (*lease)->node_manager == from) return;
  if (!core_.requests.Pending(ReturnKey(index, from))) SendReturn(index, WorkerId{reply.worker()}, from, false);
}

void TaskSubmitter::OnLeaseReply(const Address& from, const msg::LeaseReply& reply) {
  const uint64_t index = reply.lease().index();
  if (reply.alive_nodes() > 0) core_.alive_nodes = reply.alive_nodes();
  auto it = requests_.find(index);
  // A grant by the node that is being asked is good, whichever copy of the question it answers.
  const bool wanted =
      it != requests_.end() &&
      (it->second.hop == reply.hop() || (reply.outcome() == msg::LeaseReply::GRANTED && it->second.target == from));
  if (!wanted) {
    core_.env.Trace({.kind = TraceKind::kStaleMessage, .node = NodeId{reply.node()}, .text = "LeaseReply"});
    if (reply.outcome() == msg::LeaseReply::GRANTED) RefuseGrant(from, reply);
    return;
  }
  Request& request = it->second;
  const uint32_t class_id = request.class_id;
  switch (reply.outcome()) {
    case msg::LeaseReply::GRANTED: {
      core_.requests.Done(LeaseRequestKey(index));
      core_.requests.Done(CancelKey(index));
      const Request granted = request;
      classes_.at(class_id).requests.erase(index);
      --classes_.at(class_id).open_requests;
      requests_.erase(it);
      OnGranted(index, granted, reply);
      return;
    }
    case msg::LeaseReply::SPILLBACK: {
      if (request.state != RequestState::kAtHome) return;  // cancelling: the answer to our CancelLease ends it
      Transition(Chart(), request.state, RequestState::kSentOn);
      request.target = FromProto(reply.spill_address());
      request.target_node = NodeId{reply.node()};
      return SendRequest(index, request, {});
    }
    case msg::LeaseReply::REJECTED: {
      if (request.state != RequestState::kSentOn) return;
      Transition(Chart(), request.state, RequestState::kAtHome);
      const NodeId rejected_by = request.target_node;
      request.target = request.home;
      request.target_node = request.home_node;
      return SendRequest(index, request, rejected_by);
    }
    case msg::LeaseReply::CANCELLED:
    case msg::LeaseReply::FAILED:
    default: break;
  }
  core_.requests.Done(LeaseRequestKey(index));
  core_.requests.Done(CancelKey(index));
  const Request ended = request;
  classes_.at(class_id).requests.erase(index);
  --classes_.at(class_id).open_requests;
  MaybeUnused(class_id);
  requests_.erase(it);
  if (reply.outcome() == msg::LeaseReply::FAILED && ended.state != RequestState::kCancelling) {
    RequestFailed(ended, {static_cast<StatusCode>(reply.status()), reply.message()});
  }
  Pump(class_id);
}

// The lease can never be granted: every task that waits for one like it fails with the reason.
void TaskSubmitter::RequestFailed(const Request& request, const Status& status) {
  const std::deque<uint64_t> queue = classes_.at(request.class_id).queue;
  for (uint64_t task : queue) {
    if (tasks_->Find(task) != nullptr) tasks_->Fail(task, {.status = status.code(), .error = status.message()});
  }
}

// The node that was asked is gone: ask at home again. A cancellation goes there too, for the GCS may still hold a place
// on that node for the lease.
void TaskSubmitter::RestartRequests(const std::vector<uint64_t>& indices) {
  for (uint64_t index : indices) {
    auto it = requests_.find(index);
    if (it == requests_.end()) continue;
    Request& request = it->second;
    const NodeId lost = request.target_node;
    request.home = request.target = core_.options.node_manager;
    request.home_node = request.target_node = core_.node;
    if (request.state == RequestState::kCancelling) {
      SendCancel(index, request);
      continue;
    }
    if (request.state == RequestState::kSentOn) Transition(Chart(), request.state, RequestState::kAtHome);
    SendRequest(index, request, lost);
  }
}

void TaskSubmitter::OnRegistered() {
  for (const auto& [id, klass] : classes_) {
    if (!klass.queue.empty()) RequestLeases(id);
  }
}

}  // namespace orrery
