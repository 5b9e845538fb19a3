// The placement policies as one would write them down: look at every node, every time.
#pragma once

#include <memory>
#include <string_view>

#include "runtime/scheduling/policy.h"
#include "runtime/scheduling/ranking.h"

namespace orrery {

// No state but round robin's position, no indexes: for one-off questions about small or hypothetical clusters, and as
// the definition that the indexed policies are tested against. Serves any number of views.
class PlainPolicy : public PlacementPolicy {
 public:
  PlainPolicy(std::unique_ptr<Ranking> ranking, const PolicyOptions& options);
  Placement Pick(const ClusterView& view, const PickContext& context, Random& random) override;
  GpuChoice gpu_choice() const override { return ranking_->gpu_choice(); }
  const FragmentModel* fragment_model() const override { return ranking_->fragment_model(); }

 private:
  Placement PickAmong(const ClusterView& view, const PickContext& context, bool without_gpu_nodes, Random& random);
  NodeId Select(const ClusterView& view, std::vector<RankKey> candidates, NodeId preferred, Random& random);
  std::unique_ptr<Ranking> ranking_;
  PolicyOptions options_;
  uint32_t last_taken_ = 0;
};

// As MakePolicy.
Result<std::unique_ptr<PlacementPolicy>> MakePlainPolicy(std::string_view name, const PolicyOptions& options = {});

}  // namespace orrery
