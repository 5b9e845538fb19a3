#include "runtime/common/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

namespace orrery {
namespace {

constexpr int kDraws = 400'000;

// Mean and standard deviation of `kDraws` draws.
template <class Draw>
std::pair<double, double> Moments(Draw draw) {
  double sum = 0, squares = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double x = draw();
    sum += x;
    squares += x * x;
  }
  const double mean = sum / kDraws;
  return {mean, std::sqrt(squares / kDraws - mean * mean)};
}

TEST(Random, FirstValuesAreFixedForEver) {
  // xoshiro256** seeded by splitmix64; computed by an independent implementation of the published algorithms.
  Random zero(0);
  EXPECT_EQ(zero.Next(), 0x99ec5f36cb75f2b4ULL);
  EXPECT_EQ(zero.Next(), 0xbf6e1f784956452aULL);
  EXPECT_EQ(zero.Next(), 0x1a5f849d4933e6e0ULL);
  EXPECT_EQ(zero.Next(), 0x6aa594f1262d2d2cULL);
  Random other(42);
  EXPECT_EQ(other.Next(), 0x15780b2e0c2ec716ULL);
  EXPECT_EQ(Random::Named(1, "gcs", "scheduling").Next(), 0x127f265797deff08ULL);
  EXPECT_EQ(HashName("gcs"), 0xd4e96818fab0a124ULL);
}

TEST(Random, NamedStreamsDifferInEveryPartOfTheName) {
  const std::vector<uint64_t> firsts = {
      Random::Named(1, "gcs", "scheduling").Next(), Random::Named(2, "gcs", "scheduling").Next(),
      Random::Named(1, "node", "scheduling").Next(), Random::Named(1, "gcs", "retry").Next(),
      Random::Named(1, "scheduling", "gcs").Next()};
  for (size_t i = 0; i < firsts.size(); ++i) {
    for (size_t j = i + 1; j < firsts.size(); ++j) EXPECT_NE(firsts[i], firsts[j]) << i << " " << j;
  }
}

TEST(Random, NamedStreamsAreNotCorrelated) {
  Random a = Random::Named(1, "worker-1", "retry"), b = Random::Named(1, "worker-2", "retry");
  double product = 0;
  for (int i = 0; i < kDraws; ++i) product += (a.Uniform() - 0.5) * (b.Uniform() - 0.5);
  EXPECT_NEAR(product / kDraws * 12, 0, 5 / std::sqrt(kDraws));  // five standard errors of the correlation
}

TEST(Random, BelowIsUniformAndInRange) {
  Random random(3);
  std::vector<int> counts(7);
  for (int i = 0; i < kDraws; ++i) ++counts.at(random.Below(7));
  double chi_squared = 0;
  const double expected = kDraws / 7.0;
  for (int count : counts) chi_squared += (count - expected) * (count - expected) / expected;
  EXPECT_LT(chi_squared, 27.9);  // 99.99 % quantile with 6 degrees of freedom
}

TEST(Random, BelowHasNoBiasForHugeBounds) {
  // With bound 3/4 of 2^64 a modulo would hit the lowest third of the range twice as often as the rest.
  Random random(4);
  const uint64_t bound = (uint64_t{1} << 63) + (uint64_t{1} << 62);
  int low = 0;
  for (int i = 0; i < kDraws; ++i) low += random.Below(bound) < bound / 3;
  EXPECT_NEAR(low / double{kDraws}, 1.0 / 3, 0.004);
  EXPECT_EQ(random.Below(1), 0u);
}

TEST(Random, UniformHasTheMomentsOfItsDistribution) {
  Random random(5);
  const auto [mean, deviation] = Moments([&] { return random.Uniform(); });
  EXPECT_NEAR(mean, 0.5, 0.003);
  EXPECT_NEAR(deviation, std::sqrt(1.0 / 12), 0.003);
  for (int i = 0; i < kDraws; ++i) {
    const double x = random.Uniform();
    ASSERT_TRUE(x >= 0 && x < 1);
  }
}

TEST(Random, ExponentialHasTheMomentsOfItsDistribution) {
  Random random(6);
  const auto [mean, deviation] = Moments([&] { return random.Exponential(2.0); });
  EXPECT_NEAR(mean, 2.0, 0.02);
  EXPECT_NEAR(deviation, 2.0, 0.04);
}

TEST(Random, NormalHasTheMomentsAndTailOfItsDistribution) {
  Random random(7);
  int beyond_two = 0;
  const auto [mean, deviation] = Moments([&] {
    const double x = random.Normal();
    beyond_two += std::abs(x) > 2;
    return x;
  });
  EXPECT_NEAR(mean, 0, 0.01);
  EXPECT_NEAR(deviation, 1, 0.01);
  EXPECT_NEAR(beyond_two / double{kDraws}, 0.0455, 0.002);
}

TEST(Random, LogNormalHasTheMeanOfItsDistribution) {
  Random random(8);
  const auto [mean, deviation] = Moments([&] { return random.LogNormal(0.5, 0.5); });
  EXPECT_NEAR(mean, std::exp(0.5 + 0.125), 0.02);
  EXPECT_NEAR(deviation, mean * std::sqrt(std::exp(0.25) - 1), 0.03);
}

TEST(Random, ParetoHasItsMinimumMeanAndTail) {
  Random random(9);
  double least = 1e9;
  int tail = 0;
  const auto [mean, deviation] = Moments([&] {
    const double x = random.Pareto(5, 2);
    least = std::min(least, x);
    tail += x > 4;
    return x;
  });
  EXPECT_GE(least, 2);
  EXPECT_NEAR(mean, 2.5, 0.01);
  EXPECT_NEAR(deviation, 2 * std::sqrt(5.0 / 3) / 4, 0.02);
  EXPECT_NEAR(tail / double{kDraws}, 1.0 / 32, 0.002);
}

TEST(Random, ChanceFollowsItsProbability) {
  Random random(10);
  int hits = 0;
  for (int i = 0; i < kDraws; ++i) hits += random.Chance(0.2);
  EXPECT_NEAR(hits / double{kDraws}, 0.2, 0.004);
  EXPECT_FALSE(random.Chance(0));
  EXPECT_TRUE(random.Chance(1));
}

TEST(Random, ShuffleIsAPermutationAndReachesEveryOrderEquallyOften) {
  Random random(11);
  std::vector<int> counts(6);
  for (int i = 0; i < 60'000; ++i) {
    std::vector<int> items = {0, 1, 2};
    random.Shuffle(items);
    std::vector<int> sorted = items;
    std::sort(sorted.begin(), sorted.end());
    ASSERT_EQ(sorted, (std::vector<int>{0, 1, 2}));
    ++counts[static_cast<size_t>(items[0] * 2 + (items[1] > items[2]))];
  }
  for (int count : counts) EXPECT_NEAR(count, 10'000, 500);
}

}  // namespace
}  // namespace orrery
