#include "runtime/object_store/arena.h"

#include <iterator>

#include "runtime/common/assert.h"

namespace orrery {

Arena::Arena(int64_t capacity) : capacity_(capacity / kAlignment * kAlignment) {
  ORRERY_ASSERT(capacity >= 0);
  if (capacity_ > 0) Add(0, capacity_);
  free_bytes_ = capacity_;
}

std::optional<int64_t> Arena::Allocate(int64_t size) {
  ORRERY_ASSERT(size > 0);
  if (size > free_bytes_) return std::nullopt;  // also keeps Rounded from overflowing
  const int64_t rounded = Rounded(size);
  const auto best = by_size_.lower_bound({rounded, 0});
  if (best == by_size_.end()) return std::nullopt;
  const auto [length, offset] = *best;
  Take(by_offset_.find(offset));
  if (length > rounded) Add(offset + rounded, length - rounded);
  free_bytes_ -= rounded;
  return offset;
}

void Arena::Free(int64_t offset, int64_t size) {
  const int64_t rounded = Rounded(size);
  ORRERY_ASSERT(offset >= 0 && size > 0 && offset + rounded <= capacity_);
  free_bytes_ += rounded;
  int64_t begin = offset, end = offset + rounded;
  const auto next = by_offset_.lower_bound(offset);
  ORRERY_ASSERT_MSG(next == by_offset_.end() || next->first >= end, "freed twice");
  if (next != by_offset_.begin()) {
    const auto previous = std::prev(next);
    ORRERY_ASSERT_MSG(previous->first + previous->second <= begin, "freed twice");
    if (previous->first + previous->second == begin) {
      begin = previous->first;
      Take(previous);
    }
  }
  if (next != by_offset_.end() && next->first == end) {
    end += next->second;
    Take(next);
  }
  Add(begin, end - begin);
}

void Arena::Add(int64_t offset, int64_t size) {
  by_offset_.emplace(offset, size);
  by_size_.emplace(size, offset);
}

void Arena::Take(Ranges::iterator range) {
  by_size_.erase({range->second, range->first});
  by_offset_.erase(range);
}

void Arena::CheckInvariants() const {
  int64_t sum = 0, end = -1;
  for (const auto& [offset, size] : by_offset_) {
    ORRERY_ASSERT(offset > end && size > 0 && offset % kAlignment == 0 && size % kAlignment == 0);
    ORRERY_ASSERT(by_size_.count({size, offset}) == 1);
    end = offset + size;  // equal to the next offset would mean that two neighbours did not coalesce
    sum += size;
  }
  ORRERY_ASSERT(end <= capacity_ && sum == free_bytes_ && by_size_.size() == by_offset_.size());
}

}  // namespace orrery
