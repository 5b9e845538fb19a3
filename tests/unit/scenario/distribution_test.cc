#include "sim/scenario/distribution.h"

#include <gtest/gtest.h>

#include <cmath>

#include "sim/scenario/scenario.h"

namespace orrery {
namespace {

Distribution FromYaml(const std::string& yaml) {
  const auto scenario = ParseScenario(
      "cluster: {node_types: [{name: n, resources: {CPU: 1}}]}\n"
      "workload: {generator: {kind: burst, count: 1, task: {duration: " +
          yaml + "}}}\n",
      "d.yaml");
  EXPECT_TRUE(scenario.ok()) << scenario.status().message();
  return scenario.ok() ? std::get<GeneratorSpec>(scenario.value().workload.sources[0].what).task.duration
                       : Distribution{};
}

struct Moments {
  double mean, cv;
};

Moments Measure(const Distribution& distribution) {
  Random random = Random::Named(7, "test", "distribution");
  double sum = 0, squares = 0;
  constexpr int kDraws = 400'000;
  for (int i = 0; i < kDraws; ++i) {
    const double x = Sample(distribution, random);
    sum += x;
    squares += x * x;
  }
  const double mean = sum / kDraws;
  return {mean, std::sqrt(squares / kDraws - mean * mean) / mean};
}

TEST(Distribution, DrawsHaveTheMeanAndTheVariationThatTheFileAsksFor) {
  struct Case {
    const char* yaml;
    double mean, cv;
  };
  for (const Case& c :
       {Case{"250ms", 0.25, 0}, Case{"{kind: deterministic, value: 2s}", 2, 0},
        Case{"{kind: exponential, mean: 3s}", 3, 1}, Case{"{kind: uniform, min: 1s, max: 3s}", 2, 1 / std::sqrt(12.0)},
        Case{"{kind: lognormal, mean: 2s, cv: 1.5}", 2, 1.5},
        Case{"{kind: lognormal, median: 1s, sigma: 0.5}", std::exp(0.125), std::sqrt(std::expm1(0.25))},
        Case{"{kind: pareto, shape: 5, mean: 4s}", 4, 1 / std::sqrt(15.0)},
        Case{"{kind: pareto, shape: 5, min: 4s}", 5, 1 / std::sqrt(15.0)},
        Case{"{kind: hyperexponential, mean: 1s, cv: 2}", 1, 2},
        Case{"{kind: empirical, values: [1s, 3s], weights: [3, 1]}", 1.5, std::sqrt(0.75) / 1.5}}) {
    const Distribution distribution = FromYaml(c.yaml);
    EXPECT_NEAR(Mean(distribution), c.mean, 1e-9 * c.mean) << c.yaml;
    const Moments measured = Measure(distribution);
    EXPECT_NEAR(measured.mean, c.mean, 0.01 * c.mean) << c.yaml;
    EXPECT_NEAR(measured.cv, c.cv, 0.03) << c.yaml;
  }
}

TEST(Distribution, BranchesOfAHyperexponentialAreTakenByWeight) {
  const Distribution d =
      FromYaml("{kind: hyperexponential, branches: [{weight: 9, mean: 1s}, {weight: 1, mean: 11s}]}");
  EXPECT_NEAR(Mean(d), 2, 1e-9);
  EXPECT_NEAR(Measure(d).mean, 2, 0.03);
}

TEST(Distribution, CapCutsDraws) {
  const Distribution d = FromYaml("{kind: exponential, mean: 1s, cap: 500ms}");
  Random random(1);
  double largest = 0;
  for (int i = 0; i < 1000; ++i) largest = std::max(largest, Sample(d, random));
  EXPECT_EQ(largest, 0.5);
}

TEST(Distribution, DeterministicDrawsNothing) {
  Random a(5), b(5);
  Sample(Distribution::Deterministic(1), a);
  EXPECT_EQ(a.Next(), b.Next());
}

}  // namespace
}  // namespace orrery
