// A hashed timing wheel (Varghese and Lauck, SOSP 1987, scheme 6): arming and cancelling cost a hash look-up, however
// many timers there are.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "runtime/common/ids.h"
#include "runtime/common/time.h"

namespace orrery {

struct TimerKey {
  uint8_t kind = 0;
  uint64_t id = 0;
  bool operator==(const TimerKey&) const = default;
};

// From a key's hash to its number in an array elsewhere. Open addressing with linear probing and backward-shift
// deletion; eight bytes per place, so that a hundred thousand timers stay in the processor's cache.
class TimerIndex {
 public:
  static constexpr uint32_t kNone = 0xffffffff;
  TimerIndex() : places_(1024) {}
  // The number of the entry with this hash for which `same(number)` holds, or kNone.
  template <class Same>
  uint32_t Find(uint32_t hash, const Same& same) const {
    for (size_t at = hash & mask();; at = (at + 1) & mask()) {
      if (places_[at].number == kNone) return kNone;
      if (places_[at].hash == hash && same(places_[at].number)) return places_[at].number;
    }
  }
  void Insert(uint32_t hash, uint32_t number);
  void Erase(uint32_t hash, uint32_t number);
  size_t size() const { return size_; }

 private:
  struct Place {
    uint32_t hash = 0;
    uint32_t number = kNone;
  };
  size_t mask() const { return places_.size() - 1; }
  std::vector<Place> places_;  // a power of two, at most half full
  size_t size_ = 0;
};

// 4,096 slots of 2^20 ns (about a millisecond). Slots only sort roughly: timers fire in exact order of (deadline, order
// of arming), and never before their deadline.
class TimerWheel {
 public:
  explicit TimerWheel(Time now);
  // Arms, or re-arms, `key`.
  void Arm(const TimerKey& key, Time deadline);
  // False when it was not armed.
  bool Cancel(const TimerKey& key);

  // Nothing is due before this instant (a lower bound, exact in the current rotation); INT64_MAX when empty.
  Time Next() const { return next_; }
  // Collects what is due at `now`; then call Pop until it returns false. Timers armed while popping are not included;
  // those cancelled or re-armed while popping are left out.
  void Collect(Time now);
  bool Pop(TimerKey* key);
  size_t size() const { return index_.size(); }

 private:
  static constexpr int kSlotBits = 20;
  static constexpr size_t kSlots = 4096;
  static constexpr uint32_t kNil = TimerIndex::kNone;
  struct Entry {
    TimerKey key;
    int64_t deadline = 0;
    uint64_t order = 0;
    uint32_t previous = kNil, next = kNil;
    uint32_t slot = 0;
    uint32_t hash = 0;
  };
  struct Due {
    int64_t deadline;
    uint64_t order;
    TimerKey key;
  };
  static uint64_t TickOf(int64_t ns) { return static_cast<uint64_t>(ns) >> kSlotBits; }
  static uint32_t HashOf(const TimerKey& key) {
    return static_cast<uint32_t>(Mix64(key.id * 0x9e3779b97f4a7c15ULL + key.kind));
  }
  uint32_t Find(const TimerKey& key, uint32_t hash) const {
    return index_.Find(hash, [&](uint32_t number) { return entries_[number].key == key; });
  }
  void Drop(uint32_t index);
  void Link(uint32_t index);
  void Unlink(uint32_t index);
  void TakeDueOf(size_t slot, int64_t now);
  void FindNext(int64_t now);

  std::vector<Entry> entries_;
  std::vector<uint32_t> free_;
  TimerIndex index_;
  std::array<uint32_t, kSlots> heads_;
  std::array<uint64_t, kSlots / 64> occupied_{};  // one bit per slot
  uint64_t tick_;  // slots before this one have been collected
  uint64_t order_ = 0;
  Time next_{INT64_MAX};
  std::vector<Due> due_;  // sorted, taken from due_at_
  size_t due_at_ = 0;
};

}  // namespace orrery
