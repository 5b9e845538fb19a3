// A hash table that cannot be iterated, so that its order can never reach a decision.
#pragma once

#include <tsl/robin_map.h>

#include <cstddef>
#include <utility>

#include "runtime/common/ids.h"

namespace orrery {

// Find, insert, erase, and the keys for sorting: nothing else. Pointers into it are invalidated by Insert and Erase.
// Where an order is needed, keep a sorted container beside it.
template <class Key, class Value, class Hash = IdHash>
class Lookup {
 public:
  // The value of `key`, or nullptr.
  Value* Find(const Key& key) {
    auto it = map_.find(key);
    return it == map_.end() ? nullptr : &it.value();
  }
  const Value* Find(const Key& key) const {
    auto it = map_.find(key);
    return it == map_.end() ? nullptr : &it->second;
  }
  bool Contains(const Key& key) const { return map_.count(key) != 0; }
  // Inserts `value` unless the key is present; returns the value in the table and whether it was inserted.
  std::pair<Value*, bool> Insert(const Key& key, Value value) {
    auto [it, inserted] = map_.insert({key, std::move(value)});
    return {&it.value(), inserted};
  }
  Value& operator[](const Key& key) { return map_[key]; }
  bool Erase(const Key& key) { return map_.erase(key) != 0; }
  size_t size() const { return map_.size(); }
  bool empty() const { return map_.empty(); }
  void Clear() { map_.clear(); }
  // Appends every key, in no order: the caller sorts before it acts.
  template <class Keys>
  void CollectKeys(Keys& keys) const {
    for (const auto& [key, value] : map_) keys.push_back(key);
  }

 private:
  tsl::robin_map<Key, Value, Hash> map_;
};

}  // namespace orrery
