// The processes that one process has exchanged messages with.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "runtime/common/ids.h"

namespace orrery {

// An open-addressing set of incarnations (below 2^31, not 0), each with one flag: "I sent to it by its endpoint alone".
// Four bytes per place, at most half full; Sorted() gives an order that depends on nothing else. Find-or-insert on every
// message sent, so it is kept small enough to stay in the cache.
class PeerSet {
 public:
  struct Peer {
    uint32_t id;
    bool by_endpoint;
  };

  // True when `id` was not yet a member. Sets the flag if `by_endpoint`; never clears it.
  bool Add(uint32_t id, bool by_endpoint) {
    if (places_.empty()) places_.resize(4);
    const uint32_t flag = by_endpoint ? kFlag : 0;
    uint32_t i = IndexOf(id);
    if (places_[i] != 0) {
      places_[i] |= flag;
      return false;
    }
    places_[i] = id | flag;
    if (++size_ * 2 > places_.size()) Grow();
    return true;
  }

  // Returns the flag; false when `id` is no member.
  bool Remove(uint32_t id) {
    if (size_ == 0) return false;
    uint32_t hole = IndexOf(id);
    if (places_[hole] == 0) return false;
    const bool flag = (places_[hole] & kFlag) != 0;
    // Backward shift: an entry behind the hole moves into it unless its own probe begins behind the hole.
    const uint32_t mask = Mask();
    for (uint32_t i = (hole + 1) & mask; places_[i] != 0; i = (i + 1) & mask) {
      const uint32_t distance_home = (i - Home(places_[i])) & mask;
      if (distance_home >= ((i - hole) & mask)) {
        places_[hole] = places_[i];
        hole = i;
      }
    }
    places_[hole] = 0;
    --size_;
    return flag;
  }

  std::vector<Peer> Sorted() const {
    std::vector<Peer> peers;
    peers.reserve(size_);
    for (uint32_t place : places_) {
      if (place != 0) peers.push_back({place & ~kFlag, (place & kFlag) != 0});
    }
    std::sort(peers.begin(), peers.end(), [](const Peer& a, const Peer& b) { return a.id < b.id; });
    return peers;
  }

  uint32_t size() const { return size_; }
  size_t MemoryBytes() const { return places_.capacity() * sizeof(uint32_t); }

 private:
  static constexpr uint32_t kFlag = 0x80000000u;
  uint32_t Mask() const { return static_cast<uint32_t>(places_.size()) - 1; }
  uint32_t Home(uint32_t place) const { return static_cast<uint32_t>(Mix64(place & ~kFlag)) & Mask(); }
  // Where `id` is, or the free place where it belongs.
  uint32_t IndexOf(uint32_t id) const {
    uint32_t i = Home(id);
    while (places_[i] != 0 && (places_[i] & ~kFlag) != id) i = (i + 1) & Mask();
    return i;
  }
  void Grow() {
    std::vector<uint32_t> old(places_.size() * 2);
    old.swap(places_);
    for (uint32_t place : old) {
      if (place != 0) places_[IndexOf(place & ~kFlag)] = place;
    }
  }

  std::vector<uint32_t> places_;
  uint32_t size_ = 0;
};

}  // namespace orrery
