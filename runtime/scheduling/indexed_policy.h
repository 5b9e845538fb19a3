// The placement policies at size: a decision costs the nodes that changed since the last one of its shape, not all
// nodes.
#pragma once

#include <memory>

#include "runtime/scheduling/policy.h"
#include "runtime/scheduling/shape_index.h"

namespace orrery {

// Answers exactly as PlainPolicy (plain_policy.h) with the same ranking, and draws the same random numbers.
class IndexedPolicy : public PlacementPolicy {
 public:
  IndexedPolicy(std::unique_ptr<Ranking> ranking, const PolicyOptions& options);
  Placement Pick(const ClusterView& view, const PickContext& context, Random& random) override;
  GpuChoice gpu_choice() const override { return ranking_->gpu_choice(); }
  const FragmentModel* fragment_model() const override { return ranking_->fragment_model(); }

 private:
  // One class of candidates (available or busy) without the avoided one: positions 0 … count−1 in an index.
  struct Range {
    size_t begin = 0;
    size_t count = 0;
    size_t avoided = ~size_t{0};  // position in the index to skip
    size_t Position(size_t rank) const { return begin + rank < avoided ? begin + rank : begin + rank + 1; }
  };
  Placement PickFrom(const ClusterView& view, const ShapeIndex& index, const PickContext& context, Random& random);
  NodeId Select(const ClusterView& view, const ShapeIndex& index, const Range& range, const PickContext& context,
                Random& random);
  NodeId SelectTopK(const ClusterView& view, const ShapeIndex& index, const Range& range, const PickContext& context,
                    Random& random) const;
  NodeId SelectNext(const ShapeIndex& index, const Range& range, bool busy);

  std::unique_ptr<Ranking> ranking_;
  PolicyOptions options_;
  ShapeIndexes indexes_;
  const ClusterView* view_ = nullptr;  // the one served; compared only
  uint32_t last_taken_ = 0;            // round robin: id of the node given last
};

}  // namespace orrery
