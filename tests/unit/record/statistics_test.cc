#include "sim/record/statistics.h"

#include <gtest/gtest.h>

#include "runtime/common/random.h"
#include "sim/record/task_table.h"

namespace orrery {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

TEST(Statistics, PercentilesInterpolateBetweenNeighbours) {
  std::vector<int64_t> samples;
  for (int64_t i = 10; i >= 1; --i) samples.push_back(i * kSecond);
  const Distribution5 d = Summarize(samples);
  EXPECT_EQ(d.count, 10u);
  EXPECT_DOUBLE_EQ(d.mean, 5.5);
  EXPECT_DOUBLE_EQ(d.p50, 5.5);
  EXPECT_DOUBLE_EQ(d.p95, 9.55);  // numpy.percentile(range(1, 11), 95)
  EXPECT_DOUBLE_EQ(d.p99, 9.91);
  EXPECT_DOUBLE_EQ(d.max, 10);
}

TEST(Statistics, OneSampleAndNone) {
  std::vector<int64_t> one{3 * kSecond}, none;
  EXPECT_DOUBLE_EQ(Summarize(one).p99, 3);
  EXPECT_EQ(Summarize(none).count, 0u);
  EXPECT_EQ(Summarize(none).mean, 0);
}

TEST(Statistics, SumsDoNotOverflow) {
  std::vector<int64_t> samples(100, INT64_MAX / 2);
  EXPECT_NEAR(Summarize(samples).mean, static_cast<double>(INT64_MAX / 2) / 1e9, 1);
}

TEST(OccupancyIntegral, CountsTaskSecondsBetweenFirstAndLast) {
  OccupancyIntegral n;
  n.Enter(10 * kSecond);
  n.Enter(12 * kSecond);
  n.Leave(13 * kSecond);
  n.Leave(16 * kSecond);
  EXPECT_DOUBLE_EQ(n.span_seconds(), 6);
  EXPECT_DOUBLE_EQ(n.task_seconds(), 2 + 2 + 3);
  EXPECT_EQ(n.inside(), 0);
}

TEST(OccupancyIntegral, AClockThatGoesBackIsHeld) {
  OccupancyIntegral n;
  n.Enter(10 * kSecond);
  n.Leave(9 * kSecond);
  EXPECT_DOUBLE_EQ(n.task_seconds(), 0);
}

TEST(TaskTable, FindsRowsAndSharesNames) {
  TaskTable table;
  const WorkerId owner = WorkerId::Of({1}, 2);
  for (uint64_t i = 1; i <= 10'000; ++i) {
    TaskRow& row = table.Add({owner, i});
    row.name = table.names().Add(i % 2 == 0 ? "even" : "odd");
  }
  EXPECT_EQ(table.Find({owner, 0}), nullptr);
  for (uint64_t i = 1; i <= 10'000; i += 7) {
    ASSERT_NE(table.Find({owner, i}), nullptr);
    EXPECT_EQ(table.Find({owner, i})->id.index, i);
    EXPECT_EQ(table.names().At(table.Find({owner, i})->name), i % 2 == 0 ? "even" : "odd");
  }
  EXPECT_EQ(table[2].name, table[4].name);
  EXPECT_EQ(table.names().At(0), "");
}

TEST(TaskTable, ManyDifferentNamesAreAllKept) {
  TaskTable table;
  std::vector<uint32_t> places;
  for (int i = 0; i < 20'000; ++i) places.push_back(table.names().Add("task-" + std::to_string(i)));
  for (int i = 0; i < 20'000; ++i)
    ASSERT_EQ(table.names().At(places[static_cast<size_t>(i)]), "task-" + std::to_string(i));
}

}  // namespace
}  // namespace orrery
