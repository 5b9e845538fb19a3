#include "runtime/scheduling/job_shares.h"

#include <algorithm>

namespace orrery {

JobTerms JobShares::TermsOf(JobId job) const {
  const auto it = terms_.find(job);
  return it == terms_.end() ? JobTerms{} : it->second;
}

void JobShares::Add(JobId job, const ResourceSet& amounts) {
  const auto use = use_.try_emplace(job).first;
  use->second += amounts;
  if (use->second == ResourceSet()) use_.erase(use);
}

void JobShares::Subtract(JobId job, const ResourceSet& amounts) {
  ResourceSet less;
  less -= amounts;
  Add(job, less);
}

void JobShares::SetReported(NodeId node, std::map<JobId, ResourceSet> use) {
  std::map<JobId, ResourceSet>& reported = reported_[node];
  for (const auto& [job, amounts] : reported) Subtract(job, amounts);
  for (const auto& [job, amounts] : use) Add(job, amounts);
  reported = std::move(use);
  if (reported.empty()) reported_.erase(node);
}

ResourceSet JobShares::UseOf(JobId job) const {
  const auto it = use_.find(job);
  return it == use_.end() ? ResourceSet() : it->second;
}

uint64_t JobShares::ScaledShare(JobId job) const {
  const auto use = use_.find(job);
  if (use == use_.end()) return 0;
  uint64_t dominant = 0;
  const auto consider = [&](FixedPoint used, FixedPoint total) {
    if (used.raw <= 0 || total.raw <= 0) return;
    __extension__ using Wide = unsigned __int128;
    const Wide share = static_cast<Wide>(used.raw) * kScale / static_cast<Wide>(total.raw);
    dominant = std::max(dominant, static_cast<uint64_t>(std::min<Wide>(share, uint64_t{1} << 62)));
  };
  for (size_t kind = 0; kind < kPredefinedResources; ++kind) {
    const auto k = static_cast<ResourceKind>(kind);
    consider(use->second.Get(k), capacity_.Get(k));
  }
  for (const auto& [name, amount] : use->second.custom()) consider(amount, capacity_.Get(name));
  return dominant;
}

JobClaim JobShares::ClaimOf(JobId job) const {
  if (!by_priority_) return {};
  const JobTerms terms = TermsOf(job);
  JobClaim claim{-static_cast<int64_t>(terms.priority), 0};
  if (!by_share_) return claim;
  __extension__ using Wide = unsigned __int128;
  const Wide weighted = static_cast<Wide>(ScaledShare(job)) * FixedPoint::kUnit / static_cast<Wide>(terms.weight.raw);
  claim.share = static_cast<uint64_t>(std::min<Wide>(weighted, UINT64_MAX));
  return claim;
}

}  // namespace orrery
