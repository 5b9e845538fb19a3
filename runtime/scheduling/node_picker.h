// From a request with a strategy to a node: the dispatcher in front of the placement policies.
#pragma once

#include <memory>
#include <string_view>

#include "runtime/scheduling/policy.h"

namespace orrery {

// Holds the configured policy and those that strategies ask for by name. Serves one ClusterView, as policies do.
class NodePicker {
 public:
  static Result<std::unique_ptr<NodePicker>> Make(std::string_view policy_name, const PolicyOptions& options = {});
  // For tests: any three policies.
  NodePicker(std::unique_ptr<PlacementPolicy> configured, std::unique_ptr<PlacementPolicy> spread,
             std::unique_ptr<PlacementPolicy> random);

  // Ray's GetBestSchedulableNode (cluster_resource_scheduler.cc):
  //   kDefault       the configured policy
  //   kSpread        round robin over node ids, available nodes first
  //   kRandom        uniform over the available nodes, else over the feasible ones
  //   kNodeAffinity  that node, also when busy or to be avoided; when it is gone, draining, too small or labelled
  // otherwise:
  //                  nothing if hard, kDefault if soft
  // Soft labels split each into stages: hard∧soft∧available, hard∧available, hard∧soft∧feasible, hard∧feasible.
  Placement PickNode(const ClusterView& view, const PickContext& context, Random& random);

  PlacementPolicy& configured() { return *configured_; }
  const PlacementPolicy& configured() const { return *configured_; }

 private:
  Placement PickByAffinity(const ClusterView& view, const PickContext& context, Random& random);
  Placement PickByLabels(PlacementPolicy& policy, const ClusterView& view, const PickContext& context, Random& random);

  std::unique_ptr<PlacementPolicy> configured_;
  std::unique_ptr<PlacementPolicy> spread_;
  std::unique_ptr<PlacementPolicy> random_;
};

}  // namespace orrery
