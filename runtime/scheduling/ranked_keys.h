// A sorted set with positions: the r-th key, and how many keys come before one.
#pragma once

#include <cstddef>
#include <vector>

#include "runtime/scheduling/ranking.h"

namespace orrery {

// Sorted blocks of at most kBlock keys: insert and erase move one block's keys, At and CountBelow walk over the block
// sizes. At 10,000 keys that is some 120 blocks, and all operations stay well below a microsecond; the standard's sets
// have no positions.
class RankedKeys {
 public:
  // Replaces everything. `keys` need not be sorted.
  void Assign(std::vector<RankKey> keys);
  // The key must be absent (Insert), present (Erase).
  void Insert(const RankKey& key);
  void Erase(const RankKey& key);
  // Erase(from) and Insert(to); cheaper when both are near each other.
  void Replace(const RankKey& from, const RankKey& to);
  // The key with exactly `rank` smaller ones; rank < size().
  RankKey At(size_t rank) const;
  // Number of keys smaller than `key`, which may be absent.
  size_t CountBelow(const RankKey& key) const;
  size_t size() const { return size_; }

 private:
  static constexpr size_t kBlock = 128;
  size_t BlockOf(const RankKey& key) const;
  std::vector<std::vector<RankKey>> blocks_;  // none empty
  std::vector<RankKey> last_;                 // no key of the block is greater, all keys of later blocks are
  std::vector<size_t> sizes_;                 // beside blocks_, so that walking touches little memory
  size_t size_ = 0;
};

}  // namespace orrery
