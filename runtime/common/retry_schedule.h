// When to send unanswered requests again: doubling intervals, one timer for all of them.
#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "runtime/common/time.h"

namespace orrery {

// Holds keys of requests without answer. The owner asks `Next()` for the date of its timer and `TakeDue()` when it fires.
template <class Key>
class RetrySchedule {
 public:
  // First retry after `base`, then twice as long each time, up to 64 times `base`.
  explicit RetrySchedule(Duration base) : base_(base) {}

  // Starts (or restarts) the clock of `key`.
  void Add(const Key& key, Time now) {
    Remove(key);
    Schedule(key, now, base_);
  }
  void Remove(const Key& key) {
    auto it = entries_.find(key);
    if (it == entries_.end()) return;
    due_.erase({it->second.at, key});
    entries_.erase(it);
  }
  bool empty() const { return entries_.empty(); }
  size_t size() const { return entries_.size(); }
  // The earliest date; only when not empty.
  Time Next() const { return due_.begin()->first; }
  // Keys due at `now`, in order of date; each is scheduled again with a doubled interval.
  std::vector<Key> TakeDue(Time now) {
    std::vector<Key> keys;
    while (!due_.empty() && due_.begin()->first <= now) {
      const Key key = due_.begin()->second;
      const Duration interval = entries_.at(key).interval;
      due_.erase(due_.begin());
      entries_.erase(key);
      Schedule(key, now, std::min(interval * 2, base_ * 64));
      keys.push_back(key);
    }
    return keys;
  }

 private:
  struct Entry {
    Time at;
    Duration interval;
  };
  void Schedule(const Key& key, Time now, Duration interval) {
    // An interval of zero would spin at one instant.
    const Time at = now + std::max(interval, Duration::Micros(1));
    entries_[key] = {at, interval};
    due_.insert({at, key});
  }
  Duration base_;
  std::map<Key, Entry> entries_;
  std::set<std::pair<Time, Key>> due_;
};

}  // namespace orrery
