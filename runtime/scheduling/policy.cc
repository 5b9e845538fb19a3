#include "runtime/scheduling/policy.h"

#include <algorithm>

#include "runtime/scheduling/fit.h"
#include "runtime/scheduling/indexed_policy.h"

namespace orrery {

PolicyOptions PolicyOptionsFrom(const Settings& settings) {
  PolicyOptions options;
  options.spread_threshold = settings.spread_threshold;
  options.top_k_fraction = settings.top_k_fraction;
  options.top_k_absolute = settings.top_k_absolute;
  return options;
}

std::optional<GpuAllocation> PlacementPolicy::PickGpus(const NodeView& node, const ResourceSet& request,
                                                       Random& random) const {
  if (!FitsNow(request, node.available, node.gpu_free)) return std::nullopt;
  if (gpu_choice() == GpuChoice::kFgd && fragment_model() != nullptr) {
    return ChooseGpusFgd(*fragment_model(), {node.available.Get(ResourceKind::kCpu), &node.gpu_free, &node.labels},
                         request);
  }
  return ChooseGpus(request.Get(ResourceKind::kGpu), node.gpu_free, gpu_choice(), random);
}

const std::vector<std::string>& PolicyNames() {
  static const std::vector<std::string> names = {"hybrid",      "spread",      "random", "best_fit",
                                                 "dot_product", "gpu_packing", "fgd"};
  return names;
}

Result<std::unique_ptr<PlacementPolicy>> MakePolicy(std::string_view name, const PolicyOptions& options) {
  std::unique_ptr<Ranking> ranking = MakeRanking(name, options);
  if (ranking == nullptr) {
    std::string message = "unknown placement policy '" + std::string(name) + "'";
    const std::string nearest = NearestName(name, PolicyNames());
    if (!nearest.empty()) message += "; did you mean '" + nearest + "'?";
    message += " (one of";
    for (const std::string& known : PolicyNames()) message += " " + known;
    return Status(StatusCode::kInvalidArgument, message + ")");
  }
  return std::unique_ptr<PlacementPolicy>(std::make_unique<IndexedPolicy>(std::move(ranking), options));
}

bool LocalFirst(std::string_view policy_name) { return policy_name == "hybrid"; }

double HybridScore(const ResourceSet& total, const ResourceSet& available) {
  double worst = 0;
  for (const ResourceKind kind : {ResourceKind::kCpu, ResourceKind::kMemory, ResourceKind::kObjectStoreMemory}) {
    const FixedPoint all = total.Get(kind);
    if (all.raw <= 0) continue;
    worst = std::max(worst, 1.0 - static_cast<double>(available.Get(kind).raw) / static_cast<double>(all.raw));
  }
  return worst;
}

}  // namespace orrery
