// Where a request runs: placement policies over a ClusterView, chosen by name.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/common/random.h"
#include "runtime/common/resources.h"
#include "runtime/common/settings.h"
#include "runtime/common/status.h"
#include "runtime/scheduling/cluster_view.h"
#include "runtime/scheduling/fragmentation.h"

namespace orrery {

struct PolicyOptions {
  // Hybrid (Ray's scheduler_spread_threshold, scheduler_top_k_fraction, scheduler_top_k_absolute,
  // scheduler_avoid_gpu_nodes).
  double spread_threshold = 0.5;   // scores below count as 0
  double top_k_fraction = 0.2;     // choose among this fraction of all nodes
  int64_t top_k_absolute = 1;      // but at least among these
  bool avoid_gpu_nodes = true;     // requests without GPU prefer nodes without GPU
  // best_fit and dot_product divide by these: the largest node of the trace they were published with.
  double largest_cpu = 128;
  double largest_gpu = 8;
  // fgd: the requests to expect; without them they are learned from those placed.
  std::optional<std::vector<TypicalPod>> typical_pods;
  // Bound on what cached indexes may hold, over all request shapes: about 24 bytes each. Shapes beyond are rebuilt
  // when used.
  int64_t max_index_entries = 4'000'000;
};
PolicyOptions PolicyOptionsFrom(const Settings& settings);

// What is asked. `request` is borrowed for the call; policies look at its resources and hard labels only (NodePicker
// handles the rest).
struct PickContext {
  const SchedulingRequest& request;
  NodeId preferred = {};           // hybrid: taken when no other node is better; usually the local one
  NodeId avoid = {};               // never chosen (a node manager that must spill back)
  bool require_available = false;  // nodes that are busy now do not count
};

// The answer. kAvailable: `node` can start the request now. kFeasible: it could when idle, but is busy (with
// require_available: node is 0 and nothing more is said). kInfeasible: no candidate could ever hold it; node is 0.
struct Placement {
  enum class Kind : uint8_t { kAvailable, kFeasible, kInfeasible };
  NodeId node;
  Kind kind = Kind::kInfeasible;
  bool operator==(const Placement&) const = default;
};

// A policy object serves one ClusterView for its life: it caches indexes of it. Candidates are the nodes that are not
// draining, whose totals fit the request and whose labels match; those that can take it now come first.
class PlacementPolicy {
 public:
  virtual ~PlacementPolicy() = default;
  // Picks a node; changes nothing in the view. Draws from `random` only when there is a real choice.
  virtual Placement Pick(const ClusterView& view, const PickContext& context, Random& random) = 0;
  // Which GPUs of `node` the request should take under this policy, or nothing when it does not fit.
  std::optional<GpuAllocation> PickGpus(const NodeView& node, const ResourceSet& request, Random& random) const;
  virtual GpuChoice gpu_choice() const = 0;
  // The model behind GpuChoice::kFgd, else nullptr. Borrowed until the next Pick.
  virtual const FragmentModel* fragment_model() const = 0;
};

// "hybrid", "spread", "random", "best_fit", "dot_product", "gpu_packing", "fgd".
const std::vector<std::string>& PolicyNames();
// kInvalidArgument, naming the nearest policy, for another name.
Result<std::unique_ptr<PlacementPolicy>> MakePolicy(std::string_view name, const PolicyOptions& options = {});

// True only for hybrid: a node manager may grant some requests itself without asking the policy, because no other
// node can be better (HybridKeepsLocal in node_picker.h says which). The other policies always need the whole view.
bool LocalFirst(std::string_view policy_name);

// Load of a node in hybrid's eyes: the greatest of 1 − available/total over CPU, memory and object store memory
// (absent ones are skipped; never below 0, above 1 when oversubscribed). Ray: cluster_resource_data.cc.
double HybridScore(const ResourceSet& total, const ResourceSet& available);
// Scores below the threshold count as 0.
inline double TruncateScore(double score, double threshold) { return score < threshold ? 0.0 : score; }

}  // namespace orrery
