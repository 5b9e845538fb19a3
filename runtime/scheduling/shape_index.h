// Ordered candidates per request shape, kept up to date by visiting only the nodes that changed.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "runtime/common/lookup.h"
#include "runtime/scheduling/cluster_view.h"
#include "runtime/scheduling/ranked_keys.h"

namespace orrery {

// Requests of one shape see the same candidates in the same order.
struct Shape {
  ResourceSet resources;
  LabelSelector labels;
  bool without_gpu_nodes = false;  // hybrid's first pass for requests without GPU
  bool operator==(const Shape&) const = default;
};

// All candidates of one shape.
class ShapeIndex {
 public:
  explicit ShapeIndex(Shape shape) : shape_(std::move(shape)) {}
  // Brings the index to the view's version.
  void Refresh(const ClusterView& view, const Ranking& ranking);
  const RankedKeys& keys() const { return keys_; }
  // Candidates that can take the request now; they are the first ones.
  size_t available() const { return keys_.CountBelow(RankKey(RankKey::kBusy, 0)); }
  // The node's key, id 0 when it is no candidate.
  RankKey KeyOf(const ClusterView& view, NodeId node) const;
  const Shape& shape() const { return shape_; }

 private:
  friend class ShapeIndexes;
  void Rebuild(const ClusterView& view, const Ranking& ranking);
  RankKey Rank(const NodeView& node, const Ranking& ranking) const;
  Shape shape_;
  uint64_t version_ = 0;  // of the view; 0: never built
  uint64_t last_used_ = 0;
  std::vector<RankKey> key_of_slot_;
  RankedKeys keys_;
};

// The indexes of the shapes in use. When all together would hold more than `max_entries` slots, the least recently
// used go.
class ShapeIndexes {
 public:
  explicit ShapeIndexes(int64_t max_entries) : max_entries_(max_entries) {}
  // The index of this shape, up to date; borrowed until the next call.
  const ShapeIndex& Get(const ClusterView& view, const Ranking& ranking, const Shape& shape);
  // Forgets everything: orders changed for another reason than the view.
  void Clear();
  size_t size() const { return indexes_.size(); }

 private:
  struct ShapeHash {
    size_t operator()(const Shape& shape) const;
  };
  void EvictFor(size_t slots);
  int64_t max_entries_;
  uint64_t uses_ = 0;
  Lookup<Shape, uint32_t, ShapeHash> position_;
  std::vector<std::unique_ptr<ShapeIndex>> indexes_;
};

}  // namespace orrery
