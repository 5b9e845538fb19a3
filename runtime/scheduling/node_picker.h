// From a request with a strategy to a node: the dispatcher in front of the placement policies.
#pragma once

#include <memory>
#include <string_view>

#include "runtime/scheduling/node_resources.h"
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
  //   kNodeAffinity  that node, busy or not; when it is gone, draining, too small or labelled otherwise: nothing if
  //                  hard, kDefault if soft (soft also falls back from the node to avoid; hard has no other choice)
  // Soft labels split each into stages: hard∧soft∧available, hard∧available, hard∧soft∧feasible, hard∧feasible. With
  // fallbacks, each selector in turn takes the place of hard: first among the available stages, then among the
  // feasible.
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

// True when hybrid with `local` as the preferred node picks `local` whatever the other nodes are: the strategy is
// kDefault, the labels match, the request fits now, the node's score truncates to 0, and it is not a node with GPUs
// that a request without GPU should leave alone. Then a node manager may grant without looking at the cluster (unless
// it is draining).
bool HybridKeepsLocal(const NodeResourceInstances& local, const SchedulingRequest& request,
                      const PolicyOptions& options);

}  // namespace orrery
