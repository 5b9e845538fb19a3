// A stable priority queue for times that never go back: a radix heap (Ahuja, Mehlhorn, Orlin, Tarjan, JACM 1990).
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <vector>

#include "runtime/common/assert.h"
#include "sim/engine/types.h"

namespace orrery {

// Events leave in order of (time, order of Push). An event lies in bucket b when b - 1 is the highest bit in which its
// time differs from the time last popped; equal times therefore share a bucket and keep their order when it is split.
// Payloads live in a slab; the heap moves 16-byte entries. Cancel is O(1): it frees the slab slot, and the entry is
// recognised by its generation when it surfaces. Push and Pop are O(64) worst case, amortised, and allocate only to
// grow.
template <class Payload>
class EventQueue {
  static_assert(std::is_trivially_copyable_v<Payload>);

 public:
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

  // `time` >= the time of the last entry popped.
  EventId Push(int64_t time, const Payload& payload) {
    ORRERY_ASSERT(time >= last_);
    const uint32_t slot = Allocate();
    slab_[slot].payload = payload;
    const uint32_t generation = slab_[slot].generation;
    Insert({time, slot, generation});
    ++size_;
    return {slot, generation};
  }

  // True when the event was pending; its payload is then in `*payload` (if not nullptr), for the owner to release.
  bool Cancel(EventId id, Payload* payload = nullptr) {
    if (id.slot >= slab_.size() || slab_[id.slot].generation != id.generation) return false;
    if (payload != nullptr) *payload = slab_[id.slot].payload;
    Release(id.slot);
    --size_;
    return true;
  }

  // Time of the first entry, which may be a cancelled one (then a lower bound); kNever when empty. Changes nothing, so
  // that earlier times than this may still be pushed.
  int64_t PeekTime() const {
    if (head_ < buckets_[0].size()) return last_;
    return occupied_ == 0 ? kNever : minimum_[std::countr_zero(occupied_)];
  }

  // Payload of the entry that leaves next unless an earlier one is pushed; nullptr when empty. It may be a cancelled
  // entry's: good for fetching what it will need into the cache, and for nothing else.
  const Payload* PeekPayload() const {
    if (head_ < buckets_[0].size()) return &slab_[buckets_[0][head_].slot].payload;
    return occupied_ == 0 ? nullptr : &slab_[first_[std::countr_zero(occupied_)]].payload;
  }

  // Removes the first entry. False when it had been cancelled, or when there is none; `*time` is its time if there was
  // one.
  bool Pop(int64_t* time, Payload* payload) {
    if (head_ == buckets_[0].size() && !Refill()) return false;
    const Entry entry = buckets_[0][head_++];
    if (head_ == buckets_[0].size()) {
      buckets_[0].clear();
      head_ = 0;
    } else {
      __builtin_prefetch(&slab_[buckets_[0][head_].slot]);
    }
    *time = entry.time;
    Record& record = slab_[entry.slot];
    if (record.generation != entry.generation) return false;
    *payload = record.payload;
    Release(entry.slot);
    --size_;
    return true;
  }

  // Pending events, without the cancelled.
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  // No entry left, not even a cancelled one.
  bool drained() const { return head_ == buckets_[0].size() && occupied_ == 0; }

  // Sorts the entries of the first instant by key(payload), stably, and returns how many they are. As after Pop,
  // earlier times can no longer be pushed.
  template <class Key>
  size_t ReorderFirst(Key key) {
    if (head_ == buckets_[0].size() && !Refill()) return 0;
    std::stable_sort(
        buckets_[0].begin() + static_cast<std::ptrdiff_t>(head_), buckets_[0].end(),
        [&](const Entry& a, const Entry& b) { return key(slab_[a.slot].payload) < key(slab_[b.slot].payload); });
    return buckets_[0].size() - head_;
  }

  // With no entry left, earlier times may be pushed again, from `time` on.
  void Rewind(int64_t time) {
    ORRERY_ASSERT(drained());
    last_ = time;
  }

  // Calls visit(payload) for every pending event, in no useful order: for releasing what payloads own at the end.
  template <class Visitor>
  void VisitPending(Visitor visit) {
    for (size_t b = 0; b < kBuckets; ++b) {
      for (size_t i = b == 0 ? head_ : 0; i < buckets_[b].size(); ++i) {
        const Entry& entry = buckets_[b][i];
        if (slab_[entry.slot].generation == entry.generation) visit(slab_[entry.slot].payload);
      }
    }
  }

  size_t MemoryBytes() const {
    size_t bytes = slab_.capacity() * sizeof(Record);
    for (const auto& bucket : buckets_) bytes += bucket.capacity() * sizeof(Entry);
    return bytes;
  }

 private:
  struct Entry {
    int64_t time;
    uint32_t slot;
    uint32_t generation;
  };
  struct Record {
    Payload payload;
    uint32_t generation;
    uint32_t next_free;
  };
  static constexpr size_t kBuckets = 64;  // times are not negative: 63 bits and bucket 0
  static constexpr uint32_t kNoSlot = 0xffffffff;

  static size_t BucketOf(int64_t time, int64_t last) {
    return static_cast<size_t>(std::bit_width(static_cast<uint64_t>(time ^ last)));
  }

  void Insert(const Entry& entry) {
    const size_t b = BucketOf(entry.time, last_);
    buckets_[b].push_back(entry);
    if (b == 0) return;
    const uint64_t bit = uint64_t{1} << b;
    if ((occupied_ & bit) == 0 || entry.time < minimum_[b]) {
      minimum_[b] = entry.time;
      first_[b] = entry.slot;
    }
    occupied_ |= bit;
  }

  // Moves the first occupied bucket's entries to where they belong once its minimum is the last time.
  bool Refill() {
    if (occupied_ == 0) return false;
    const size_t b = static_cast<size_t>(std::countr_zero(occupied_));
    occupied_ &= occupied_ - 1;
    last_ = minimum_[b];
    std::vector<Entry>& bucket = buckets_[b];
    if (bucket.size() == 1) {
      buckets_[0].push_back(bucket[0]);
    } else {
      for (const Entry& entry : bucket) Insert(entry);
    }
    bucket.clear();
    return true;
  }

  uint32_t Allocate() {
    if (free_ != kNoSlot) {
      const uint32_t slot = free_;
      free_ = slab_[slot].next_free;
      return slot;
    }
    ORRERY_ASSERT(slab_.size() < kNoSlot);
    slab_.push_back({Payload{}, 0, kNoSlot});
    return static_cast<uint32_t>(slab_.size() - 1);
  }

  void Release(uint32_t slot) {
    ++slab_[slot].generation;
    slab_[slot].next_free = free_;
    free_ = slot;
  }

  std::array<std::vector<Entry>, kBuckets> buckets_;
  std::array<int64_t, kBuckets> minimum_{};
  std::array<uint32_t, kBuckets> first_{};  // slot of the first entry with that time
  uint64_t occupied_ = 0;  // bit b: bucket b > 0 holds entries
  size_t head_ = 0;  // first entry of bucket 0 that has not left
  int64_t last_ = 0;  // time of the last entry popped, or of the minimum last moved to bucket 0
  std::vector<Record> slab_;
  uint32_t free_ = kNoSlot;
  size_t size_ = 0;
};

}  // namespace orrery
