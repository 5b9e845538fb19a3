#include "runtime/gcs/bundle_view.h"

#include "runtime/scheduling/fit.h"
#include "runtime/scheduling/gpu_instances.h"

namespace orrery {

void BundleView::AddGroup(PlacementGroupId group, const std::vector<ResourceSet>& bundles) {
  std::vector<Bundle>& added = groups_[group];
  added.clear();
  for (const ResourceSet& total : bundles) added.push_back({total, {}, {}});
}

void BundleView::Place(PlacementGroupId group, uint32_t index, NodeId node, bool all_free) {
  Bundle* bundle = Find(group, index);
  if (bundle == nullptr) return;
  bundle->node = node;
  bundle->available = all_free ? bundle->total : ResourceSet{};
}

void BundleView::Displace(PlacementGroupId group, uint32_t index) {
  if (Bundle* bundle = Find(group, index)) bundle->node = {};
}

void BundleView::SetAvailable(PlacementGroupId group, uint32_t index, NodeId node, const ResourceSet& available) {
  Bundle* bundle = Find(group, index);
  if (bundle != nullptr && bundle->node == node) bundle->available = available;
}

std::optional<BundleView::Location> BundleView::Pick(const SchedulingRequest& request, NodeId avoid) const {
  const auto group = groups_.find(request.strategy.group);
  if (group == groups_.end()) return std::nullopt;
  std::optional<Location> avoided;
  for (uint32_t index = 0; index < group->second.size(); ++index) {
    const Bundle& bundle = group->second[index];
    const int32_t wanted = request.strategy.bundle;
    if (wanted != SchedulingStrategy::kAnyBundle && wanted != static_cast<int32_t>(index)) continue;
    if (!bundle.node || !Covers(bundle.available, request.resources)) continue;
    if (bundle.node != avoid) return Location{bundle.node, index};
    if (!avoided) avoided = Location{bundle.node, index};
  }
  return avoided;
}

std::string BundleView::WhyNever(const SchedulingRequest& request, bool& removed) const {
  const SchedulingStrategy& strategy = request.strategy;
  const auto group = groups_.find(strategy.group);
  removed = group == groups_.end();
  if (removed) return ToString(strategy.group) + " was removed, or has never been";
  const std::vector<Bundle>& bundles = group->second;
  const bool any = strategy.bundle == SchedulingStrategy::kAnyBundle;
  if (!any && static_cast<size_t>(strategy.bundle) >= bundles.size()) {
    return ToString(strategy.group) + " has no bundle " + std::to_string(strategy.bundle) + ": its " +
           std::to_string(bundles.size()) + " count from 0";
  }
  for (size_t index = 0; index < bundles.size(); ++index) {
    if ((any || strategy.bundle == static_cast<int32_t>(index)) && FitsEver(request.resources, bundles[index].total))
      return "";
  }
  const std::string needs = ToString(request.resources);
  if (any) return "no bundle of " + ToString(strategy.group) + " can ever hold " + needs;
  return "bundle " + std::to_string(strategy.bundle) + " of " + ToString(strategy.group) + " has " +
         ToString(bundles[strategy.bundle].total) + ", and can never hold " + needs;
}

void BundleView::Deduct(PlacementGroupId group, uint32_t index, const ResourceSet& amounts) {
  if (Bundle* bundle = Find(group, index)) bundle->available -= amounts;
}

void BundleView::Restore(PlacementGroupId group, uint32_t index, const ResourceSet& amounts) {
  if (Bundle* bundle = Find(group, index)) bundle->available += amounts;
}

BundleView::Bundle* BundleView::Find(PlacementGroupId group, uint32_t index) {
  const auto it = groups_.find(group);
  return it == groups_.end() || index >= it->second.size() ? nullptr : &it->second[index];
}

}  // namespace orrery
