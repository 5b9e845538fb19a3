#include "runtime/scheduling/fragmentation.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/unit/scheduling/builders.h"

namespace orrery {
namespace {

GpuFree Gpus(std::initializer_list<double> shares) {
  GpuFree free;
  for (const double share : shares) free.push_back(F(share));
  return free;
}

TEST(MostFrequent, TakesShapesUntilTheCoverageIsReached) {
  const std::vector<TypicalPod> seen = {{Res(1), {}, 50}, {Res(2, 1), {}, 30}, {Res(3, 1), {}, 16}, {Res(4, 1), {}, 4}};
  const auto typical = MostFrequent(seen, 95);
  ASSERT_EQ(typical.size(), 3u) << "50 + 30 + 16 = 96 %";
  EXPECT_EQ(typical[0].count, 50);
  EXPECT_EQ(typical[2].resources, Res(3, 1));
  EXPECT_EQ(MostFrequent(seen, 100).size(), 4u);
  EXPECT_TRUE(MostFrequent({}).empty());
}

TEST(MostFrequent, AddsUpEqualShapesWhateverTheirMemory) {
  const auto typical = MostFrequent({{Res(1, 1, 10), {}, 1}, {Res(2), {}, 2}, {Res(1, 1, 20), {}, 2}}, 60);
  ASSERT_EQ(typical.size(), 1u);
  EXPECT_EQ(typical[0].count, 3);
}

struct FragmentCase {
  const char* why;
  TypicalPod pod;
  double cpu_free;
  GpuFree free;
  double milli;
};
TEST(FragmentModel, OnePodAtATime) {
  const FragmentCase cases[] = {
      {"a pod without GPU cannot use any", {Res(4), {}, 1}, 64, Gpus({1, 0.5}), 1500},
      {"too little CPU: all idle GPUs are lost", {Res(4, 0.5), {}, 1}, 3, Gpus({1, 0.5}), 1500},
      {"all usable", {Res(4, 0.5), {}, 1}, 4, Gpus({1, 0.5}), 0},
      {"one GPU has too little left", {Res(4, 0.6), {}, 1}, 4, Gpus({1, 0.5}), 500},
      {"not enough free GPUs: all lost", {Res(4, 2), {}, 1}, 64, Gpus({1, 0.5, 0.5}), 2000},
      {"enough free GPUs: the started ones are lost", {Res(4, 2), {}, 1}, 64, Gpus({1, 0.5, 1}), 500},
      {"wrong labels: all lost", {Res(4, 1), {In("gpu_model", {"T4"})}, 1}, 64, Gpus({1}), 1000},
      {"nothing idle, nothing lost", {Res(4), {}, 1}, 64, Gpus({0, 0}), 0},
  };
  const Labels labels = {{"gpu_model", "P100"}};
  for (const FragmentCase& c : cases) {
    const FragmentModel model({c.pod});
    EXPECT_DOUBLE_EQ(model.FragmentMilli({F(c.cpu_free), &c.free, &labels}), c.milli) << c.why;
  }
}

TEST(FragmentModel, WeighsByPopularity) {
  const GpuFree free = Gpus({1, 0.5});
  const FragmentModel model({{Res(1, 0.6), {}, 3}, {Res(1), {}, 1}});
  EXPECT_DOUBLE_EQ(model.FragmentMilli({F(8), &free, nullptr}), 0.75 * 500 + 0.25 * 1500);
}

// The grouped sums against the definition, pod by pod, on random nodes.
TEST(FragmentModel, AgreesWithTheDefinition) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    Random random(seed);
    std::vector<TypicalPod> pods;
    for (uint64_t i = 0; i < 1 + random.Below(20); ++i) {
      const double gpus = random.Chance(0.6) ? 0.1 * static_cast<double>(random.Below(10)) : 1.0 + random.Below(4);
      LabelSelector labels;
      if (random.Chance(0.3)) labels = {In("model", {random.Chance(0.5) ? "a" : "b"})};
      const auto count = static_cast<int64_t>(1 + random.Below(9));
      pods.push_back({Res(static_cast<double>(random.Below(10)), gpus), labels, count});
    }
    GpuFree free;
    for (uint64_t i = 0; i < random.Below(9); ++i) free.push_back(F(0.1 * static_cast<double>(random.Below(11))));
    const FixedPoint cpu = F(static_cast<double>(random.Below(12)));
    const Labels labels = {{"model", "a"}};
    int64_t expected = 0;
    for (const TypicalPod& pod : pods) {
      const FixedPoint gpu = pod.resources.Get(ResourceKind::kGpu);
      const FixedPoint share = std::min(gpu, FixedPoint::Whole(1));
      const bool usable = gpu.raw > 0 && GpusFit(gpu, free) && pod.resources.Get(ResourceKind::kCpu) <= cpu &&
                          Matches(pod.labels, labels);
      for (const FixedPoint left : free) {
        if (!usable || left < share) expected += pod.count * left.raw;
      }
    }
    ASSERT_EQ(FragmentModel(pods).WeightedFragment({cpu, &free, &labels}), expected) << "seed " << seed;
  }
}

