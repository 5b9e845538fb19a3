#include "sim/scenario/openb.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "sim/scenario/scenario.h"

namespace orrery {
namespace {

const std::string kPodHeader =
    "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,scheduled_time\n";

std::string PodError(const std::string& rows) {
  const auto pods = ParseOpenbPods(kPodHeader + rows, "pods.csv");
  return pods.ok() ? "accepted" : pods.status().message();
}

TEST(Openb, Nodes) {
  const auto nodes =
      ParseOpenbNodes("sn,cpu_milli,memory_mib,gpu,model\nn0,64000,262144,2,P100\nn1,32000,1024,0,\n", "nodes.csv");
  ASSERT_TRUE(nodes.ok()) << nodes.status().message();
  ASSERT_EQ(nodes.value().size(), 2u);
  EXPECT_EQ(ToString(OpenbNodeResources(nodes.value()[0])), "{CPU: 64, memory: 274877906944, GPU: 2}");
  EXPECT_EQ(OpenbNodeLabels(nodes.value()[0]), (Labels{{"gpu_model", "P100"}}));
  EXPECT_TRUE(OpenbNodeLabels(nodes.value()[1]).empty());
  EXPECT_EQ(ParseOpenbNodes("sn,cpu_milli,memory_mib,gpu,model\nn0,64000\n", "nodes.csv").status().message(),
            "nodes.csv:2: expected 5 fields, found 2");
  EXPECT_EQ(ParseOpenbNodes("sn,cpu_mili,memory_mib,gpu,model\n", "nodes.csv").status().message(),
            "nodes.csv:1: there is no column 'cpu_milli'; did you mean 'cpu_mili'?");
  EXPECT_EQ(ParseOpenbNodes("sn,cpu_milli,memory_mib,gpu\nn0,-1,1,1\n", "nodes.csv").status().message(),
            "nodes.csv:2: cpu_milli '-1' is not a whole number from 0 to 8e8");
}

TEST(Openb, PodsAsRequestsAndTasks) {
  const auto pods = ParseOpenbPods(kPodHeader +
                                       "p0,12000,16384,1,460,V100M16|T4,LS,Running,10,110,60\n"
                                       "p1,2000,1024,2,1000,,LS,Running,5,25,\np2,1000,0,0,0,,BE,Running,20,30,20\n",
                                   "pods.csv");
  ASSERT_TRUE(pods.ok()) << pods.status().message();
  const auto trace = OpenbPodsToTrace(pods.value(), "pods.csv", {});
  ASSERT_TRUE(trace.ok()) << trace.status().message();
  const auto& tasks = trace.value().tasks;
  ASSERT_EQ(tasks.size(), 3u);
  EXPECT_EQ(tasks[0].name, "p1");
  EXPECT_EQ(tasks[0].duration, Duration::Seconds(20)) << "its whole life, as it was never scheduled";
  EXPECT_EQ(ToString(tasks[0].resources), "{CPU: 2, memory: 1073741824, GPU: 2}");
  EXPECT_EQ(tasks[1].submit_time.ns, Duration::Seconds(5).ns);
  EXPECT_EQ(tasks[1].duration, Duration::Seconds(50));
  EXPECT_EQ(ToString(tasks[1].resources), "{CPU: 12, memory: 17179869184, GPU: 0.46}");
  EXPECT_TRUE(Matches(tasks[1].labels, {{"gpu_model", "T4"}}));
  EXPECT_FALSE(Matches(tasks[1].labels, {{"gpu_model", "P100"}}));
  EXPECT_TRUE(tasks[2].labels.empty());
}

TEST(Openb, BadPods) {
  const std::string hint = " (on_bad_row: drop leaves such rows out)";
  EXPECT_EQ(PodError("p0,1000,1,1,1500,,LS,Running,0,1,0\n"), "pods.csv:2: gpu_milli is above 1000" + hint);
  EXPECT_EQ(PodError("p0,1000,1,2,500,,LS,Running,0,1,0\n"),
            "pods.csv:2: a pod of several GPUs must take whole ones (gpu_milli 1000)" + hint);
  EXPECT_EQ(PodError("p0,1000,1,1,1000,,LS,Running,0,1,0\np1,x,1,1,1000,,LS,Running,0,1,0\n"),
            "pods.csv:3: cpu_milli 'x' is not a whole number from 0 to 8e8" + hint);
  EXPECT_EQ(PodError("p0,1000,1,1,1000,,LS,Run"), "pods.csv:2: expected 11 fields, found 8" + hint);
  const auto pods = ParseOpenbPods(kPodHeader + "p0,1,1,0,0,,LS,Running,5,3,5\n", "pods.csv");
  EXPECT_EQ(OpenbPodsToTrace(pods.value(), "pods.csv", {}).status().message(),
            "pods.csv: pod 'p0' was deleted before it started" + hint);
}

TEST(Openb, ProductionTrace) {
  const char* folder = std::getenv("ORRERY_TRACES");
  if (folder == nullptr) GTEST_SKIP() << "set ORRERY_TRACES to the folder with openb/ to run this test";
  const std::string base = std::string(folder) + "/openb/";
  ClusterSpec cluster;
  cluster.trace.emplace().path = base + "openb_node_list_gpu_node.csv";
  const auto nodes = ExpandNodes(cluster);
  if (!nodes.ok() && nodes.status().code() == StatusCode::kNotFound) GTEST_SKIP() << nodes.status().message();
  ASSERT_TRUE(nodes.ok()) << nodes.status().message();
  EXPECT_EQ(nodes.value().size(), 1213u);
  FixedPoint gpus;
  for (const NodeSpec& node : nodes.value()) gpus += node.resources.Get(ResourceKind::kGpu);
  EXPECT_EQ(gpus, FixedPoint::Whole(6212));
  TraceSpec spec;
  spec.format = TraceSpec::Format::kOpenb;
  spec.path = base + "openb_pod_list_default.csv";
  const auto trace = LoadTrace(spec);
  ASSERT_TRUE(trace.ok()) << trace.status().message();
  EXPECT_EQ(trace.value().tasks.size(), 8152u);
}

}  // namespace
}  // namespace orrery
