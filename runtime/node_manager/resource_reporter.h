// Tells the GCS what this node has free: versioned, on change, at most once per interval.
#pragma once

#include <map>
#include <vector>

#include "runtime/common/ids.h"
#include "runtime/node_manager/job_use.h"
#include "runtime/node_manager/node_context.h"

namespace orrery {

class BundleManager;
class NodeResourceInstances;

class ResourceReporter {
 public:
  // `job_use`: of leases outside of bundles.
  ResourceReporter(NodeContext& node, const NodeResourceInstances& resources, const BundleManager& bundles,
                   const std::map<JobId, JobUse>& job_use)
      : node_(node), resources_(resources), bundles_(bundles), job_use_(job_use) {}

  // Something changed: report now, or when the interval since the last report is over.
  void MarkChanged();
  // An assignment of the GCS has arrived here (granted, rejected or void): the next report acknowledges it.
  void NoteSeen(LeaseId lease) {
    seen_.push_back(lease);
    MarkChanged();
  }
  // Sends what is unreported, at once.
  void Flush();
  void OnTimer();
  // `promised`: free resources that leases will take when their arguments are here.
  void SetLoad(uint64_t queued, uint64_t running, const ResourceSet& promised) {
    queued_ = queued;
    running_ = running;
    promised_ = promised.empty() ? nullptr : &promised;
  }
  void SetKeepsObjects(bool keeps) { keeps_objects_ = keeps; }

 private:
  void Send();
  void FillJobs(msg::ResourceReport& report) const;

  NodeContext& node_;
  const NodeResourceInstances& resources_;
  const BundleManager& bundles_;
  const std::map<JobId, JobUse>& job_use_;
  std::vector<LeaseId> seen_;
  uint64_t version_ = 0;
  uint64_t queued_ = 0, running_ = 0;
  const ResourceSet* promised_ = nullptr;  // of the lease manager, or none
  bool keeps_objects_ = false;
  bool changed_ = false;
  bool armed_ = false;
  bool sent_before_ = false;
  Time last_sent_;
};

}  // namespace orrery
