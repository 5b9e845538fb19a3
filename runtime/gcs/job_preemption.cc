#include "runtime/gcs/job_preemption.h"

#include <algorithm>
#include <set>
#include <utility>

#include "runtime/messages/convert.h"
#include "runtime/messages/message.h"
#include "runtime/messages/orrery.pb.h"
#include "runtime/scheduling/fit.h"

namespace orrery {

namespace {

double LargestLack(const ResourceSet& wanted, const ResourceSet& free, const ResourceSet& total) {
  double largest = 0;
  for (size_t i = 0; i < kPredefinedResources; ++i) {
    const auto kind = static_cast<ResourceKind>(i);
    const FixedPoint lacks = wanted.Get(kind) - free.Get(kind);
    if (wanted.Get(kind).raw > 0 && lacks.raw > 0) largest = std::max(largest, lacks.value() / total.Get(kind).value());
  }
  for (const auto& [name, amount] : wanted.custom()) {
    const FixedPoint lacks = amount - free.Get(name);
    if (lacks.raw > 0) largest = std::max(largest, lacks.value() / total.Get(name).value());
  }
  return largest;
}

bool MayRunOn(const SchedulingStrategy& strategy, const NodeView& node) {
  using Kind = SchedulingStrategy::Kind;
  if (node.draining || strategy.kind == Kind::kPlacementGroup) return false;
  const bool elsewhere = strategy.kind == Kind::kNodeAffinity && strategy.affinity_node != node.id.value;
  return MatchesAny(strategy, node.labels) && (!elsewhere || strategy.soft);
}

}  // namespace

bool JobPreemption::Plan::Better(const Plan& other) const {
  if (!other.node) return true;
  return std::pair(priority, lacking) < std::pair(other.priority, other.lacking);
}

void JobPreemption::OnReport(const msg::ResourceReport& report) {
  if (!enabled_) return;
  std::map<JobId, ResourceSet>& use = by_tasks_[NodeId{report.node()}];
  use.clear();
  for (const msg::JobUse& job : report.jobs()) use[JobId{job.job()}] = FromProto(job.by_tasks());
}

void JobPreemption::Watch() {
  if (!enabled_ || resources_.parked() == 0 || std::exchange(armed_, true)) return;
  env_.SetTimer(Duration{std::max<int64_t>(delay_.ns / kRoundsPerDelay, Duration::Millis(1).ns)},
                TimerKind::kPreemption, 0);
}

void JobPreemption::OnTimer() {
  armed_ = false;
  const Time now = env_.Now();
  ClaimQueue<size_t> claims(resources_.jobs());
  const std::vector<ResourceManager::Waiting> waiting = resources_.LongestWaiting(kPerQueue);
  std::map<LeaseId, Ask> asked;  // of leases that still wait
  for (size_t i = 0; i < waiting.size(); ++i) {
    const auto before = asked_.find(waiting[i].lease);
    if (before != asked_.end() && now - before->second.when < delay_) asked.insert(*before);
    claims.Push(waiting[i].job, i, i);
  }
  asked_ = std::move(asked);
  std::set<std::pair<JobId, const SchedulingRequest*>> hopeless;
  while (const std::optional<size_t> next = claims.Pop()) {
    const ResourceManager::Waiting& lease = waiting[*next];
    if (now - lease.since < delay_ || asked_.count(lease.lease) != 0) continue;
    if (hopeless.count({lease.job, lease.request}) != 0) continue;
    Plan best;
    for (NodeId id : resources_.view().ids()) {
      Plan plan = PlanOn(*resources_.view().Find(id), lease);
      if (plan.node && plan.Better(best)) best = std::move(plan);
    }
    if (best.node)
      MakeRoom(lease, best);
    else
      hopeless.emplace(lease.job, lease.request);
  }
}

JobPreemption::Plan JobPreemption::PlanOn(const NodeView& node, const ResourceManager::Waiting& lease) const {
  const ResourceSet& wanted = lease.request->resources;
  const auto use = by_tasks_.find(node.id);
  if (use == by_tasks_.end() || !MayRunOn(lease.request->strategy, node) || !FitsEver(wanted, node.total)) return {};
  ResourceSet free = node.available;
  free -= BeingMade(node.id);
  const int32_t mine = resources_.jobs().TermsOf(lease.job).priority;
  std::vector<std::pair<int32_t, JobId>> lower;
  for (const auto& [job, amounts] : use->second) {
    const int32_t priority = resources_.jobs().TermsOf(job).priority;
    if (priority < mine) lower.emplace_back(priority, job);
  }
  std::sort(lower.begin(), lower.end());
  Plan plan;
  plan.lacking = LargestLack(wanted, free, node.total);
  for (const auto& [priority, job] : lower) {
    if (Covers(free, wanted)) break;
    free += use->second.at(job);
    plan.priority = priority;
    plan.jobs.push_back(job);
  }
  if (!plan.jobs.empty() && Covers(free, wanted)) plan.node = node.id;
  return plan;
}

ResourceSet JobPreemption::BeingMade(NodeId node) const {
  ResourceSet total;
  for (const auto& [id, ask] : asked_) {
    if (ask.node == node) total += ask.amounts;
  }
  return total;
}

void JobPreemption::MakeRoom(const ResourceManager::Waiting& lease, const Plan& plan) {
  asked_[lease.lease] = {plan.node, lease.request->resources, env_.Now()};
  Draft<msg::PreemptLeases> request;
  ToProto(lease.lease, request->mutable_lease());
  ToProto(BeingMade(plan.node), request->mutable_amounts());
  for (JobId job : plan.jobs) request->add_jobs(job.value);
  request->set_reason("made room for " + ToString(lease.job) + ", which has a higher priority");
  env_.Send(nodes_.Find(plan.node)->address, std::move(request));
}

}  // namespace orrery
