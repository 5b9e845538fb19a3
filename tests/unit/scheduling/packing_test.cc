// The packing experiment on clusters small enough to follow by hand.
#include "sim/workload/packing.h"

#include <gtest/gtest.h>

namespace orrery {
namespace {

OpenbNode Node(const std::string& name, int64_t gpus, int64_t cpu_milli = 64'000) {
  return {name, cpu_milli, 1024, gpus, "T4"};
}
OpenbPod Pod(const std::string& name, int64_t num_gpu, int64_t gpu_milli, int64_t cpu_milli = 1000) {
  OpenbPod pod;
  pod.name = name;
  pod.cpu_milli = cpu_milli;
  pod.memory_mib = 1;
  pod.num_gpu = num_gpu;
  pod.gpu_milli = gpu_milli;
  return pod;
}
PackingResult Pack(std::vector<OpenbNode> nodes, std::vector<OpenbPod> pods, const std::string& policy,
                   uint64_t seed = 1) {
  auto replay = PackingReplay::Make(std::move(nodes), std::move(pods));
  EXPECT_TRUE(replay.ok()) << replay.status().message();
  PackingOptions options;
  options.policy = policy;
  auto result = replay->Run(options, seed);
  EXPECT_TRUE(result.ok()) << result.status().message();
  return result.value();
}

TEST(Packing, HalvesFillTheClusterCompletely) {
  for (const char* policy : {"random", "best_fit", "fgd", "hybrid"}) {
    const PackingResult result = Pack({Node("a", 2), Node("b", 2)}, {Pod("p", 1, 500)}, policy);
    EXPECT_EQ(result.gpu_capacity, 4);
    EXPECT_EQ(result.arrived, 10) << "10 × 0.5 = 5 ≤ 1.3 × 4 < 11 × 0.5";
    EXPECT_EQ(result.dropped, 2);
    EXPECT_DOUBLE_EQ(result.at_100, 100);
    EXPECT_DOUBLE_EQ(result.at_130, 100);
  }
}

TEST(Packing, WhatNeedsTwoThirdsLeavesAThirdUnused) {
  const PackingResult result = Pack({Node("a", 4)}, {Pod("p", 1, 600)}, "best_fit");
  EXPECT_DOUBLE_EQ(result.at_130, 60);
  ASSERT_EQ(result.curve.size(), 131u);
  EXPECT_DOUBLE_EQ(result.curve[0], 15) << "the first arrival is 15 % of the capacity";
  EXPECT_DOUBLE_EQ(result.curve[15], 15);
  EXPECT_DOUBLE_EQ(result.curve[16], 30);
  EXPECT_DOUBLE_EQ(result.curve[60], 60);
}

TEST(Packing, CpuAndModelsFilterToo) {
  EXPECT_DOUBLE_EQ(Pack({Node("a", 4, 2000)}, {Pod("p", 1, 1000)}, "fgd").at_130, 50) << "2 CPUs for 4 GPUs";
  OpenbPod picky = Pod("p", 1, 1000);
  picky.gpu_spec = "V100M16|V100M32";
  EXPECT_DOUBLE_EQ(Pack({Node("a", 4)}, {picky}, "fgd").at_130, 0);
}

TEST(Packing, EqualSeedsGiveEqualRuns) {
  const std::vector<OpenbNode> nodes = {Node("a", 8), Node("b", 4), Node("c", 2), Node("d", 2)};
  const std::vector<OpenbPod> pods = {Pod("p", 1, 300), Pod("q", 1, 700), Pod("r", 2, 1000), Pod("s", 0, 0)};
  for (const std::string& policy : PolicyNames()) {
    EXPECT_EQ(Pack(nodes, pods, policy, 5).curve, Pack(nodes, pods, policy, 5).curve) << policy;
  }
  EXPECT_NE(Pack(nodes, pods, "random", 5).curve, Pack(nodes, pods, "random", 6).curve);
}

TEST(Packing, InputOrderDoesNotMatter) {
  const std::vector<OpenbNode> nodes = {Node("a", 8), Node("b", 4)}, turned = {Node("b", 4), Node("a", 8)};
  const std::vector<OpenbPod> pods = {Pod("p", 1, 300), Pod("q", 2, 1000)}, turned_pods = {pods[1], pods[0]};
  EXPECT_EQ(Pack(nodes, pods, "best_fit").curve, Pack(turned, turned_pods, "best_fit").curve);
}

TEST(Packing, BadInputIsRefused) {
  EXPECT_FALSE(PackingReplay::Make({}, {Pod("p", 1, 500)}).ok());
  EXPECT_FALSE(PackingReplay::Make({Node("a", 0)}, {Pod("p", 1, 500)}).ok());
  EXPECT_FALSE(PackingReplay::Make({Node("a", 2)}, {Pod("p", 0, 0)}).ok()) << "would draw for ever";
  EXPECT_FALSE(PackingReplay::Make({Node("a", 2)}, {Pod("p", 3, 500)}).ok()) << "parts of several";
  EXPECT_FALSE(PackingReplay::Make({Node("a", 2)}, {Pod("p", 1, 0)}).ok()) << "a GPU of nothing";
  EXPECT_FALSE(PackingReplay::Make({Node("a", 2)}, {Pod("p", 1, 1500)}).ok());
  auto replay = PackingReplay::Make({Node("a", 2)}, {Pod("p", 1, 500)});
  PackingOptions options;
  options.policy = "fdg";
  EXPECT_NE(replay->Run(options, 1).status().message().find("fgd"), std::string::npos);
  options.policy = "fgd";
  options.arrive_up_to = -1;
  EXPECT_FALSE(replay->Run(options, 1).ok());
}

}  // namespace
}  // namespace orrery
