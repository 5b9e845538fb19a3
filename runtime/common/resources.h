// Amounts of named resources, and labels: plain values that requests, nodes and policies share.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/common/fixed_point.h"
#include "runtime/common/ids.h"
#include "runtime/common/status.h"

namespace orrery {

// The resources every node knows; others are custom and carry their name.
enum class ResourceKind : uint8_t { kCpu = 0, kMemory = 1, kObjectStoreMemory = 2, kGpu = 3, kCount = 4 };
inline constexpr size_t kPredefinedResources = static_cast<size_t>(ResourceKind::kCount);
const char* ResourceKindName(ResourceKind kind);  // "CPU", "memory", "object_store_memory", "GPU"

// A multiset of resources. Absent means zero; custom entries are sorted by name and never zero.
// memory and object_store_memory count bytes, CPU and GPU devices, custom ones whatever the user means.
class ResourceSet {
 public:
  ResourceSet() = default;
  static ResourceSet Cpu(double cpus) { return ResourceSet().Set(ResourceKind::kCpu, FixedPoint::FromDouble(cpus)); }

  FixedPoint Get(ResourceKind kind) const { return predefined_[static_cast<size_t>(kind)]; }
  FixedPoint Get(std::string_view name) const;
  ResourceSet& Set(ResourceKind kind, FixedPoint amount) {
    predefined_[static_cast<size_t>(kind)] = amount;
    return *this;
  }
  ResourceSet& Set(std::string_view name, FixedPoint amount);
  const std::vector<std::pair<std::string, FixedPoint>>& custom() const { return custom_; }

  bool empty() const;
  // Every amount of this set is at most the other's.
  bool FitsIn(const ResourceSet& other) const;
  // True where some amount is below zero.
  bool AnyNegative() const;
  ResourceSet& operator+=(const ResourceSet& other);
  ResourceSet& operator-=(const ResourceSet& other);
  bool operator==(const ResourceSet&) const = default;
  std::strong_ordering operator<=>(const ResourceSet& other) const;

 private:
  std::array<FixedPoint, kPredefinedResources> predefined_{};
  std::vector<std::pair<std::string, FixedPoint>> custom_;
};

// "{CPU: 4, memory: 1073741824, GPU: 0.5}"; names in fixed order, then custom by name.
std::string ToString(const ResourceSet& resources);

// GPU requests must be below one or whole (each GPU is an instance); every amount must be >= 0.
Status ValidateRequest(const ResourceSet& request);

// Labels of a node: key → value, sorted.
using Labels = std::map<std::string, std::string>;

// One condition on a label (Ray's label_selector.h).
struct LabelExpression {
  enum class Op : uint8_t { kIn, kNotIn, kExists, kDoesNotExist };
  std::string key;
  Op op = Op::kIn;
  std::vector<std::string> values;
  bool Matches(const Labels& labels) const;
  auto operator<=>(const LabelExpression&) const = default;
};
// All expressions must hold; empty matches every node.
using LabelSelector = std::vector<LabelExpression>;
bool Matches(const LabelSelector& selector, const Labels& labels);
// A condition in Ray's words: "v", "!v", "in(a, b)", "!in(a, b)". kInvalidArgument when a value is missing.
Result<LabelExpression> ParseLabelExpression(const std::string& key, std::string text);

// How a task's node is chosen (Ray's scheduling_strategies.py).
struct SchedulingStrategy {
  enum class Kind : uint8_t { kDefault, kSpread, kRandom, kNodeAffinity, kPlacementGroup };
  Kind kind = Kind::kDefault;
  uint32_t affinity_node = 0;          // kNodeAffinity: the node's id
  bool soft = false;  // kNodeAffinity: fall back to kDefault when that node is dead or cannot ever fit
  LabelSelector hard_labels;  // must hold, in every kind
  LabelSelector soft_labels;  // preferred, in every kind
  PlacementGroupId group;     // kPlacementGroup: runs inside what that group has reserved
  int32_t bundle = kAnyBundle;
  static constexpr int32_t kAnyBundle = -1;
  // kPlacementGroup: tasks and actors that this one makes are in the group, too, unless they name a strategy.
  bool capture_child_tasks = false;
  // In place of hard_labels when no node that matches those can take it now, in order; and so again for nodes that
  // could take it later. (Ray: fallback_strategy.)
  std::vector<LabelSelector> fallbacks = {};
  auto operator<=>(const SchedulingStrategy&) const = default;
};

// By its hard labels or one of their fallbacks, it may run on a node with these labels.
bool MatchesAny(const SchedulingStrategy& strategy, const Labels& labels);

// What a lease needs and where it may run; equal requests form one scheduling class.
struct SchedulingRequest {
  ResourceSet resources;
  SchedulingStrategy strategy;
  auto operator<=>(const SchedulingRequest&) const = default;
};

}  // namespace orrery
