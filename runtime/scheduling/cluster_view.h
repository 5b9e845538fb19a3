// What one process knows about the nodes of its cluster, and which of them changed since when.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "runtime/common/ids.h"
#include "runtime/common/lookup.h"
#include "runtime/common/resources.h"
#include "runtime/scheduling/gpu_instances.h"

namespace orrery {

// One alive node, as last reported and as deducted from since.
struct NodeView {
  NodeId id;
  ResourceSet total;
  ResourceSet available;  // may be negative: deductions are optimistic, and resumed workers may oversubscribe CPU
  GpuFree gpu_free;       // per GPU; sums to about available GPU (deductions by amount guess the GPU)
  Labels labels;
  bool draining = false;  // takes no new work
};

// Plain data with a change log: every change gives a node a new version, and the nodes are kept in the order of their
// last change, so that a policy's index can catch up by visiting exactly the nodes that changed since it last looked.
// Not copyable: indexes belong to one view.
class ClusterView {
 public:
  ClusterView() = default;
  ClusterView(const ClusterView&) = delete;
  ClusterView& operator=(const ClusterView&) = delete;

  // A new node with everything free. The id must not be present.
  void AddNode(NodeId id, const ResourceSet& total, Labels labels = {});
  // The rest returns false, and does nothing, for a node that is not (or no longer) there.
  bool RemoveNode(NodeId id);
  bool SetDraining(NodeId id, bool draining);
  // A report from the node itself; replaces all deductions. A `gpu_free` of another length than the node has GPUs is
  // replaced by a guess from the amount (whole GPUs first), and shares are clamped to [0, 1].
  bool SetAvailable(NodeId id, const ResourceSet& available, GpuFree gpu_free = {});
  // Optimistic bookkeeping between reports. With an allocation the GPUs are exact; without one, fractions are assumed
  // on the fullest GPU that fits and whole ones on the first free.
  bool Deduct(NodeId id, const ResourceSet& amounts);
  bool Deduct(NodeId id, const ResourceSet& amounts, const GpuAllocation& gpus);
  bool Restore(NodeId id, const ResourceSet& amounts);
  bool Restore(NodeId id, const ResourceSet& amounts, const GpuAllocation& gpus);

  // Borrowed until the next AddNode or RemoveNode; nullptr for an unknown node.
  const NodeView* Find(NodeId id) const;
  size_t size() const { return ids_.size(); }
  bool empty() const { return ids_.empty(); }
  // All nodes, ascending.
  const std::vector<NodeId>& ids() const { return ids_; }
  // Nodes (draining ones too) that have GPUs.
  size_t gpu_nodes() const { return gpu_nodes_; }

  // For indexes. Each node lives in a slot below slot_count(); the slot of a removed node is empty (id 0) until it is
  // reused. version() grows with every change.
  static constexpr uint32_t kNoSlot = ~uint32_t{0};
  uint64_t version() const { return version_; }
  size_t slot_count() const { return slots_.size(); }
  const NodeView& slot(uint32_t slot) const { return slots_[slot].node; }
  uint32_t SlotOf(NodeId id) const;
  // Calls visit(slot) once for every slot that changed after `version`, latest first.
  template <class Visit>
  void ForEachChangedSince(uint64_t version, Visit visit) const {
    for (uint32_t s = newest_; s != kNoSlot && slots_[s].version > version; s = slots_[s].older) visit(s);
  }

 private:
  struct Slot {
    NodeView node;
    uint64_t version = 0;
    uint32_t older = kNoSlot;
    uint32_t newer = kNoSlot;
  };
  Slot* FindSlot(NodeId id);
  // Gives the slot a new version and moves it to the front of the change list.
  void Touch(uint32_t slot);
  void Unlink(uint32_t slot);

  std::vector<Slot> slots_;
  std::vector<uint32_t> free_slots_;
  Lookup<NodeId, uint32_t> slot_of_;
  std::vector<NodeId> ids_;
  size_t gpu_nodes_ = 0;
  uint64_t version_ = 0;
  uint32_t newest_ = kNoSlot;
};

}  // namespace orrery
