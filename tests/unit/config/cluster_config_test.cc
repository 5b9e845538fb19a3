// Cluster files: Ray's keys, every mistake named with its place, and text that reads back as what it was made from.
#include "runtime/config/cluster_config.h"

#include <gtest/gtest.h>

#include <string>

namespace orrery {
namespace {

constexpr const char* kGood = R"(cluster_name: demo
max_workers: 8
upscaling_speed: 2
idle_timeout_minutes: 1.5
provider: {type: exec, program: [./cloud.py, --zone, a], timeout: 20s}
head_node_type: head
available_node_types:
  head: {resources: {CPU: 2}, labels: {role: head}}
  worker:
    resources: {CPU: 4, memory: 8GiB, tpu: 2}
    min_workers: 1
    idle_timeout_s: 30
    price: 0.25
    node_config: {image: "7", size: 3, spot: true, disks: [a, b]}
settings: {autoscaler_interval: 1s}
)";

std::string ErrorOf(const std::string& text) {
  const auto config = ParseClusterConfig(text, "c.yaml");
  return config.ok() ? "" : config.status().message();
}
// The good file with one place changed.
std::string With(const std::string& from, const std::string& to) {
  std::string text = kGood;
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}
void Says(const std::string& text, const std::string& expected) {
  const std::string error = ErrorOf(text);
  EXPECT_NE(error.find(expected), std::string::npos) << "expected: " << expected << "\ngot: " << error;
}

TEST(ClusterConfig, ReadsRaysKeys) {
  const auto config = ParseClusterConfig(kGood, "folder/c.yaml");
  ASSERT_TRUE(config.ok()) << config.status().message();
  const ClusterConfig& cluster = config.value();
  EXPECT_EQ(cluster.name, "demo");
  EXPECT_EQ(cluster.head_type, "head");
  EXPECT_EQ(cluster.head_resources, ResourceSet::Cpu(2));
  EXPECT_EQ(cluster.head_labels, (Labels{{"role", "head"}}));
  ASSERT_EQ(cluster.scaling.types.size(), 1u) << "the head is not scaled unless it has max_workers";
  const NodeType& worker = cluster.scaling.types[0];
  EXPECT_EQ(worker.min_workers, 1);
  EXPECT_EQ(worker.max_workers, 8) << "that of the cluster";
  EXPECT_EQ(worker.idle_timeout, Duration::Seconds(30));
  EXPECT_EQ(worker.price, 0.25);
  EXPECT_EQ(cluster.scaling.idle_timeout, Duration::Seconds(90));
  EXPECT_EQ(cluster.scaling.upscaling_speed, 2);
  EXPECT_EQ(cluster.provider.program, (std::vector<std::string>{"folder/./cloud.py", "--zone", "a"}));
  EXPECT_EQ(cluster.provider.timeout, Duration::Seconds(20));
  EXPECT_EQ(cluster.node_config.at("worker"), R"({"image":"7","size":3,"spot":true,"disks":["a","b"]})");
  EXPECT_EQ(cluster.settings.at("autoscaler_interval"), "1s");
}

TEST(ClusterConfig, MistakesAreNamedWithTheirPlace) {
  Says(With("max_workers: 8", "max_worker: 8"), "c.yaml:2:1: unknown key 'max_worker'");
  Says(With("max_workers: 8", "max_worker: 8"), "did you mean 'max_workers'?");
  Says(With("min_workers: 1", "min_workers: 9"), "c.yaml:9:3: node type 'worker': min_workers (9) is above");
  Says(With("type: exec", "type: aws"), "unknown 'aws'; expected local, exec");
  Says(With("head_node_type: head", "head_node_type: haed"),
       "c.yaml:6:17: head_node_type: there is no node type 'haed'");
  Says(With("CPU: 4,", "cpus: 4,"), "did you mean 'CPU'?");
  Says(With("8GiB", "8"), "is not");
  Says(With("autoscaler_interval: 1s", "autoscaler_intervall: 1s"), "did you mean 'autoscaler_interval'?");
  Says(With("autoscaler_interval: 1s", "autoscaler_interval: soon"), "c.yaml:15:33: setting 'autoscaler_interval'");
  Says(With("upscaling_speed: 2", "upscaling_speed: 0"), "is not above zero");
  Says(With("idle_timeout_minutes: 1.5", "idle_timeout_minutes: 1.5\nidle_timeout: 3s"), "give one of");
  Says(With("max_workers: 8\n", ""), "needs max_workers, here or for the whole cluster");
  Says(With("max_workers: 8\n", "max_workers: 8\nsetup_commands: [pip install x]\n"),
       "nodes are set up by what provides them");
  Says(With("program: [./cloud.py, --zone, a], ", ""), "provider needs the key 'program'");
  Says(With("type: exec, program: [./cloud.py, --zone, a], timeout: 20s", "type: local, timeout: 1s"),
       "only with type: exec");
  Says(With("type: exec, program: [./cloud.py, --zone, a], timeout: 20s", "type: local"),
       "node_config is for the program");
  Says(With("timeout: 20s", "network: namespaces"), "only with type: local");
  const auto local = [](const char* more) {
    return With("type: exec, program: [./cloud.py, --zone, a], timeout: 20s",
                (std::string("type: local, ") + more).c_str());
  };
  Says(local("network: bridge"), "unknown 'bridge'; expected host, namespaces");
  Says(local("subnet: 10.0.0.0/8"), "only with network: namespaces");
  Says(local("network: namespaces, subnet: 10.1.2.3/16"), "did you mean 10.1.0.0/16?");
  Says(With("max_workers: 8", "max_workers: 0"), "c.yaml:9:3: node type 'worker': min_workers (1) is above");
  Says("", "is empty");
  Says("[1]", "the cluster must be a map");
}

TEST(ClusterConfig, SeveralMistakesAreSaidTogether) {
  const std::string error = ErrorOf(With("max_workers: 8", "max_worker: 8\nidle: 3"));
  EXPECT_NE(error.find("c.yaml:2:1"), std::string::npos) << error;
  EXPECT_NE(error.find("c.yaml:3:1"), std::string::npos) << error;
}

TEST(ClusterConfig, AFileThatIsNotThereIsSaid) {
  const auto config = LoadClusterConfig("/no/such/file.yaml");
  ASSERT_FALSE(config.ok());
  EXPECT_EQ(config.status().code(), StatusCode::kNotFound);
  EXPECT_NE(config.status().message().find("/no/such/file.yaml"), std::string::npos);
}

TEST(ClusterConfig, ItsTextReadsBack) {
  const auto first = ParseClusterConfig(kGood, "c.yaml");
  ASSERT_TRUE(first.ok());
  const std::string text = ClusterConfigText(first.value(), "made\nby a test");
  EXPECT_TRUE(text.starts_with("# made\n# by a test\n")) << text;
  const auto second = ParseClusterConfig(text, "d.yaml");
  ASSERT_TRUE(second.ok()) << second.status().message() << "\n" << text;
  EXPECT_EQ(ClusterConfigText(second.value(), "made\nby a test"), text);
  EXPECT_EQ(second.value().head_resources, first.value().head_resources);
  EXPECT_EQ(second.value().node_config, first.value().node_config);
  EXPECT_EQ(second.value().provider, first.value().provider);
  EXPECT_EQ(second.value().scaling.types[0].resources, first.value().scaling.types[0].resources);
}

TEST(ClusterConfig, NodesInNetworkNamespaces) {
  const std::string rest = "head_node_type: a\navailable_node_types: {a: {resources: {CPU: 1}, max_workers: 2}}\n";
  for (const char* given : {"", ", subnet: 192.168.7.0/24"}) {
    auto config =
        ParseClusterConfig("provider: {type: local, network: namespaces" + std::string(given) + "}\n" + rest, "c.yaml");
    ASSERT_TRUE(config.ok()) << config.status().message();
    ASSERT_TRUE(config->provider.namespaces);
    EXPECT_EQ(ToString(*config->provider.namespaces), *given ? "192.168.7.0/24" : "198.18.0.0/16");
    const auto second = ParseClusterConfig(ClusterConfigText(*config), "d.yaml");
    ASSERT_TRUE(second.ok()) << second.status().message();
    EXPECT_EQ(second.value().provider, config->provider);
  }
}

TEST(ClusterConfig, TheHeadsTypeMayHaveWorkersToo) {
  const auto config = ParseClusterConfig(
      "provider: {type: local}\nhead_node_type: a\navailable_node_types: {a: {resources: {CPU: 1}, max_workers: 2}}\n",
      "c.yaml");
  ASSERT_TRUE(config.ok()) << config.status().message();
  ASSERT_EQ(config.value().scaling.types.size(), 1u);
  EXPECT_EQ(config.value().scaling.types[0].max_workers, 2);
}

}  // namespace
}  // namespace orrery
