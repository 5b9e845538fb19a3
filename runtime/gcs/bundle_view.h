// What the GCS knows of the insides of placement groups: which bundles there are, where, and what is free in each.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "runtime/common/ids.h"
#include "runtime/common/resources.h"

namespace orrery {

// The bundles are to leases of the group what nodes are to other leases: reported by their nodes, deducted from
// between reports. A group is here from its creation to its removal; its bundles have nodes while they are committed.
class BundleView {
 public:
  void AddGroup(PlacementGroupId group, const std::vector<ResourceSet>& bundles);
  void RemoveGroup(PlacementGroupId group) { groups_.erase(group); }
  // Committed there. `available` becomes known by the node's reports; {} until then, or all of it.
  void Place(PlacementGroupId group, uint32_t index, NodeId node, bool all_free);
  // Not reserved any more.
  void Displace(PlacementGroupId group, uint32_t index);
  // The node's own word; ignored for a bundle that is not (or not any more) there.
  void SetAvailable(PlacementGroupId group, uint32_t index, NodeId node, const ResourceSet& available);

  struct Location {
    NodeId node;
    uint32_t index = 0;
  };
  // The first bundle, by index, that the request names, that is committed and has room; if possible not on `avoid`.
  std::optional<Location> Pick(const SchedulingRequest& request, NodeId avoid) const;
  // Why no bundle will ever serve the request, or "". `removed`: because there is no such group (any more).
  std::string WhyNever(const SchedulingRequest& request, bool& removed) const;
  void Deduct(PlacementGroupId group, uint32_t index, const ResourceSet& amounts);
  void Restore(PlacementGroupId group, uint32_t index, const ResourceSet& amounts);
  size_t size() const { return groups_.size(); }

 private:
  struct Bundle {
    ResourceSet total;
    NodeId node;  // 0: has none now
    ResourceSet available;
  };
  Bundle* Find(PlacementGroupId group, uint32_t index);

  std::map<PlacementGroupId, std::vector<Bundle>> groups_;
};

}  // namespace orrery
