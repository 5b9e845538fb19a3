// What placement groups reserve, and how it is to lie on nodes.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "runtime/common/resources.h"
#include "runtime/common/status.h"

namespace orrery {

// Ray's placement strategies (python/ray/util/placement_group.py).
enum class BundleStrategy : uint8_t {
  kPack,          // on few nodes: on one when one can hold all
  kSpread,        // on as many nodes as possible
  kStrictPack,    // on one node or not at all
  kStrictSpread,  // each on a node of its own or not at all
};
const char* BundleStrategyName(BundleStrategy strategy);  // "PACK", "SPREAD", "STRICT_PACK", "STRICT_SPREAD"
// kInvalidArgument, naming the four, for another name.
Result<BundleStrategy> ParseBundleStrategy(std::string_view name);

// What is reserved together on one node.
struct Bundle {
  ResourceSet resources;
  LabelSelector labels;  // of the node
  auto operator<=>(const Bundle&) const = default;
};

// kInvalidArgument, naming the bundle by its index, for no bundles, a bundle that asks for nothing, negative amounts,
// and GPUs that are neither below one nor whole.
Status ValidateBundles(const std::vector<Bundle>& bundles);

}  // namespace orrery
