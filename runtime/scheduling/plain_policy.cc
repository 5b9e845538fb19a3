#include "runtime/scheduling/plain_policy.h"

#include <algorithm>
#include <utility>

namespace orrery {

PlainPolicy::PlainPolicy(std::unique_ptr<Ranking> ranking, const PolicyOptions& options)
    : ranking_(std::move(ranking)), options_(options) {}

Placement PlainPolicy::Pick(const ClusterView& view, const PickContext& context, Random& random) {
  Placement placement;
  if (ranking_->avoids_gpu_nodes() && context.request.resources.Get(ResourceKind::kGpu).raw == 0) {
    placement = PickAmong(view, {context.request, context.preferred, context.avoid, true}, true, random);
  }
  if (!placement.node) placement = PickAmong(view, context, false, random);
  if (placement.kind == Placement::Kind::kAvailable) ranking_->OnPlaced(context.request);
  return placement;
}

Placement PlainPolicy::PickAmong(const ClusterView& view, const PickContext& context, bool without_gpu_nodes,
                                 Random& random) {
  std::vector<RankKey> available, busy;
  for (const NodeId id : view.ids()) {
    const NodeView& node = *view.Find(id);
    if (id == context.avoid) continue;
    if (without_gpu_nodes && node.total.Get(ResourceKind::kGpu).raw > 0) continue;
    const RankKey key = RankNode(*ranking_, node, context.request.resources, context.request.strategy.hard_labels);
    if (key.candidate()) (key.busy() ? busy : available).push_back(key);
  }
  if (!available.empty()) {
    return {Select(view, std::move(available), context.preferred, random), Placement::Kind::kAvailable};
  }
  if (busy.empty()) return {};
  if (context.require_available) return {NodeId{}, Placement::Kind::kFeasible};
  return {Select(view, std::move(busy), context.preferred, random), Placement::Kind::kFeasible};
}

NodeId PlainPolicy::Select(const ClusterView& view, std::vector<RankKey> candidates, NodeId preferred, Random& random) {
  // Candidates come in order of ids.
  std::stable_sort(candidates.begin(), candidates.end(), [](auto a, auto b) { return a.order() < b.order(); });
  const auto pick_among_first = [&](uint64_t count) {
    return NodeId{candidates[count > 1 ? random.Below(count) : 0].id()};
  };
  switch (ranking_->selection()) {
    case Selection::kFirst: return NodeId{candidates.front().id()};
    case Selection::kUniform: return pick_among_first(candidates.size());
    case Selection::kTopK: {
      for (const RankKey& key : candidates) {
        if (key.id() == preferred.value && key.order() <= candidates.front().order()) return preferred;
      }
      return pick_among_first(std::min<uint64_t>(TopK(options_, view.size()), candidates.size()));
    }
    case Selection::kRoundRobin: {
      auto next = std::find_if(candidates.begin(), candidates.end(), [&](auto key) { return key.id() > last_taken_; });
      if (next == candidates.end()) next = candidates.begin();
      last_taken_ = next->id();
      return NodeId{next->id()};
    }
  }
  return {};
}

Result<std::unique_ptr<PlacementPolicy>> MakePlainPolicy(std::string_view name, const PolicyOptions& options) {
  std::unique_ptr<Ranking> ranking = MakeRanking(name, options);
  if (ranking == nullptr) return MakePolicy(name, options).status();
  return std::unique_ptr<PlacementPolicy>(std::make_unique<PlainPolicy>(std::move(ranking), options));
}

}  // namespace orrery
