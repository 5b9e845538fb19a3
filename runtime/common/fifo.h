// A queue that owns no memory until something is put into it. A std::deque takes 600 bytes when it is empty, which
// adds up where there are a hundred thousand idle ones.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "runtime/common/assert.h"

namespace orrery {

// First in, first out. Iterators go from the oldest to the newest and are invalidated by every change.
template <class T>
class Fifo {
 public:
  bool empty() const { return head_ == items_.size(); }
  size_t size() const { return items_.size() - head_; }
  T& front() { return items_[head_]; }
  const T& front() const { return items_[head_]; }
  T& back() { return items_.back(); }
  void push_back(T item) { items_.push_back(std::move(item)); }
  void pop_front() {
    ORRERY_ASSERT(!empty());
    items_[head_++] = T{};  // what it owns goes now
    if (empty()) {
      clear();
    } else if (head_ >= kKept && head_ * 2 >= items_.size()) {
      // At most as many are moved as have been popped since the last time.
      items_.erase(items_.begin(), items_.begin() + static_cast<std::ptrdiff_t>(head_));
      head_ = 0;
    }
  }
  void clear() {
    items_.clear();
    head_ = 0;
  }
  auto begin() { return items_.begin() + static_cast<std::ptrdiff_t>(head_); }
  auto end() { return items_.end(); }
  auto begin() const { return items_.begin() + static_cast<std::ptrdiff_t>(head_); }
  auto end() const { return items_.end(); }

 private:
  static constexpr size_t kKept = 16;
  std::vector<T> items_;
  size_t head_ = 0;  // items before it are gone
};

}  // namespace orrery
