#include "runtime/transport/timer_wheel.h"

#include <algorithm>

namespace orrery {

void TimerIndex::Insert(uint32_t hash, uint32_t number) {
  if (++size_ * 2 > places_.size()) {
    std::vector<Place> old(places_.size() * 2);
    old.swap(places_);
    size_ = 1;
    for (const Place& place : old) {
      if (place.number != kNone) Insert(place.hash, place.number);
    }
  }
  size_t at = hash & mask();
  while (places_[at].number != kNone) at = (at + 1) & mask();
  places_[at] = {hash, number};
}

void TimerIndex::Erase(uint32_t hash, uint32_t number) {
  size_t hole = hash & mask();
  while (places_[hole].number != number) hole = (hole + 1) & mask();
  // Move back what would no longer be found behind the hole.
  for (size_t at = (hole + 1) & mask(); places_[at].number != kNone; at = (at + 1) & mask()) {
    const size_t home = places_[at].hash & mask();
    if (((at - home) & mask()) < ((at - hole) & mask())) continue;
    places_[hole] = places_[at];
    hole = at;
  }
  places_[hole].number = kNone;
  --size_;
}

TimerWheel::TimerWheel(Time now) : tick_(TickOf(now.ns)) { heads_.fill(kNil); }

void TimerWheel::Link(uint32_t index) {
  Entry& entry = entries_[index];
  // A deadline that has passed belongs to the slot that is looked at next.
  entry.slot = static_cast<uint32_t>(std::max(TickOf(entry.deadline), tick_) % kSlots);
  entry.previous = kNil;
  entry.next = heads_[entry.slot];
  if (entry.next != kNil) entries_[entry.next].previous = index;
  heads_[entry.slot] = index;
  occupied_[entry.slot / 64] |= uint64_t{1} << (entry.slot % 64);
}

void TimerWheel::Unlink(uint32_t index) {
  const Entry& entry = entries_[index];
  if (entry.next != kNil) entries_[entry.next].previous = entry.previous;
  if (entry.previous != kNil) {
    entries_[entry.previous].next = entry.next;
  } else {
    heads_[entry.slot] = entry.next;
    if (entry.next == kNil) occupied_[entry.slot / 64] &= ~(uint64_t{1} << (entry.slot % 64));
  }
}

void TimerWheel::Arm(const TimerKey& key, Time deadline) {
  const uint32_t hash = HashOf(key);
  uint32_t number = Find(key, hash);
  if (number == kNil) {
    if (free_.empty()) {
      free_.push_back(static_cast<uint32_t>(entries_.size()));
      entries_.emplace_back();
    }
    number = free_.back();
    free_.pop_back();
    entries_[number].key = key;
    entries_[number].hash = hash;
    index_.Insert(hash, number);
  } else {
    Unlink(number);
  }
  entries_[number].deadline = deadline.ns;
  entries_[number].order = ++order_;
  Link(number);
  next_ = std::min(next_, deadline);
}

bool TimerWheel::Cancel(const TimerKey& key) {
  const uint32_t number = Find(key, HashOf(key));
  if (number == kNil) return false;
  Drop(number);
  return true;
}

void TimerWheel::Drop(uint32_t index) {
  Unlink(index);
  index_.Erase(entries_[index].hash, index);
  free_.push_back(index);
  if (index_.size() == 0) next_ = Time{INT64_MAX};
}

void TimerWheel::TakeDueOf(size_t slot, int64_t now) {
  for (uint32_t index = heads_[slot]; index != kNil; index = entries_[index].next) {
    const Entry& entry = entries_[index];
    if (entry.deadline <= now) due_.push_back({entry.deadline, entry.order, entry.key});
  }
}

void TimerWheel::Collect(Time now) {
  due_.erase(due_.begin(), due_.begin() + static_cast<std::ptrdiff_t>(due_at_));
  due_at_ = 0;
  if (now < next_) return;
  const uint64_t last = TickOf(now.ns);
  const size_t old = due_.size();
  // After a long pause every slot is looked at once, not once per rotation missed.
  const uint64_t steps = std::min<uint64_t>(last - tick_ + 1, kSlots);
  for (uint64_t i = 0; i < steps; ++i) TakeDueOf((tick_ + i) % kSlots, now.ns);
  std::sort(due_.begin() + static_cast<std::ptrdiff_t>(old), due_.end(), [](const Due& a, const Due& b) {
    return a.deadline != b.deadline ? a.deadline < b.deadline : a.order < b.order;
  });
  tick_ = std::max(tick_, last);
  FindNext(now.ns);
}

void TimerWheel::FindNext(int64_t now) {
  if (index_.size() == 0) {
    next_ = Time{INT64_MAX};
    return;
  }
  const int64_t rotation_end = static_cast<int64_t>((tick_ + kSlots) << kSlotBits);
  for (size_t i = 0; i < kSlots; ++i) {
    const size_t slot = (tick_ + i) % kSlots;
    if (slot % 64 == 0 && occupied_[slot / 64] == 0) {
      i += 63;
      continue;
    }
    int64_t earliest = INT64_MAX;
    for (uint32_t index = heads_[slot]; index != kNil; index = entries_[index].next) {
      const int64_t deadline = entries_[index].deadline;
      if (deadline > now) earliest = std::min(earliest, deadline);  // the others are being popped
    }
    if (earliest < rotation_end) {
      next_ = Time{earliest};
      return;
    }
  }
  next_ = Time{rotation_end};
}

bool TimerWheel::Pop(TimerKey* key) {
  while (due_at_ < due_.size()) {
    const Due& due = due_[due_at_++];
    const uint32_t number = Find(due.key, HashOf(due.key));
    if (number == kNil || entries_[number].order != due.order) continue;  // cancelled or re-armed meanwhile
    *key = due.key;
    Drop(number);
    return true;
  }
  due_.clear();
  due_at_ = 0;
  return false;
}

}  // namespace orrery