TEST(ScoreFgd, IsTheSigmoidOfTheChange) {
  const FragmentModel model({{Res(1, 0.6), {}, 1}});
  GpuFree free = Gpus({1, 0.5});
  const FragmentNode node{F(8), &free, nullptr};
  // Taking the 0.5 removes 500 milliGPU of fragment: 100·sigmoid(0.5) = 62.2.
  EXPECT_EQ(ScoreFgd(model, node, Res(1, 0.5)).score, 62);
  EXPECT_EQ(ScoreFgd(model, node, Res(1, 0.5)).gpu, 1u);
  // Taking the whole one leaves 500 before and 500 after, all of it lost: no change.
  EXPECT_EQ(ScoreFgd(model, node, Res(1, 1)).score, 50);
  // Taking the CPU away makes the usable 1000 a fragment too: 100·sigmoid(−1) = 26.9.
  EXPECT_EQ(ScoreFgd(model, node, Res(8)).score, 26);
  EXPECT_EQ(ScoreFgd(FragmentModel(), node, Res(1)).score, 50) << "nothing known yet: all nodes are equal";
}

TEST(ScoreFgd, TiesGoToTheLeastIndex) {
  const FragmentModel model({{Res(1), {}, 1}});  // every idle share is a fragment: all GPUs are alike
  const GpuFree free = Gpus({0.1, 1, 0.7, 0.3});
  EXPECT_EQ(ScoreFgd(model, {F(8), &free, nullptr}, Res(1, 0.2)).gpu, 1u);
}

TEST(TypicalPodsLearner, LearnsFromWhatIsPlaced) {
  TypicalPodsLearner learner;
  int rebuilt = 0;
  for (int i = 0; i < 100; ++i) rebuilt += learner.Observe(Res(1, 0.5), {}) ? 1 : 0;
  EXPECT_EQ(rebuilt, 3) << "at 16, 32 and 64";
  EXPECT_EQ(learner.model().total_weight(), 64);
}

TEST(TypicalPodsLearner, ForgetsAndStaysBounded) {
  TypicalPodsLearner learner;
  for (int64_t i = 0; i < TypicalPodsLearner::kHalveAt - 1; ++i) learner.Observe(Res(1, 0.5), {});
  const auto one_half = [&] {
    const GpuFree free{F(0.5)};
    return learner.model().FragmentMilli({F(8), &free, nullptr});
  };
  EXPECT_EQ(one_half(), 0);
  for (int64_t i = 0; i < 20 * TypicalPodsLearner::kHalveAt; ++i) learner.Observe(Res(1, 1), {});
  EXPECT_EQ(one_half(), 500) << "the old habit is below 5 %";
  for (int i = 0; i < 5000; ++i) learner.Observe(Res(1 + i, 1), {});
  EXPECT_LE(learner.model().total_weight(), 2 * TypicalPodsLearner::kHalveAt);
}

}  // namespace
}  // namespace orrery
