#include "runtime/scheduling/cluster_view.h"

#include <algorithm>
#include <utility>

#include "runtime/common/assert.h"

namespace orrery {

namespace {
constexpr FixedPoint kOneGpu = FixedPoint::Whole(1);

bool HasGpus(const NodeView& node) { return node.total.Get(ResourceKind::kGpu).raw > 0; }

// Takes `amount` from the GPUs as far as they have it: the view is a guess and the next report corrects it.
void TakeByAmount(FixedPoint amount, GpuFree& free) {
  Random unused;
  if (auto gpus = ChooseGpus(amount, free, GpuChoice::kLeastLeft, unused)) {
    TakeGpus(*gpus, free);
    return;
  }
  for (FixedPoint& left : free) {
    const FixedPoint taken = std::min(left, amount);
    left -= taken;
    amount -= taken;
  }
}

// Gives `amount` back: a fraction to the fullest GPU with room for it, whole ones to wholly used GPUs, else wherever
// room is.
void GiveByAmount(FixedPoint amount, GpuFree& free) {
  if (amount < kOneGpu) {
    FixedPoint* best = nullptr;
    for (FixedPoint& left : free) {
      if (left + amount <= kOneGpu && (best == nullptr || left < *best)) best = &left;
    }
    if (best != nullptr) {
      *best += amount;
      return;
    }
  }
  for (const bool used_only : {true, false}) {
    for (FixedPoint& left : free) {
      if (used_only && (left.raw != 0 || amount < kOneGpu)) continue;
      const FixedPoint given = std::min(kOneGpu - left, amount);
      left += given;
      amount -= given;
    }
  }
}
}  // namespace

void ClusterView::AddNode(NodeId id, const ResourceSet& total, Labels labels) {
  ORRERY_ASSERT(id);
  uint32_t slot;
  if (free_slots_.empty()) {
    slot = static_cast<uint32_t>(slots_.size());
    slots_.emplace_back();
  } else {
    slot = free_slots_.back();
    free_slots_.pop_back();
  }
  const bool inserted = slot_of_.Insert(id, slot).second;
  ORRERY_ASSERT_MSG(inserted, "the node is already in the view");
  NodeView& node = slots_[slot].node;
  node = {id, total, total, AllGpusFree(total.Get(ResourceKind::kGpu)), std::move(labels), false};
  ids_.insert(std::lower_bound(ids_.begin(), ids_.end(), id), id);
  gpu_nodes_ += HasGpus(node) ? 1 : 0;
  Touch(slot);
}

bool ClusterView::RemoveNode(NodeId id) {
  const uint32_t slot = SlotOf(id);
  if (slot == kNoSlot) return false;
  gpu_nodes_ -= HasGpus(slots_[slot].node) ? 1 : 0;
  slots_[slot].node = {};
  slot_of_.Erase(id);
  ids_.erase(std::lower_bound(ids_.begin(), ids_.end(), id));
  free_slots_.push_back(slot);
  Touch(slot);
  return true;
}

bool ClusterView::SetDraining(NodeId id, bool draining) {
  Slot* slot = FindSlot(id);
  if (slot == nullptr) return false;
  if (slot->node.draining == draining) return true;
  slot->node.draining = draining;
  Touch(SlotOf(id));
  return true;
}

bool ClusterView::SetAvailable(NodeId id, const ResourceSet& available, GpuFree gpu_free) {
  Slot* slot = FindSlot(id);
  if (slot == nullptr) return false;
  NodeView& node = slot->node;
  if (gpu_free.size() != node.gpu_free.size()) {
    gpu_free = AllGpusFree(available.Get(ResourceKind::kGpu));
    gpu_free.resize(node.gpu_free.size());
  }
  for (FixedPoint& left : gpu_free) left = std::clamp(left, FixedPoint{}, kOneGpu);  // it came from another process
  if (node.available == available && node.gpu_free == gpu_free) return true;  // indexes have nothing to do
  node.available = available;
  node.gpu_free = std::move(gpu_free);
  Touch(SlotOf(id));
  return true;
}

bool ClusterView::Deduct(NodeId id, const ResourceSet& amounts) {
  Slot* slot = FindSlot(id);
  if (slot == nullptr) return false;
  slot->node.available -= amounts;
  TakeByAmount(amounts.Get(ResourceKind::kGpu), slot->node.gpu_free);
  Touch(SlotOf(id));
  return true;
}

bool ClusterView::Deduct(NodeId id, const ResourceSet& amounts, const GpuAllocation& gpus) {
  Slot* slot = FindSlot(id);
  if (slot == nullptr) return false;
  slot->node.available -= amounts;
  TakeGpus(gpus, slot->node.gpu_free);
  Touch(SlotOf(id));
  return true;
}

bool ClusterView::Restore(NodeId id, const ResourceSet& amounts) {
  Slot* slot = FindSlot(id);
  if (slot == nullptr) return false;
  slot->node.available += amounts;
  GiveByAmount(amounts.Get(ResourceKind::kGpu), slot->node.gpu_free);
  Touch(SlotOf(id));
  return true;
}

bool ClusterView::Restore(NodeId id, const ResourceSet& amounts, const GpuAllocation& gpus) {
  Slot* slot = FindSlot(id);
  if (slot == nullptr) return false;
  slot->node.available += amounts;
  GiveGpus(gpus, slot->node.gpu_free);
  Touch(SlotOf(id));
  return true;
}

const NodeView* ClusterView::Find(NodeId id) const {
  const uint32_t slot = SlotOf(id);
  return slot == kNoSlot ? nullptr : &slots_[slot].node;
}

uint32_t ClusterView::SlotOf(NodeId id) const {
  const uint32_t* slot = slot_of_.Find(id);
  return slot == nullptr ? kNoSlot : *slot;
}

ClusterView::Slot* ClusterView::FindSlot(NodeId id) {
  const uint32_t slot = SlotOf(id);
  return slot == kNoSlot ? nullptr : &slots_[slot];
}

void ClusterView::Touch(uint32_t slot) {
  slots_[slot].version = ++version_;
  if (newest_ == slot) return;
  Unlink(slot);
  slots_[slot].older = newest_;
  if (newest_ != kNoSlot) slots_[newest_].newer = slot;
  newest_ = slot;
}

void ClusterView::Unlink(uint32_t slot) {
  Slot& s = slots_[slot];
  if (s.older != kNoSlot) slots_[s.older].newer = s.newer;
  if (s.newer != kNoSlot) slots_[s.newer].older = s.older;
  s.older = s.newer = kNoSlot;
}

}  // namespace orrery
