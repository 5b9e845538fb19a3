// What placement groups have reserved on this node: taken from its resources by PrepareBundles, open to leases from
// CommitBundles on, given back by ReturnBundles when the last lease inside has ended.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/common/ids.h"
#include "runtime/common/resources.h"
#include "runtime/env/address.h"
#include "runtime/messages/kinds.h"
#include "runtime/node_manager/job_use.h"
#include "runtime/node_manager/node_context.h"
#include "runtime/scheduling/node_resources.h"

namespace orrery {

// Source of the two phases: Ray's placement_group_resource_manager.cc. Ray renames the resources inside a bundle
// (CPU_group_0_…) and lets them lie among the node's own; here a bundle is a set of resource instances of its own, and
// a lease draws either from one of those or from the node.
class BundleManager {
 public:
  // A bundle, as a lease remembers the one that it draws from; none: the lease draws from the node.
  struct Slot {
    LeaseId reservation;
    size_t bundle = 0;  // position in the reservation
    explicit operator bool() const { return static_cast<bool>(reservation); }
  };

  BundleManager(NodeContext& node, NodeResourceInstances& resources, GpuChoice choice)
      : node_(node), resources_(resources), choice_(choice) {}

  // Takes all the bundles from the node's free resources, or none: false. Asked again, the same answer.
  bool Prepare(LeaseId id, const msg::PrepareBundles& request);
  // From now on leases may be granted inside. False: nothing is reserved under that name.
  bool Commit(LeaseId id);
  // Takes no new leases from now on. False: nothing is reserved under that name (any more).
  bool Close(LeaseId id);
  // Gives the resources of a closed reservation without leases back to the node. False: it has leases, or is open.
  bool TryReturn(LeaseId id);

  // ---- leases; the request's strategy is kPlacementGroup ----
  // A bundle that the request names is committed here, whether or not it has room now.
  bool Holds(const SchedulingStrategy& strategy) const;
  bool FitsNow(const SchedulingRequest& request) const { return static_cast<bool>(Find(request)); }
  // Takes what the lease needs out of the first bundle, by index, that the request names and that has room.
  std::optional<std::pair<Slot, GpuAllocation>> Allocate(const SchedulingRequest& request);
  // A lease inside has ended.
  void Free(const Slot& slot, const ResourceSet& resources, const GpuAllocation& gpus);
  NodeResourceInstances& Instances(const Slot& slot) { return At(slot).inside; }
  // The node's numbers of GPUs that were allocated inside a bundle.
  GpuAllocation OnNode(const Slot& slot, const GpuAllocation& inside) const;

  // Every open bundle and what is free in it.
  void Fill(msg::ResourceReport& report) const;
  // Adds what is reserved to the use of the jobs whose groups it is for.
  void AddUse(std::map<JobId, JobUse>& use) const;
  // (group, index) of every open bundle.
  std::vector<std::pair<PlacementGroupId, uint32_t>> Open() const;
  size_t size() const { return reservations_.size(); }
  // All that is reserved.
  ResourceSet Total() const;
  void CheckInvariants() const;

 private:
  struct Bundle {
    uint32_t index = 0;  // in its group
    GpuAllocation gpus;  // of the node
    NodeResourceInstances inside;
    size_t leases = 0;
  };
  struct Reservation {
    PlacementGroupId group;
    JobId job;
    bool committed = false;
    bool closed = false;
    std::vector<Bundle> bundles;
  };
  Bundle& At(const Slot& slot) { return reservations_.at(slot.reservation).bundles[slot.bundle]; }
  Slot Find(const SchedulingRequest& request) const;
  void GiveBack(const Reservation& reservation);
  // Calls visit(slot, bundle) for each open bundle that the strategy names, by index, until it returns true.
  template <class Visit>
  bool AnyOf(const SchedulingStrategy& strategy, Visit visit) const;

  NodeContext& node_;
  NodeResourceInstances& resources_;
  const GpuChoice choice_;
  std::map<LeaseId, Reservation> reservations_;
  std::map<std::pair<PlacementGroupId, uint32_t>, Slot> open_;  // committed, not closed; by group and index
};

}  // namespace orrery
