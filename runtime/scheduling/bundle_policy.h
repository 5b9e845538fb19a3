// Where the bundles of a placement group go: a pure function of what is known of the nodes.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/common/bundle.h"
#include "runtime/common/ids.h"
#include "runtime/scheduling/cluster_view.h"

namespace orrery {

// A bundle of the group that keeps its node while others are placed again.
struct HeldBundle {
  NodeId node;
  Bundle bundle;
};

struct BundleRequest {
  BundleStrategy strategy = BundleStrategy::kPack;
  std::vector<Bundle> bundles;   // to be placed; valid in the sense of ValidateBundles
  std::vector<HeldBundle> held;  // the view's free amounts lack them already
};

struct PlacedBundle {
  NodeId node;
  GpuAllocation gpus;  // as the view knows the GPUs; the node itself has the last word
};

// kPlaced: nodes[i] is for bundles[i]. kBusy: the group cannot be placed now, but may be when other work ends.
// kInfeasible: it could not be placed on these nodes even if nothing else ran there. Only what is proved is called
// infeasible: a search that its bound cut short says kBusy.
struct BundlePlacement {
  enum class Kind : uint8_t { kPlaced, kBusy, kInfeasible };
  Kind kind = Kind::kInfeasible;
  std::vector<PlacedBundle> nodes;
  bool cut_short = false;  // kBusy: the bound ended some search
};

// Bound of the search that follows where greedy placement fails: looks at a bundle on a node, and comparisons of nodes.
inline constexpr int64_t kBundleSearchSteps = 200'000;

// Places all bundles or none. Nodes are scored, and bundles ordered, as by Ray (bundle_scheduling_policy.cc, scorer.cc:
// the emptiest node first, the hardest bundle first), ties by the lesser id. Where Ray's greedy rules find nothing,
// these do: STRICT_SPREAD is a bipartite matching and STRICT_PACK looks at every node, so both find a placement
// whenever there is one (STRICT_PACK with shares of GPUs within the bound); PACK and SPREAD go on with backtracking,
// which is complete within the bound. Draining nodes get no bundles. Draws no randomness.
BundlePlacement PlaceBundles(const ClusterView& view, const BundleRequest& request,
                             int64_t search_steps = kBundleSearchSteps);

}  // namespace orrery
