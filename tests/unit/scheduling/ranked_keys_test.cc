#include "runtime/scheduling/ranked_keys.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <set>

#include "runtime/common/random.h"

namespace orrery {
namespace {

uint32_t Order(Random& random) { return static_cast<uint32_t>(random.Below(60)); }

void ExpectSame(const RankedKeys& keys, const std::set<RankKey>& expected, Random& random) {
  ASSERT_EQ(keys.size(), expected.size());
  for (int probe = 0; probe < 5; ++probe) {
    const RankKey key{Order(random), static_cast<uint32_t>(random.Below(3000))};
    ASSERT_EQ(keys.CountBelow(key), static_cast<size_t>(std::distance(expected.begin(), expected.lower_bound(key))));
    if (expected.empty()) continue;
    const size_t rank = random.Below(expected.size());
    ASSERT_EQ(keys.At(rank), *std::next(expected.begin(), static_cast<ptrdiff_t>(rank)));
  }
}

// Against std::set, through block splits and emptied blocks: grows to some thousand keys and shrinks to none.
TEST(RankedKeys, BehavesLikeASortedSet) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    Random random(seed);
    RankedKeys keys;
    std::set<RankKey> expected;
    for (const double insert_chance : {0.8, 0.2}) {
      for (int step = 0; step < 4000; ++step) {
        const RankKey key{Order(random), static_cast<uint32_t>(1 + random.Below(3000))};
        if (!expected.empty() && random.Chance(0.3)) {  // replace a key by a near or a far one
          auto it = expected.lower_bound(key);
          if (it == expected.end()) it = expected.begin();
          const RankKey near{it->order(), it->id() + 3 - static_cast<uint32_t>(random.Below(3))};
          const RankKey to = random.Chance(0.5) ? near : key;
          if (expected.count(to) != 0) continue;
          keys.Replace(*it, to);
          expected.erase(it);
          expected.insert(to);
        } else if (random.Chance(insert_chance)) {
          if (expected.insert(key).second) keys.Insert(key);
        } else if (!expected.empty()) {
          auto it = expected.lower_bound(key);
          if (it == expected.end()) it = expected.begin();
          keys.Erase(*it);
          expected.erase(it);
        }
        if (step % 100 == 0) ExpectSame(keys, expected, random);
      }
    }
    while (!expected.empty()) {
      keys.Erase(*expected.begin());
      expected.erase(expected.begin());
    }
    ExpectSame(keys, expected, random);
  }
}

TEST(RankedKeys, AssignSortsAndReplaces) {
  RankedKeys keys;
  keys.Assign({{9, 1}});
  std::vector<RankKey> many;
  for (uint32_t i = 0; i < 1000; ++i) many.push_back({(i * 7919) % 1000, i});
  keys.Assign(many);
  std::sort(many.begin(), many.end());
  for (size_t i = 0; i < many.size(); ++i) ASSERT_EQ(keys.At(i), many[i]);
}

TEST(RankedKeysDeathTest, InsertingTwiceOrErasingTheAbsentIsABug) {
  RankedKeys keys;
  keys.Insert({1, 1});
  EXPECT_DEATH(keys.Insert({1, 1}), "key");
  EXPECT_DEATH(keys.Erase({2, 1}), "blocks_");
  EXPECT_DEATH(keys.At(1), "size_");
}

}  // namespace
}  // namespace orrery
