#include "runtime/scheduling/gpu_instances.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/unit/scheduling/builders.h"

namespace orrery {
namespace {

GpuFree Free(std::initializer_list<double> shares) {
  GpuFree free;
  for (const double share : shares) free.push_back(F(share));
  return free;
}

TEST(GpuInstances, TotalsBecomeInstances) {
  EXPECT_EQ(AllGpusFree(F(0)), Free({}));
  EXPECT_EQ(AllGpusFree(F(3)), Free({1, 1, 1}));
  EXPECT_EQ(AllGpusFree(F(1.5)), Free({1, 0.5}));
}

struct FitCase {
  double request;
  GpuFree free;
  bool fits;
};
TEST(GpuInstances, FractionsNeedOneGpuAndWholeOnesFreeGpus) {
  const FitCase cases[] = {
      {0, Free({}), true},
      {0.5, Free({}), false},
      {0.5, Free({0.5}), true},
      {0.5, Free({0.4, 0.4}), false},  // the sum would do, no single GPU does
      {0.0001, Free({0, 0.0001}), true},
      {1, Free({0.9999, 1}), true},
      {1, Free({0.9, 0.9}), false},
      {2, Free({1, 0.5, 1}), true},
      {2, Free({1, 0.9, 0.9}), false},
      {1.5, Free({1, 1}), false},  // neither a fraction nor whole
  };
  Random random;
  for (const FitCase& c : cases) {
    EXPECT_EQ(GpusFit(F(c.request), c.free), c.fits) << c.request;
    EXPECT_EQ(ChooseGpus(F(c.request), c.free, GpuChoice::kLeastLeft, random).has_value(), c.fits) << c.request;
  }
}

TEST(GpuInstances, LeastLeftTakesTheFullestThatFitsThenTheLeastIndex) {
  Random random;
  const auto choose = [&](double request, const GpuFree& free) {
    return ChooseGpus(F(request), free, GpuChoice::kLeastLeft, random)->parts;
  };
  using Parts = std::vector<std::pair<uint32_t, FixedPoint>>;
  EXPECT_EQ(choose(0.5, Free({1, 0.5, 0.6})), (Parts{{1, F(0.5)}}));
  EXPECT_EQ(choose(0.5, Free({1, 0.6, 0.6, 0.4})), (Parts{{1, F(0.5)}}));
  EXPECT_EQ(choose(2, Free({0.9, 1, 1, 1})), (Parts{{1, F(1)}, {2, F(1)}}));
  EXPECT_EQ(choose(0, Free({1})), Parts{});
}

TEST(GpuInstances, RandomTakesEveryGpuThatFitsAndNoOther) {
  Random random(7);
  const GpuFree free = Free({0.3, 0.6, 1, 0.2, 0.5});
  std::set<uint32_t> seen;
  for (int i = 0; i < 200; ++i) seen.insert(ChooseGpus(F(0.5), free, GpuChoice::kRandom, random)->parts[0].first);
  EXPECT_EQ(seen, (std::set<uint32_t>{1, 2, 4}));
}

TEST(GpuInstances, RandomDrawsOnlyWhenThereIsAChoice) {
  Random random(7), untouched(7);
  ChooseGpus(F(0.5), Free({0.3, 0.6}), GpuChoice::kRandom, random);
  ChooseGpus(F(1), Free({1, 1}), GpuChoice::kRandom, random);
  EXPECT_EQ(random.Next(), untouched.Next());
}

TEST(GpuInstances, GivingBackUndoesTaking) {
  Random random;
  GpuFree free = Free({1, 0.5, 1});
  const GpuFree before = free;
  const GpuAllocation whole = *ChooseGpus(F(2), free, GpuChoice::kLeastLeft, random);
  TakeGpus(whole, free);
  EXPECT_EQ(free, Free({0, 0.5, 0}));
  GiveGpus(whole, free);
  EXPECT_EQ(free, before);
}

TEST(GpuInstancesDeathTest, TakingMoreThanIsLeftIsABug) {
  GpuFree free = Free({0.5});
  EXPECT_DEATH(TakeGpus({{{0, F(0.6)}}}, free), "free");
  EXPECT_DEATH(GiveGpus({{{0, F(0.6)}}}, free), "kOneGpu");
}

}  // namespace
}  // namespace orrery
