// The arena against the plainest allocator there is: a list of which bytes are taken.
#include "runtime/object_store/arena.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "runtime/common/random.h"

namespace orrery::test {
namespace {

TEST(Arena, BestFitAtTheLowestAddress) {
  Arena arena(10 * 64);
  EXPECT_EQ(arena.Allocate(64), 0);
  EXPECT_EQ(arena.Allocate(128), 64);
  EXPECT_EQ(arena.Allocate(1), 192);
  EXPECT_EQ(arena.Allocate(128), 256);
  EXPECT_EQ(arena.Allocate(64), 384);
  arena.Free(64, 128);
  arena.Free(256, 128);
  EXPECT_EQ(arena.Allocate(100), 64);   // of two equal ranges the lower; the long one at the end stays whole
  EXPECT_EQ(arena.Allocate(128), 256);
  EXPECT_EQ(arena.Allocate(192), 448);
  EXPECT_EQ(arena.Allocate(1), std::nullopt);
  EXPECT_EQ(arena.used(), arena.capacity());
}

TEST(Arena, NeighboursBecomeOneRange) {
  Arena arena(4 * 64);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(arena.Allocate(64), i * 64);
  arena.Free(0, 64);
  arena.Free(128, 64);
  EXPECT_EQ(arena.LargestFree(), 64);
  arena.Free(64, 64);  // joins both sides
  EXPECT_EQ(arena.LargestFree(), 192);
  arena.Free(192, 64);
  EXPECT_EQ(arena.LargestFree(), 256);
  arena.CheckInvariants();
}

TEST(Arena, EmptyAndAbsurd) {
  Arena none(0);
  EXPECT_EQ(none.Allocate(1), std::nullopt);
  Arena tiny(63);  // not one aligned range
  EXPECT_EQ(tiny.Allocate(1), std::nullopt);
  Arena arena(128);
  EXPECT_EQ(arena.Allocate(INT64_MAX), std::nullopt);
  EXPECT_EQ(arena.Allocate(129), std::nullopt);
  EXPECT_EQ(arena.Allocate(128), 0);
}

TEST(ArenaDeathTest, FreedTwice) {
  Arena arena(256);
  arena.Allocate(64);
  arena.Allocate(64);
  arena.Free(0, 64);
  EXPECT_DEATH(arena.Free(0, 64), "freed twice");
}

// Units of 64 bytes, each taken or not. What it would choose: the shortest sufficient gap, the lowest of those.
class Reference {
 public:
  explicit Reference(int64_t capacity) : taken_(static_cast<size_t>(capacity / 64)) {}
  int64_t Choose(int64_t size) const {
    const size_t need = static_cast<size_t>((size + 63) / 64);
    size_t best = 0, best_length = taken_.size() + 1;
    for (size_t begin = 0; begin < taken_.size();) {
      size_t end = begin;
      while (end < taken_.size() && !taken_[end]) ++end;
      if (end - begin >= need && end - begin < best_length) best = begin, best_length = end - begin;
      begin = end + 1;
    }
    return best_length > taken_.size() ? -1 : static_cast<int64_t>(best * 64);
  }
  void Set(int64_t offset, int64_t size, bool taken) {
    for (int64_t at = offset / 64; at * 64 < offset + size; ++at) {
      ASSERT_NE(taken_[static_cast<size_t>(at)], taken) << "a byte given out, or taken back, twice";
      taken_[static_cast<size_t>(at)] = taken;
    }
  }
  int64_t used() const {
    int64_t units = 0;
    for (bool taken : taken_) units += taken;
    return units * 64;
  }

 private:
  std::vector<bool> taken_;
};

TEST(Arena, RandomLivesAreThoseOfTheReference) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random = Random::Named(seed, "arena", "test");
    const int64_t capacity = static_cast<int64_t>(random.Below(300) + 1) * 64;
    Arena arena(capacity);
    Reference reference(capacity);
    std::map<int64_t, int64_t> live;
    for (int step = 0; step < 400; ++step) {
      if (live.empty() || random.Chance(0.55)) {
        const int64_t size = static_cast<int64_t>(random.Below(static_cast<uint64_t>(capacity) / 3 + 1)) + 1;
        const int64_t expected = reference.Choose(size);
        const auto offset = arena.Allocate(size);
        ASSERT_EQ(offset.value_or(-1), expected);
        if (!offset) continue;
        reference.Set(*offset, size, true);
        live[*offset] = size;
      } else {
        auto it = std::next(live.begin(), static_cast<long>(random.Below(live.size())));
        arena.Free(it->first, it->second);
        reference.Set(it->first, it->second, false);
        live.erase(it);
      }
      ASSERT_EQ(arena.used(), reference.used());
      arena.CheckInvariants();
    }
    for (const auto& [offset, size] : live) arena.Free(offset, size);
    EXPECT_EQ(arena.LargestFree(), arena.capacity());
  }
}

}  // namespace
}  // namespace orrery::test
