#include "runtime/scheduling/shape_index.h"

#include <algorithm>
#include <utility>

namespace orrery {

namespace {
// Scores depend on these alone, so that runs of equal nodes (a fresh cluster) are scored once.
bool SameState(const NodeView& a, const NodeView& b) {
  return a.draining == b.draining && a.available == b.available && a.total == b.total && a.gpu_free == b.gpu_free &&
         a.labels == b.labels;
}
}  // namespace

RankKey ShapeIndex::Rank(const NodeView& node, const Ranking& ranking) const {
  if (shape_.without_gpu_nodes && node.total.Get(ResourceKind::kGpu).raw > 0) return {};
  return RankNode(ranking, node, shape_.resources, shape_.labels);
}

void ShapeIndex::Rebuild(const ClusterView& view, const Ranking& ranking) {
  key_of_slot_.assign(view.slot_count(), {});
  std::vector<RankKey> keys;
  const NodeView* last = nullptr;
  RankKey key;
  for (uint32_t slot = 0; slot < view.slot_count(); ++slot) {
    const NodeView& node = view.slot(slot);
    if (!node.id) continue;
    if (last == nullptr || !SameState(*last, node)) key = Rank(node, ranking);
    last = &node;
    if (!key.candidate()) continue;
    key = RankKey(key.order(), node.id.value);
    key_of_slot_[slot] = key;
    keys.push_back(key);
  }
  keys_.Assign(std::move(keys));
}

void ShapeIndex::Refresh(const ClusterView& view, const Ranking& ranking) {
  if (version_ == view.version()) return;
  if (version_ == 0) {
    Rebuild(view, ranking);
  } else {
    key_of_slot_.resize(view.slot_count());
    view.ForEachChangedSince(version_, [&](uint32_t slot) {
      RankKey& old = key_of_slot_[slot];
      // Totals and labels of a node never change, so a candidate stays one until it drains or leaves.
      const NodeView& node = view.slot(slot);
      const bool still = old.candidate() && old.id() == node.id.value && !node.draining;
      const RankKey key = still ? RankCandidate(ranking, node, shape_.resources) : Rank(node, ranking);
      if (key == old) return;
      if (old.candidate() && key.candidate()) {
        keys_.Replace(old, key);
      } else if (old.candidate()) {
        keys_.Erase(old);
      } else {
        keys_.Insert(key);
      }
      old = key;
    });
  }
  version_ = view.version();
}

RankKey ShapeIndex::KeyOf(const ClusterView& view, NodeId node) const {
  const uint32_t slot = view.SlotOf(node);
  return slot == ClusterView::kNoSlot ? RankKey{} : key_of_slot_[slot];
}

size_t ShapeIndexes::ShapeHash::operator()(const Shape& shape) const {
  uint64_t h = shape.without_gpu_nodes ? 1 : 2;
  const auto mix = [&](uint64_t x) { h = Mix64(h * 0x9e3779b97f4a7c15ULL + x); };
  for (size_t i = 0; i < kPredefinedResources; ++i) {
    mix(static_cast<uint64_t>(shape.resources.Get(static_cast<ResourceKind>(i)).raw));
  }
  for (const auto& [name, amount] : shape.resources.custom()) {
    mix(HashName(name));
    mix(static_cast<uint64_t>(amount.raw));
  }
  for (const LabelExpression& label : shape.labels) {
    mix(HashName(label.key) + static_cast<uint64_t>(label.op));
    for (const std::string& value : label.values) mix(HashName(value));
  }
  return h;
}

const ShapeIndex& ShapeIndexes::Get(const ClusterView& view, const Ranking& ranking, const Shape& shape) {
  ShapeIndex* index;
  if (const uint32_t* position = position_.Find(shape)) {
    index = indexes_[*position].get();
  } else {
    EvictFor(view.slot_count());
    position_.Insert(shape, static_cast<uint32_t>(indexes_.size()));
    indexes_.push_back(std::make_unique<ShapeIndex>(shape));
    index = indexes_.back().get();
  }
  index->Refresh(view, ranking);
  index->last_used_ = ++uses_;
  return *index;
}

void ShapeIndexes::EvictFor(size_t slots) {
  const auto per_index = static_cast<int64_t>(std::max<size_t>(slots, 1));
  while (!indexes_.empty() && static_cast<int64_t>(indexes_.size() + 1) * per_index > max_entries_) {
    const auto oldest = std::min_element(indexes_.begin(), indexes_.end(),
                                         [](const auto& a, const auto& b) { return a->last_used_ < b->last_used_; });
    position_.Erase((*oldest)->shape());
    if (oldest != indexes_.end() - 1) {
      *oldest = std::move(indexes_.back());
      *position_.Find((*oldest)->shape()) = static_cast<uint32_t>(oldest - indexes_.begin());
    }
    indexes_.pop_back();
  }
}

void ShapeIndexes::Clear() {
  position_.Clear();
  indexes_.clear();
}

}  // namespace orrery
