// Which bytes of a node's shared memory are free: an allocator of offsets that never touches a byte.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>

namespace orrery {

// Best fit over free ranges ordered by (size, offset), so that the lowest of equally good ranges is taken and warm
// pages are used again; neighbours coalesce at once. All that it knows lies in the server: a killed client corrupts
// nothing. Every range begins at, and is rounded up to, a multiple of kAlignment bytes.
class Arena {
 public:
  static constexpr int64_t kAlignment = 64;

  // `capacity` in bytes, >= 0; what exceeds a multiple of kAlignment is not used.
  explicit Arena(int64_t capacity);

  // The offset of `size` (> 0) bytes, or nothing when no free range is long enough.
  std::optional<int64_t> Allocate(int64_t size);
  // Gives back what Allocate(size) returned.
  void Free(int64_t offset, int64_t size);

  int64_t capacity() const { return capacity_; }
  int64_t used() const { return capacity_ - free_bytes_; }
  int64_t free() const { return free_bytes_; }
  int64_t LargestFree() const { return by_size_.empty() ? 0 : by_size_.rbegin()->first; }
  // What an object of this size takes.
  static constexpr int64_t Rounded(int64_t size) { return (size + kAlignment - 1) / kAlignment * kAlignment; }
  void CheckInvariants() const;

 private:
  using Ranges = std::map<int64_t, int64_t>;  // offset → size
  void Add(int64_t offset, int64_t size);
  void Take(Ranges::iterator range);

  int64_t capacity_ = 0;
  int64_t free_bytes_ = 0;
  Ranges by_offset_;
  std::set<std::pair<int64_t, int64_t>> by_size_;  // the same as (size, offset)
};

}  // namespace orrery
