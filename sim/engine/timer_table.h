// The timers that are set in one process, by (kind, id).
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "runtime/common/lookup.h"
#include "runtime/env/timer.h"
#include "sim/engine/types.h"

namespace orrery {

// Few timers (the rule) sit in a small array; many (a GCS watching 10,000 nodes) in a hash table.
class TimerTable {
 public:
  // The pending event of the timer, or nullptr.
  EventId* Find(TimerKind kind, uint64_t id) {
    if (many_) return many_->Find({id, kind});
    for (Entry& entry : few_) {
      if (entry.key.id == id && entry.key.kind == kind) return &entry.event;
    }
    return nullptr;
  }
  // The timer must not be in the table.
  void Insert(TimerKind kind, uint64_t id, EventId event) {
    if (!many_ && few_.size() < kFew) return few_.push_back({{id, kind}, event});
    if (!many_) {
      many_ = std::make_unique<Many>();
      for (const Entry& entry : few_) many_->Insert(entry.key, entry.event);
      few_ = {};
    }
    many_->Insert({id, kind}, event);
  }
  void Erase(TimerKind kind, uint64_t id) {
    if (many_) {
      many_->Erase({id, kind});
      return;
    }
    for (Entry& entry : few_) {
      if (entry.key.id != id || entry.key.kind != kind) continue;
      entry = few_.back();
      return few_.pop_back();
    }
  }
  size_t size() const { return many_ ? many_->size() : few_.size(); }
  size_t MemoryBytes() const { return few_.capacity() * sizeof(Entry) + (many_ ? many_->size() * 64 : 0); }

 private:
  struct Key {
    uint64_t id;
    TimerKind kind;
    bool operator==(const Key&) const = default;
  };
  struct KeyHash {
    size_t operator()(const Key& key) const { return Mix64(key.id * 256 + static_cast<uint64_t>(key.kind)); }
  };
  struct Entry {
    Key key;
    EventId event;
  };
  using Many = Lookup<Key, EventId, KeyHash>;
  static constexpr size_t kFew = 8;
  std::vector<Entry> few_;
  std::unique_ptr<Many> many_;
};

}  // namespace orrery
