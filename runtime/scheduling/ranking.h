// What distinguishes one policy from another: how it orders candidate nodes, and which of the ordered ones it takes.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "runtime/scheduling/policy.h"

namespace orrery {

// Which of the candidates, ordered by RankKey, is taken.
enum class Selection : uint8_t {
  kTopK,        // the preferred one if none is better, else uniformly among the first k (hybrid)
  kFirst,       // the first
  kUniform,     // uniformly among all
  kRoundRobin,  // the one with the next id after the last taken, cyclically
};

// Ascending is better. The order of a node is below kBusy when it can take the request now, and at least kBusy when it
// cannot, so that available nodes come first; ties go to the least id. Order and id share one word, because indexes
// hold very many keys. id 0 means: not a candidate.
struct RankKey {
  static constexpr uint32_t kBusy = uint32_t{1} << 31;
  uint64_t bits = 0;
  RankKey() = default;
  RankKey(uint32_t order, uint32_t id) : bits((uint64_t{order} << 32) | id) {}
  uint32_t order() const { return static_cast<uint32_t>(bits >> 32); }
  uint32_t id() const { return static_cast<uint32_t>(bits); }
  bool candidate() const { return id() != 0; }
  bool busy() const { return order() >= kBusy; }
  auto operator<=>(const RankKey&) const = default;
};

// Stateless but for what fgd learns. Shared by the indexed and the plain policies.
class Ranking {
 public:
  virtual ~Ranking() = default;
  virtual Selection selection() const = 0;
  // Order of a candidate that can take the request now (available) or not; below RankKey::kBusy.
  virtual uint32_t Order(const NodeView& node, const ResourceSet& request, bool available) const = 0;
  // Nodes with GPUs are taken by requests without GPU only when no other node is available.
  virtual bool avoids_gpu_nodes() const { return false; }
  virtual GpuChoice gpu_choice() const { return GpuChoice::kLeastLeft; }
  virtual const FragmentModel* fragment_model() const { return nullptr; }
  // A request was given an available node. True when all orders may have changed.
  virtual bool OnPlaced(const SchedulingRequest&) { return false; }
};

// Whether `node` could ever serve a request: not draining, large enough, labels match.
bool IsCandidate(const NodeView& node, const ResourceSet& request, const LabelSelector& labels);
// The key of a candidate.
RankKey RankCandidate(const Ranking& ranking, const NodeView& node, const ResourceSet& request);
// Both: id 0 for no candidate.
RankKey RankNode(const Ranking& ranking, const NodeView& node, const ResourceSet& request, const LabelSelector& labels);

// Hybrid's k: max(top_k_absolute, ⌊top_k_fraction × nodes in the view⌋), at least 1.
uint64_t TopK(const PolicyOptions& options, size_t nodes);

// nullptr for an unknown name.
std::unique_ptr<Ranking> MakeRanking(std::string_view name, const PolicyOptions& options);

// Integer scores, 0 (worst) … 100 (best), truncated, of an available node. Sources: Weng et al., USENIX ATC 2023 and
// its artifact.
int64_t ScoreBestFit(const NodeView& node, const ResourceSet& request, const PolicyOptions& options);
int64_t ScoreDotProduct(const NodeView& node, const ResourceSet& request, const PolicyOptions& options);
int64_t ScoreGpuPacking(const NodeView& node, const ResourceSet& request);

}  // namespace orrery
