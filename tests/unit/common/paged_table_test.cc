#include "runtime/common/paged_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "runtime/common/random.h"

namespace orrery {
namespace {

TEST(PagedTable, FindsWhatWasInsertedAndNothingElse) {
  PagedTable<std::string> table;
  EXPECT_EQ(table.Find(0), nullptr);
  *table.Insert(17).first = "seventeen";
  EXPECT_FALSE(table.Insert(17).second);
  EXPECT_EQ(*table.Find(17), "seventeen");
  EXPECT_EQ(table.Find(16), nullptr) << "same page";
  EXPECT_EQ(table.Find(33), nullptr);
  EXPECT_EQ(table.Take(17), "seventeen");
  EXPECT_FALSE(table.Erase(17));
  EXPECT_TRUE(table.empty());
  EXPECT_EQ(*table.Insert(17).first, "") << "a slot is used again, empty";
}

TEST(PagedTable, PointersStayWhileOthersComeAndGo) {
  PagedTable<int> table;
  int* first = table.Insert(1).first;
  *first = 42;
  for (uint64_t key = 2; key < 10'000; ++key) table.Insert(key);
  for (uint64_t key = 2; key < 10'000; ++key) table.Erase(key);
  EXPECT_EQ(table.Find(1), first);
  EXPECT_EQ(*first, 42);
  EXPECT_EQ(table.size(), 1U);
}

TEST(PagedTable, BehavesAsAMap) {
  PagedTable<uint64_t, 4> table;
  std::map<uint64_t, uint64_t> model;
  Random random(3);
  for (int step = 0; step < 100'000; ++step) {
    const uint64_t key = random.Below(300);
    if (random.Chance(0.5)) {
      *table.Insert(key).first = model[key] = random.Next();
    } else {
      EXPECT_EQ(table.Erase(key), model.erase(key) == 1);
    }
    const uint64_t other = random.Below(300);
    const auto it = model.find(other);
    const uint64_t* found = table.Find(other);
    ASSERT_EQ(found != nullptr, it != model.end());
    if (found != nullptr) {
      ASSERT_EQ(*found, it->second);
    }
  }
  std::vector<uint64_t> keys;
  table.CollectKeys(keys);
  std::sort(keys.begin(), keys.end());
  std::vector<uint64_t> expected;
  for (const auto& [key, value] : model) expected.push_back(key);
  EXPECT_EQ(keys, expected);
  EXPECT_EQ(table.size(), model.size());
}

}  // namespace
}  // namespace orrery
