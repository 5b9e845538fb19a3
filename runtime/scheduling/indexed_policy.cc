#include "runtime/scheduling/indexed_policy.h"

#include <algorithm>
#include <utility>

#include "runtime/common/assert.h"

namespace orrery {

IndexedPolicy::IndexedPolicy(std::unique_ptr<Ranking> ranking, const PolicyOptions& options)
    : ranking_(std::move(ranking)), options_(options), indexes_(options.max_index_entries) {}

Placement IndexedPolicy::Pick(const ClusterView& view, const PickContext& context, Random& random) {
  ORRERY_ASSERT_MSG(view_ == nullptr || view_ == &view, "a policy object serves one ClusterView");
  view_ = &view;
  const SchedulingRequest& request = context.request;
  Shape shape{request.resources, request.strategy.hard_labels, false};
  const bool first_without_gpus = ranking_->avoids_gpu_nodes() && view.gpu_nodes() > 0 &&
                                  view.gpu_nodes() < view.size() && request.resources.Get(ResourceKind::kGpu).raw == 0;
  Placement placement;
  if (first_without_gpus) {
    shape.without_gpu_nodes = true;
    placement =
        PickFrom(view, indexes_.Get(view, *ranking_, shape), {request, context.preferred, context.avoid, true}, random);
    shape.without_gpu_nodes = false;
  }
  if (!placement.node) placement = PickFrom(view, indexes_.Get(view, *ranking_, shape), context, random);
  if (placement.kind == Placement::Kind::kAvailable && ranking_->OnPlaced(request)) indexes_.Clear();
  return placement;
}

Placement IndexedPolicy::PickFrom(const ClusterView& view, const ShapeIndex& index, const PickContext& context,
                                  Random& random) {
  const size_t available = index.available();
  const RankKey avoided = index.KeyOf(view, context.avoid);
  for (const bool busy : {false, true}) {
    Range range;
    range.begin = busy ? available : 0;
    range.count = busy ? index.keys().size() - available : available;
    if (avoided.candidate() && avoided.busy() == busy) {
      range.avoided = index.keys().CountBelow(avoided);
      --range.count;
    }
    if (range.count == 0) continue;
    if (busy && context.require_available) return {NodeId{}, Placement::Kind::kFeasible};
    return {Select(view, index, range, context, random),
            busy ? Placement::Kind::kFeasible : Placement::Kind::kAvailable};
  }
  return {};
}

NodeId IndexedPolicy::Select(const ClusterView& view, const ShapeIndex& index, const Range& range,
                             const PickContext& context, Random& random) {
  switch (ranking_->selection()) {
    case Selection::kTopK: return SelectTopK(view, index, range, context, random);
    case Selection::kFirst: return NodeId{index.keys().At(range.Position(0)).id()};
    case Selection::kUniform: {
      const size_t rank = range.count > 1 ? random.Below(range.count) : 0;
      return NodeId{index.keys().At(range.Position(rank)).id()};
    }
    case Selection::kRoundRobin: return SelectNext(index, range, range.begin > 0 || index.available() == 0);
  }
  return {};
}

NodeId IndexedPolicy::SelectTopK(const ClusterView& view, const ShapeIndex& index, const Range& range,
                                 const PickContext& context, Random& random) const {
  const RankKey best = index.keys().At(range.Position(0));
  const RankKey preferred = index.KeyOf(view, context.preferred);
  if (preferred.candidate() && context.preferred != context.avoid && preferred.order() <= best.order()) {
    return context.preferred;
  }
  const uint64_t k = std::min<uint64_t>(TopK(options_, view.size()), range.count);
  const uint64_t rank = k > 1 ? random.Below(k) : 0;
  return NodeId{index.keys().At(range.Position(rank)).id()};
}

// Within a class all orders are equal, so keys are sorted by id.
NodeId IndexedPolicy::SelectNext(const ShapeIndex& index, const Range& range, bool busy) {
  const size_t end = range.Position(range.count - 1) + 1;
  size_t position = index.keys().CountBelow(RankKey(busy ? RankKey::kBusy : 0, last_taken_ + 1));
  if (position == range.avoided) ++position;
  if (position >= end) position = range.Position(0);
  last_taken_ = index.keys().At(position).id();
  return NodeId{last_taken_};
}

}  // namespace orrery
