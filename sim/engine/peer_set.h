// The processes that one process has exchanged messages with.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "runtime/common/ids.h"

namespace orrery {

// A set of incarnations (below 2^31, not 0), each with one flag: "I sent to it by its endpoint alone". Looked up for
// every message sent: up to six lie inside the object, more in an open-addressing table of four bytes per place that is
// at most half full. Sorted() gives an order that depends on nothing else.
class PeerSet {
 public:
  struct Peer {
    uint32_t id;
    bool by_endpoint;
  };

  // True when `id` was not yet a member. Sets the flag if `by_endpoint`; never clears it.
  bool Add(uint32_t id, bool by_endpoint) {
    const uint32_t flag = by_endpoint ? kFlag : 0;
    if (uint32_t* place = Find(id)) {
      *place |= flag;
      return false;
    }
    if (!table_ && size_ < kFew) {
      few_[size_++] = id | flag;
      return true;
    }
    if (!table_ || (size_ + 1) * 2 > capacity_) Grow();
    table_[PlaceOf(id)] = id | flag;
    ++size_;
    return true;
  }

  // Returns the flag; false when `id` is no member.
  bool Remove(uint32_t id) {
    uint32_t* place = Find(id);
    if (place == nullptr) return false;
    const bool flag = (*place & kFlag) != 0;
    --size_;
    if (!table_) {
      *place = few_[size_];
      return flag;
    }
    // Backward shift: an entry behind the hole moves into it unless its own probe begins behind the hole.
    const uint32_t mask = capacity_ - 1;
    uint32_t hole = static_cast<uint32_t>(place - table_.get());
    for (uint32_t i = (hole + 1) & mask; table_[i] != 0; i = (i + 1) & mask) {
      const uint32_t distance_home = (i - Home(table_[i])) & mask;
      if (distance_home >= ((i - hole) & mask)) {
        table_[hole] = table_[i];
        hole = i;
      }
    }
    table_[hole] = 0;
    return flag;
  }

  std::vector<Peer> Sorted() const {
    std::vector<Peer> peers;
    peers.reserve(size_);
    const uint32_t* places = table_ ? table_.get() : few_.data();
    const uint32_t count = table_ ? capacity_ : size_;
    for (uint32_t i = 0; i < count; ++i) {
      if (places[i] != 0) peers.push_back({places[i] & ~kFlag, (places[i] & kFlag) != 0});
    }
    std::sort(peers.begin(), peers.end(), [](const Peer& a, const Peer& b) { return a.id < b.id; });
    return peers;
  }

  uint32_t size() const { return size_; }
  // Outside the object itself.
  size_t MemoryBytes() const { return table_ ? capacity_ * sizeof(uint32_t) : 0; }

 private:
  static constexpr uint32_t kFlag = 0x80000000u;
  static constexpr uint32_t kFew = 6;
  uint32_t Home(uint32_t place) const { return static_cast<uint32_t>(Mix64(place & ~kFlag)) & (capacity_ - 1); }
  // In the table: where `id` is, or the free place where it belongs.
  uint32_t PlaceOf(uint32_t id) const {
    uint32_t i = Home(id);
    while (table_[i] != 0 && (table_[i] & ~kFlag) != id) i = (i + 1) & (capacity_ - 1);
    return i;
  }
  uint32_t* Find(uint32_t id) {
    if (table_) {
      uint32_t* place = &table_[PlaceOf(id)];
      return *place == 0 ? nullptr : place;
    }
    for (uint32_t i = 0; i < size_; ++i) {
      if ((few_[i] & ~kFlag) == id) return &few_[i];
    }
    return nullptr;
  }
  void Grow() {
    const std::unique_ptr<uint32_t[]> old = std::move(table_);
    const uint32_t* places = old ? old.get() : few_.data();
    const uint32_t count = old ? capacity_ : size_;
    capacity_ = old ? capacity_ * 2 : 4 * kFew;
    capacity_ = std::bit_ceil(capacity_);
    table_ = std::make_unique<uint32_t[]>(capacity_);
    for (uint32_t i = 0; i < count; ++i) {
      if (places[i] != 0) table_[PlaceOf(places[i] & ~kFlag)] = places[i];
    }
  }

  std::unique_ptr<uint32_t[]> table_;  // made when there are more than kFew
  uint32_t capacity_ = 0;              // of the table: a power of two
  uint32_t size_ = 0;
  std::array<uint32_t, kFew> few_{};
};

}  // namespace orrery
