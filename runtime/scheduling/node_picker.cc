#include "runtime/scheduling/node_picker.h"

#include <utility>
#include <vector>

#include "runtime/scheduling/fit.h"

namespace orrery {

namespace {

// The request with each of its selectors, in order: first with the soft labels, then without.
std::vector<SchedulingRequest> LabelStages(const SchedulingRequest& request) {
  std::vector<SchedulingRequest> stages;
  const auto add = [&](const LabelSelector& hard, const LabelSelector& soft) {
    SchedulingRequest& stage = stages.emplace_back(request);
    stage.strategy.hard_labels = hard;
    stage.strategy.hard_labels.insert(stage.strategy.hard_labels.end(), soft.begin(), soft.end());
  };
  const SchedulingStrategy& strategy = request.strategy;
  for (size_t i = 0; i <= strategy.fallbacks.size(); ++i) {
    const LabelSelector& hard = i == 0 ? strategy.hard_labels : strategy.fallbacks[i - 1];
    if (!strategy.soft_labels.empty()) add(hard, strategy.soft_labels);
    add(hard, {});
  }
  return stages;
}

}  // namespace

Result<std::unique_ptr<NodePicker>> NodePicker::Make(std::string_view policy_name, const PolicyOptions& options) {
  Result<std::unique_ptr<PlacementPolicy>> configured = MakePolicy(policy_name, options);
  if (!configured.ok()) return configured.status();
  return std::make_unique<NodePicker>(std::move(configured).value(), MakePolicy("spread", options).value(),
                                      MakePolicy("random", options).value());
}

NodePicker::NodePicker(std::unique_ptr<PlacementPolicy> configured, std::unique_ptr<PlacementPolicy> spread,
                       std::unique_ptr<PlacementPolicy> random)
    : configured_(std::move(configured)), spread_(std::move(spread)), random_(std::move(random)) {}

Placement NodePicker::PickNode(const ClusterView& view, const PickContext& context, Random& random) {
  switch (context.request.strategy.kind) {
    case SchedulingStrategy::Kind::kDefault: return PickByLabels(*configured_, view, context, random);
    case SchedulingStrategy::Kind::kSpread: return PickByLabels(*spread_, view, context, random);
    case SchedulingStrategy::Kind::kRandom: return PickByLabels(*random_, view, context, random);
    case SchedulingStrategy::Kind::kNodeAffinity: return PickByAffinity(view, context, random);
    case SchedulingStrategy::Kind::kPlacementGroup: break;  // not free resources, but reserved ones: bundle_view.h
  }
  return {};
}

Placement NodePicker::PickByAffinity(const ClusterView& view, const PickContext& context, Random& random) {
  const SchedulingStrategy& strategy = context.request.strategy;
  const NodeView* node = view.Find(NodeId{strategy.affinity_node});
  const bool candidate = node != nullptr && !node->draining && FitsEver(context.request.resources, node->total) &&
                         MatchesAny(strategy, node->labels);
  // A hard affinity has no other choice, so `avoid` cannot apply to it.
  if (candidate && !(strategy.soft && node->id == context.avoid)) {
    if (FitsNow(context.request.resources, node->available, node->gpu_free)) {
      return {node->id, Placement::Kind::kAvailable};
    }
    return {context.require_available ? NodeId{} : node->id, Placement::Kind::kFeasible};
  }
  if (!strategy.soft) return {};
  return PickByLabels(*configured_, view, context, random);
}

Placement NodePicker::PickByLabels(PlacementPolicy& policy, const ClusterView& view, const PickContext& context,
                                   Random& random) {
  const SchedulingStrategy& strategy = context.request.strategy;
  if (strategy.soft_labels.empty() && strategy.fallbacks.empty()) return policy.Pick(view, context, random);
  const std::vector<SchedulingRequest> stages = LabelStages(context.request);
  for (const SchedulingRequest& stage : stages) {
    const Placement placement = policy.Pick(view, {stage, context.preferred, context.avoid, true}, random);
    if (placement.node) return placement;
  }
  for (const SchedulingRequest& stage : stages) {
    const Placement placement =
        policy.Pick(view, {stage, context.preferred, context.avoid, context.require_available}, random);
    if (placement.kind != Placement::Kind::kInfeasible) return placement;
  }
  return {};
}

bool HybridKeepsLocal(const NodeResourceInstances& local, const SchedulingRequest& request,
                      const PolicyOptions& options) {
  const SchedulingStrategy& strategy = request.strategy;
  if (strategy.kind != SchedulingStrategy::Kind::kDefault || !local.FitsNow(request.resources)) return false;
  if (!Matches(strategy.hard_labels, local.labels()) || !Matches(strategy.soft_labels, local.labels())) return false;
  const bool should_avoid = options.avoid_gpu_nodes && request.resources.Get(ResourceKind::kGpu).raw == 0 &&
                            local.total().Get(ResourceKind::kGpu).raw > 0;
  return !should_avoid && TruncateScore(HybridScore(local.total(), local.available()), options.spread_threshold) == 0;
}

}  // namespace orrery
