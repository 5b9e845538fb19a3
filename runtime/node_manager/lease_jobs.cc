// Leases and jobs that compete: what each job uses of this node, and who makes room for whom.
#include <algorithm>
#include <cstddef>
#include <tuple>
#include <utility>

#include "runtime/messages/convert.h"
#include "runtime/messages/message.h"
#include "runtime/messages/orrery.pb.h"
#include "runtime/node_manager/lease_manager.h"
#include "runtime/scheduling/fit.h"

namespace orrery {

ResourceSet LeaseManager::HeldBy(const Lease& lease) const {
  if (lease.slot || lease.state == State::kQueued || lease.state == State::kFetching) return {};
  ResourceSet held = shapes_[lease.shape].request.resources;
  if (lease.blocked) held.Set(ResourceKind::kCpu, {});
  return held;
}

void LeaseManager::CountUse(const Lease& lease, const ResourceSet& more, const ResourceSet& less) {
  const auto use = job_use_.try_emplace(lease.job).first;
  use->second.all += more;
  use->second.all -= less;
  if (!OfActor(lease)) {
    use->second.by_tasks += more;
    use->second.by_tasks -= less;
  }
  if (use->second == JobUse()) job_use_.erase(use);
}

void LeaseManager::GiveCpuBack(const Lease& lease) {
  InstancesOf(lease).ReturnCpu(CpuOf(lease));
  if (!lease.slot) CountUse(lease, {}, ResourceSet().Set(ResourceKind::kCpu, CpuOf(lease)));
}

void LeaseManager::TakeCpuAgain(const Lease& lease) {
  InstancesOf(lease).TakeCpu(CpuOf(lease));
  if (!lease.slot) CountUse(lease, ResourceSet().Set(ResourceKind::kCpu, CpuOf(lease)), {});
}

// Of what is wanted, and not free yet, `held` has some.
static bool Helps(const ResourceSet& held, const ResourceSet& wanted, const ResourceSet& free) {
  const auto helps = [](FixedPoint has, FixedPoint want, FixedPoint is_free) { return want > is_free && has.raw > 0; };
  for (size_t i = 0; i < kPredefinedResources; ++i) {
    const auto kind = static_cast<ResourceKind>(i);
    if (helps(held.Get(kind), wanted.Get(kind), free.Get(kind))) return true;
  }
  return std::any_of(wanted.custom().begin(), wanted.custom().end(), [&](const auto& custom) {
    return helps(held.Get(custom.first), custom.second, free.Get(custom.first));
  });
}

// Only tasks: an actor would lose its state, and what is reserved for a group stays reserved.
std::vector<LeaseId> LeaseManager::VictimsFor(const ResourceSet& wanted, const std::vector<JobId>& jobs) const {
  ResourceSet free = resources_.available();
  free -= promised_;
  std::vector<std::tuple<std::ptrdiff_t, uint64_t, LeaseId>> candidates;  // by job as named, then the youngest first
  for (const auto& [id, lease] : leases_) {
    if (lease.state != State::kGranted || lease.slot || OfActor(lease)) continue;
    const auto job = std::find(jobs.begin(), jobs.end(), lease.job);
    if (lease.preempted)
      free += HeldBy(lease);
    else if (job != jobs.end())
      candidates.emplace_back(job - jobs.begin(), ~lease.begun, id);
  }
  std::sort(candidates.begin(), candidates.end());
  std::vector<LeaseId> victims;
  for (const auto& [job, age, id] : candidates) {
    if (Covers(free, wanted)) break;
    const ResourceSet held = HeldBy(leases_.at(id));
    if (!Helps(held, wanted, free)) continue;
    free += held;
    victims.push_back(id);
  }
  if (!Covers(free, wanted)) victims.clear();  // nobody ends for nothing
  return victims;
}

// The GCS, which asks, gives the room away in the order of claims when this node's report says that it is there.
void LeaseManager::OnPreemptLeases(const msg::PreemptLeases& request) {
  std::vector<JobId> jobs;
  for (uint32_t job : request.jobs()) jobs.push_back(JobId{job});
  for (LeaseId id : VictimsFor(FromProto(request.amounts()), jobs)) {
    Lease& lease = leases_.at(id);
    lease.preempted = true;
    node_.env.Trace({.kind = TraceKind::kLeasePreempted,
                     .task = {id.owner, id.index},
                     .node = node_.id,
                     .worker = lease.worker,
                     .a = lease.job.value,
                     .text = request.reason()});
    // Before its connection breaks: the attempt does not count.
    SendWorkerFailed(lease, request.reason(), StatusCode::kPreempted);
    pool_.Kill(lease.worker);  // the process's exit ends the lease
  }
}

}  // namespace orrery
