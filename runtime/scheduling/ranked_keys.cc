#include "runtime/scheduling/ranked_keys.h"

#include <algorithm>
#include <utility>

#include "runtime/common/assert.h"

namespace orrery {

void RankedKeys::Assign(std::vector<RankKey> keys) {
  std::sort(keys.begin(), keys.end());
  blocks_.clear();
  last_.clear();
  sizes_.clear();
  size_ = keys.size();
  constexpr size_t kFill = kBlock / 2;  // room to grow before the first split
  for (size_t begin = 0; begin < keys.size(); begin += kFill) {
    const size_t end = std::min(begin + kFill, keys.size());
    blocks_.emplace_back(keys.begin() + static_cast<ptrdiff_t>(begin), keys.begin() + static_cast<ptrdiff_t>(end));
    last_.push_back(blocks_.back().back());
    sizes_.push_back(end - begin);
  }
}

// The only block that may hold `key`, or the number of blocks.
size_t RankedKeys::BlockOf(const RankKey& key) const {
  return static_cast<size_t>(std::lower_bound(last_.begin(), last_.end(), key) - last_.begin());
}

void RankedKeys::Insert(const RankKey& key) {
  if (blocks_.empty()) return Assign({key});
  const size_t b = std::min(BlockOf(key), blocks_.size() - 1);
  auto& block = blocks_[b];
  const auto at = std::lower_bound(block.begin(), block.end(), key);
  ORRERY_ASSERT(at == block.end() || *at != key);
  block.insert(at, key);
  ++size_;
  if (block.size() > kBlock) {
    const auto middle = block.begin() + static_cast<ptrdiff_t>(block.size() / 2);
    std::vector<RankKey> upper(middle, block.end());
    block.erase(middle, block.end());
    const auto next = static_cast<ptrdiff_t>(b + 1);
    last_.insert(last_.begin() + next, upper.back());
    sizes_.insert(sizes_.begin() + next, upper.size());
    blocks_.insert(blocks_.begin() + next, std::move(upper));
  }
  last_[b] = blocks_[b].back();
  sizes_[b] = blocks_[b].size();
}

void RankedKeys::Erase(const RankKey& key) {
  const size_t b = BlockOf(key);
  ORRERY_ASSERT(b < blocks_.size());
  auto& block = blocks_[b];
  const auto at = std::lower_bound(block.begin(), block.end(), key);
  ORRERY_ASSERT(at != block.end() && *at == key);
  block.erase(at);
  --size_;
  if (block.empty()) {
    const auto gone = static_cast<ptrdiff_t>(b);
    blocks_.erase(blocks_.begin() + gone);
    last_.erase(last_.begin() + gone);
    sizes_.erase(sizes_.begin() + gone);
    return;
  }
  sizes_[b] = block.size();  // last_[b] stays a bound
}

void RankedKeys::Replace(const RankKey& from, const RankKey& to) {
  const size_t b = BlockOf(from);
  ORRERY_ASSERT(b < blocks_.size());
  if (to > last_[b] || (b > 0 && to <= last_[b - 1])) {
    Erase(from);
    Insert(to);
    return;
  }
  auto& block = blocks_[b];
  const auto old = std::lower_bound(block.begin(), block.end(), from);
  ORRERY_ASSERT(old != block.end() && *old == from);
  if (to > from) {
    const auto end = std::lower_bound(old, block.end(), to);
    std::move(old + 1, end, old);
    *(end - 1) = to;
  } else {
    const auto begin = std::lower_bound(block.begin(), old, to);
    std::move_backward(begin, old, old + 1);
    *begin = to;
  }
}

RankKey RankedKeys::At(size_t rank) const {
  ORRERY_ASSERT(rank < size_);
  size_t b = 0;
  while (rank >= sizes_[b]) rank -= sizes_[b++];
  return blocks_[b][rank];
}

size_t RankedKeys::CountBelow(const RankKey& key) const {
  const size_t b = BlockOf(key);
  size_t count = 0;
  for (size_t i = 0; i < b; ++i) count += sizes_[i];
  if (b == blocks_.size()) return count;
  const auto& block = blocks_[b];
  return count + static_cast<size_t>(std::lower_bound(block.begin(), block.end(), key) - block.begin());
}

}  // namespace orrery
