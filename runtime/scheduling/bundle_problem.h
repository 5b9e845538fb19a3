// The placement of bundles as integers: shapes (distinct bundles) and rooms (what nodes have for them).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/scheduling/bundle_policy.h"

namespace orrery {

// Amounts of the resources that some bundle names, numbered; in 1/10,000 units.
using BundleAmounts = std::vector<int64_t>;

// Equal bundles.
struct BundleShape {
  Bundle bundle;
  NodeId pinned;  // may go nowhere else
  BundleAmounts amounts;
  FixedPoint gpus;
  std::vector<bool> allowed;  // [room]: not draining, labels match, and what the strategy says
};

// A node, and what of it is left.
struct BundleRoom {
  NodeId node;
  BundleAmounts free;
  GpuFree gpu_free;
  uint32_t bundles = 0;  // of this group
};

// One bundle to place, and where it is so far.
struct BundleItem {
  size_t index = 0;  // the caller's; that of a pinned one is beyond his bundles
  size_t shape = 0;
  std::optional<size_t> room;
  GpuAllocation gpus;
};

// Plain data with the moves that solvers make. Rooms are in the order of node ids. Borrows nothing.
class BundleProblem {
 public:
  // kFree: rooms are what is free now. kIdle: rooms are whole nodes, and the held bundles are items pinned to theirs.
  enum class Rooms : uint8_t { kFree, kIdle };
  BundleProblem(const ClusterView& view, const BundleRequest& request, Rooms rooms);

  const std::vector<BundleShape>& shapes() const { return shapes_; }
  const std::vector<BundleRoom>& rooms() const { return rooms_; }
  // The hardest first; equal ones beside each other.
  const std::vector<BundleItem>& items() const { return items_; }
  const BundleShape& ShapeOf(size_t item) const { return shapes_[items_[item].shape]; }

  bool Fits(const BundleShape& shape, size_t room) const;
  // Ray's score of a room that fits: Σ (free − asked) / free over what is asked. Higher is emptier.
  double Score(const BundleShape& shape, size_t room) const;
  // Rooms that are one to every shape: what happens on one can happen on the other.
  bool SameRoom(size_t a, size_t b) const;

  // Puts the item there, on the GPUs given or on the fullest that fit. It must fit.
  void Put(size_t item, size_t room);
  void Put(size_t item, size_t room, GpuAllocation gpus);
  void TakeBack(size_t item);
  void TakeAllBack();
  // Every item has a room: where the caller's bundles are, by his index.
  std::vector<PlacedBundle> Placed(size_t bundles) const;

 private:
  size_t ShapeFor(const Bundle& bundle, NodeId pinned);
  BundleAmounts AmountsOf(const ResourceSet& resources) const;
  void AddRooms(const ClusterView& view, const BundleRequest& request, Rooms rooms);
  bool Allowed(const BundleShape& shape, const NodeView& node, const BundleRequest& request) const;

  std::vector<ResourceKind> predefined_;
  std::vector<std::string> custom_;
  std::vector<BundleShape> shapes_;
  std::vector<BundleRoom> rooms_;
  std::vector<BundleItem> items_;
};

}  // namespace orrery
