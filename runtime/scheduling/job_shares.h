// Which job comes first when several compete for the same room.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "runtime/common/ids.h"
#include "runtime/common/job_terms.h"
#include "runtime/common/resources.h"
#include "runtime/common/settings.h"

namespace orrery {

// Smaller goes first; equal ones go in order of arrival.
struct JobClaim {
  int64_t rank = 0;    // minus its priority
  uint64_t share = 0;  // dominant share by weight, in 2^-32
  auto operator<=>(const JobClaim&) const = default;
};

// What each job uses of the cluster, and the claim that follows from it, by the setting job_scheduling:
//   fifo        all claims are equal (Ray);
//   priority    by priority;
//   fair_share  by priority, and among equals by dominant share over weight: the largest share that the job has of any
//               resource. Serving the smallest first is progressive filling of Dominant Resource Fairness (Ghodsi et
//               al., NSDI'11, section 4), which is max-min fair, strategy-proof and wastes nothing.
class JobShares {
 public:
  explicit JobShares(const Settings& settings)
      : by_priority_(settings.job_scheduling != "fifo"), by_share_(settings.job_scheduling == "fair_share") {}

  // False: fifo, nothing need be kept here.
  bool ordered() const { return by_priority_; }

  void SetTerms(JobId job, const JobTerms& terms) { terms_[job] = terms; }
  void Forget(JobId job) { terms_.erase(job); }
  JobTerms TermsOf(JobId job) const;

  // The cluster grew or shrank.
  void AddCapacity(const ResourceSet& amounts) { capacity_ += amounts; }
  void RemoveCapacity(const ResourceSet& amounts) { capacity_ -= amounts; }

  // What has been given to a job on a node that has not reported it yet.
  void Add(JobId job, const ResourceSet& amounts);
  void Subtract(JobId job, const ResourceSet& amounts);
  // All that a node says its jobs use there; replaces what it said before.
  void SetReported(NodeId node, std::map<JobId, ResourceSet> use);
  void ForgetNode(NodeId node) { SetReported(node, {}); }

  ResourceSet UseOf(JobId job) const;
  // 0 to 1, and above where more is in use than there is. Of the resources that the cluster has.
  double DominantShare(JobId job) const { return static_cast<double>(ScaledShare(job)) / kScale; }
  JobClaim ClaimOf(JobId job) const;

 private:
  static constexpr uint64_t kScale = uint64_t{1} << 32;
  uint64_t ScaledShare(JobId job) const;

  const bool by_priority_;
  const bool by_share_;
  ResourceSet capacity_;
  std::map<JobId, JobTerms> terms_;  // of running jobs
  std::map<JobId, ResourceSet> use_;
  std::map<NodeId, std::map<JobId, ResourceSet>> reported_;
};

// Things of jobs in the order of their claims, which may grow while they are served.
template <class Item>
class ClaimQueue {
 public:
  explicit ClaimQueue(const JobShares& shares) : shares_(shares) {}
  // `ticket`: order of arrival, unique.
  void Push(JobId job, uint64_t ticket, Item item) {
    entries_.insert({shares_.ClaimOf(job), ticket, job, std::move(item)});
  }
  std::optional<Item> Pop() {
    while (!entries_.empty()) {
      auto entry = entries_.extract(entries_.begin());
      const JobClaim now = shares_.ClaimOf(std::get<2>(entry.value()));
      if (now <= std::get<0>(entry.value())) return std::move(std::get<3>(entry.value()));
      std::get<0>(entry.value()) = now;
      entries_.insert(std::move(entry));
    }
    return std::nullopt;
  }

 private:
  const JobShares& shares_;
  std::set<std::tuple<JobClaim, uint64_t, JobId, Item>> entries_;
};

}  // namespace orrery
