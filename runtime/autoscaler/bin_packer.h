// Packs groups of equal demands onto groups of equal nodes.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "runtime/autoscaler/scheduler_types.h"

namespace orrery {

// The resources that some demand names, and the label selectors that some demand has, numbered: everything else about
// a node does not matter to a round. Amounts count 1/10,000 units.
using Amounts = std::vector<int64_t>;
class DemandSpace {
 public:
  // Learns what `demand` asks for. All demands first, then nodes.
  void Add(const DemandGroup& demand);
  // Largest total of each resource on any node: the measure in which amounts are compared with each other.
  void NoteNode(const Amounts& total);

  size_t kinds() const { return predefined_.size() + custom_.size(); }
  // A share of a GPU counts as the smallest 1/n that holds it, because two shares of 0.6 need two GPUs.
  Amounts Of(const ResourceSet& resources, bool demand) const;
  // [selector]: whether a node with these labels matches it.
  std::vector<bool> MatchesOf(const Labels& labels) const;
  // Number of the selector; none for the empty one.
  std::optional<size_t> SelectorOf(const LabelSelector& labels) const;
  double Scale(size_t kind) const {
    return scale_.empty() || scale_[kind] == 0 ? 1 : static_cast<double>(scale_[kind]);
  }
  std::optional<size_t> gpu() const;

 private:
  std::vector<ResourceKind> predefined_;
  std::vector<std::string> custom_;
  std::vector<LabelSelector> selectors_;
  std::vector<int64_t> scale_;
};

// Equal demands, under way to nodes.
struct PackDemand {
  size_t group = 0;  // the caller's number
  Amounts amounts;
  std::optional<size_t> selector;
  size_t constraints = 0;
  uint64_t count = 0;
};

// Equal nodes: same type, same totals, same free amounts, same matching selectors.
struct BinClass {
  uint32_t type = ScaledNode::kNoType;
  Amounts total, free;
  std::vector<bool> matches;
  std::vector<uint32_t> members;  // the caller's numbers of the nodes, in the order in which they are taken
  bool operator<(const BinClass& other) const;
  bool SameAs(const BinClass& other) const { return !(*this < other) && !(other < *this); }
};

// A type of which new nodes can be launched.
struct Candidate {
  uint32_t type = 0;
  Amounts total;
  std::vector<bool> matches;
  double price = 0;
  int64_t budget = 0;  // how many more there may be
};

// Equal nodes that take the same demands. used[i] belongs to the i-th demand.
struct Filling {
  size_t bin = 0;  // index of the class, or of the candidate
  uint64_t nodes = 0;
  std::vector<uint64_t> used;
};

enum class PackRule : uint8_t { kUtilization, kCost };

struct PackOptions {
  PackRule rule = PackRule::kUtilization;
  bool one_per_node = false;  // bundles that must lie on different nodes
};

// Ray's first-fit-decreasing (autoscaler/v2/scheduler.py, ResourceDemandScheduler): among the nodes that are left, the
// one whose filling scores best is filled, again and again. Here equal nodes are filled together, and a filling stays
// valid while as many of its demands are left as it takes, so that few are computed twice. Scores are Ray's tuple
// (label rank, no GPU node without GPU work, resource kinds used, least and mean of total * u^3), except that totals
// are measured in shares of the largest node: bytes would otherwise outweigh CPUs.
class BinPacker {
 public:
  // `demands` are sorted, the hardest first (SortHardestFirst).
  BinPacker(const DemandSpace& space, std::vector<PackDemand> demands, PackOptions options)
      : space_(space), demands_(std::move(demands)), options_(options) {}
  static void SortHardestFirst(const DemandSpace& space, std::vector<PackDemand>& demands);

  // Places what it can on existing nodes. `classes` is not changed; Take() does that.
  std::vector<Filling> PackExisting(const std::vector<BinClass>& classes);
  // Places what it can of the rest on new nodes; uses up budgets, and `total_budget`.
  std::vector<Filling> PackNew(std::vector<Candidate>& candidates, int64_t& total_budget);
  // What is left has [i].count > 0.
  const std::vector<PackDemand>& demands() const { return demands_; }
  uint64_t left() const;

  // Moves `nodes` members of classes[bin] to a new class with less free, and returns those members.
  static std::vector<uint32_t> Take(std::vector<BinClass>& classes, const std::vector<PackDemand>& demands,
                                    const Filling& filling);

 private:
  struct Score {
    int label_rank = 0;
    int gpu_fits = 0;
    int kinds = 0;
    double worth = 0, mean = 0;
    auto operator<=>(const Score&) const = default;
  };
  struct Fit {
    std::vector<uint64_t> used;
    Score score;
    bool empty = true;
  };
  Fit Try(const Amounts& total, Amounts free, const std::vector<bool>& matches, double price) const;
  Score ScoreOf(const Fit& fit, const Amounts& total, const Amounts& free, double price) const;
  // How many equal nodes can take this filling from what is left.
  uint64_t Times(const std::vector<uint64_t>& used, uint64_t most) const;
  void Subtract(const std::vector<uint64_t>& used, uint64_t times);

  const DemandSpace& space_;
  std::vector<PackDemand> demands_;
  const PackOptions options_;
};

}  // namespace orrery
