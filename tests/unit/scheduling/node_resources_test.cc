#include "runtime/scheduling/node_resources.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "tests/unit/scheduling/builders.h"

namespace orrery {
namespace {

TEST(NodeResources, AllocatesAndFreesExactly) {
  NodeResourceInstances node(Res(4, 2, 100).Set("widget", F(3)));
  Random random;
  const ResourceSet request = Res(1.5, 0.25, 10).Set("widget", F(1));
  const auto gpus = node.Allocate(request, GpuChoice::kLeastLeft, random);
  ASSERT_TRUE(gpus);
  EXPECT_EQ(node.available(), Res(2.5, 1.75, 90).Set("widget", F(2)));
  EXPECT_EQ(node.gpu_free(), (GpuFree{F(0.75), F(1)}));
  node.Free(request, *gpus);
  EXPECT_EQ(node.available(), node.total());
}

TEST(NodeResources, RefusesWhatDoesNotFitAndChangesNothing) {
  NodeResourceInstances node(Res(4, 2));
  Random random;
  ASSERT_TRUE(node.Allocate(Res(0, 0.6), GpuChoice::kLeastLeft, random));
  ASSERT_TRUE(node.Allocate(Res(0, 0.6), GpuChoice::kLeastLeft, random));
  const ResourceSet left = node.available();
  EXPECT_FALSE(node.Allocate(Res(0, 0.5), GpuChoice::kLeastLeft, random));  // 0.8 left in sum, 0.4 on each
  EXPECT_FALSE(node.Allocate(Res(5), GpuChoice::kLeastLeft, random));
  EXPECT_FALSE(node.Allocate(ResourceSet().Set("widget", F(1)), GpuChoice::kLeastLeft, random));
  EXPECT_EQ(node.available(), left);
  EXPECT_TRUE(node.FitsEver(Res(4, 2)));
  EXPECT_FALSE(node.FitsEver(Res(4, 3)));
}

TEST(NodeResources, AResumedWorkerMayOversubscribeCpuOnly) {
  NodeResourceInstances node(Res(2, 0, 10));
  Random random;
  const auto first = node.Allocate(Res(2), GpuChoice::kLeastLeft, random);
  node.ReturnCpu(F(2));  // it blocks
  const auto second = node.Allocate(Res(2), GpuChoice::kLeastLeft, random);
  node.TakeCpu(F(2));  // it resumes beside the other
  EXPECT_EQ(node.available().Get(ResourceKind::kCpu), F(-2));
  EXPECT_FALSE(node.FitsNow(Res(0.5)));
  EXPECT_TRUE(node.FitsNow(Res(0, 0, 5))) << "a request without CPU does not care";
  node.Free(Res(2), *first);
  node.Free(Res(2), *second);
  EXPECT_EQ(node.available(), node.total());
}

TEST(NodeResourcesDeathTest, FreeingTwiceIsABug) {
  NodeResourceInstances node(Res(2, 1));
  Random random;
  const auto gpus = node.Allocate(Res(1, 0.5), GpuChoice::kLeastLeft, random);
  node.Free(Res(1, 0.5), *gpus);
  EXPECT_DEATH(node.Free(Res(1), {}), "FitsIn");
  EXPECT_DEATH(node.Free(Res(0, 0.5), *gpus), "kOneGpu");
}

TEST(NodeResources, FgdTakesTheGpuThatFragmentsLeast) {
  NodeResourceInstances node(Res(64, 2));
  Random random;
  ASSERT_TRUE(node.Allocate(Res(0, 0.3), GpuChoice::kLeastLeft, random));  // GPU 0 has 0.7 left
  const FragmentModel model({{Res(1, 0.7), {}, 1}});
  // Taking 0.2 of GPU 0 would make its 0.5 useless for the usual 0.7; GPU 1 keeps 0.8.
  const auto gpus = node.Allocate(Res(0, 0.2), GpuChoice::kFgd, random, &model);
  ASSERT_TRUE(gpus);
  EXPECT_EQ(gpus->parts[0].first, 1u);
}

// Any sequence of allocations and frees keeps the invariants (asserted inside) and ends where it began.
TEST(NodeResources, RandomSequencesConserve) {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    Random random(seed);
    NodeResourceInstances node(Res(16, 4, 64));
    std::vector<std::pair<ResourceSet, GpuAllocation>> held;
    for (int step = 0; step < 200; ++step) {
      if (random.Chance(0.6)) {
        const double gpus = random.Chance(0.5) ? 0.1 * static_cast<double>(random.Below(10)) : 1.0 + random.Below(3);
        const double cpu = 0.5 * static_cast<double>(random.Below(6));
        const ResourceSet request = Res(cpu, gpus, static_cast<double>(random.Below(8)));
        const bool fits = node.FitsNow(request);
        const auto gpus_held = node.Allocate(request, GpuChoice::kRandom, random);
        ASSERT_EQ(gpus_held.has_value(), fits);
        if (gpus_held) held.emplace_back(request, *gpus_held);
      } else if (!held.empty()) {
        std::swap(held[random.Below(held.size())], held.back());
        node.Free(held.back().first, held.back().second);
        held.pop_back();
      }
    }
    for (const auto& [request, gpus] : held) node.Free(request, gpus);
    ASSERT_EQ(node.available(), node.total()) << "seed " << seed;
  }
}

}  // namespace
}  // namespace orrery
