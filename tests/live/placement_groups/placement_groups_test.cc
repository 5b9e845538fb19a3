// Placement groups on real processes: created, used, removed, and nodes and the GCS killed beneath them.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include "runtime/api/orrery.h"
#include "tests/live/faults/live_cluster.h"

namespace orrery::test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

uint32_t WhichNode() { return context().node.value; }

// The node of a child that names no group itself.
struct Seen {
  uint32_t node = 0;
  uint64_t group = 0;
};
Seen See() {
  const auto group = current_placement_group();
  return {context().node.value, group ? group->index : 0};
}
Seen SeeInChild() { return orrery::remote<&See>().get(); }

int HoldUntilKilled(const std::string& notes) {
  std::ofstream(notes + "/holding") << getpid();
  pause();
  return 0;
}

class Where {
 public:
  uint32_t Node() { return context().node.value; }
  int Pid() { return getpid(); }
};

class Program {
 public:
  explicit Program(SessionOptions options = {}) : session_(1, argv_, options) {}

 private:
  char name_[16] = "groups_test";
  char* argv_[2] = {name_, nullptr};
  Session session_;
};

PlacementGroup Group(std::vector<Bundle> bundles, BundleStrategy strategy) {
  return placement_group(bundles, {.strategy = strategy});
}
Ref<uint32_t> NodeInside(const PlacementGroup& group, int bundle) {
  return task<&WhichNode>({.strategy = InPlacementGroup(group, bundle)})();
}
// All CPUs can be used again: a task that needs every CPU of a node runs there.
void ExpectNodeFree(double cpus, uint32_t node) {
  auto all = task<&WhichNode>({.num_cpus = cpus, .strategy = NodeAffinity(NodeId{node})})();
  EXPECT_EQ(all.get(), node);
}

TEST(PlacementGroups, RunTasksAndActorsWhereTheyHaveReserved) {
  LiveCluster cluster({2, 2, 2});
  Program program;
  const PlacementGroup group = Group({bundle(1), bundle(1), bundle(1)}, BundleStrategy::kStrictSpread);
  ASSERT_TRUE(group.wait());
  const PlacementGroupStatus status = group.status();
  EXPECT_EQ(status.phase, PlacementGroupPhase::kCreated);
  std::set<uint32_t> nodes;
  for (int i = 0; i < 3; ++i) {
    const uint32_t node = NodeInside(group, i).get();
    EXPECT_EQ(node, status.nodes[i].value);
    nodes.insert(node);
  }
  EXPECT_EQ(nodes.size(), 3U);
  auto actor = orrery::actor<Where>({.strategy = InPlacementGroup(group, 2)})();
  EXPECT_EQ(actor.call<&Where::Node>().get(), status.nodes[2].value);
  const Seen child = task<&SeeInChild>({.strategy = InPlacementGroup(group, 1, true)})().get();
  EXPECT_EQ(child.group, group.id.index) << "children are captured";
  EXPECT_EQ(task<&SeeInChild>({.strategy = InPlacementGroup(group, 1)})().get().group, 0U);
  remove_placement_group(group);
  for (uint32_t node : nodes) ExpectNodeFree(2, node);
  EXPECT_THROW(group.wait(), PlacementGroupRemovedError);
  EXPECT_THROW(actor.call<&Where::Node>().get(), Error) << "it was killed with its bundle";
}

TEST(PlacementGroups, TellWhatMakesNoSense) {
  LiveCluster cluster({2});
  Program program;
  EXPECT_THROW(placement_group({}), Error);
  EXPECT_THROW(placement_group({bundle(0)}), Error);
  EXPECT_THROW(placement_group({bundle(1, 1.5)}), Error);
  const PlacementGroup group = placement_group({bundle(1)}, {.name = "mine"});
  EXPECT_THROW(placement_group({bundle(1)}, {.name = "mine"}), Error);
  EXPECT_EQ(get_placement_group("mine"), group);
  EXPECT_THROW(get_placement_group("yours"), Error);
  EXPECT_THROW(InPlacementGroup(group, 1), Error);
  EXPECT_THROW(InPlacementGroup({}), Error);
  try {
    task<&WhichNode>({.num_cpus = 2, .strategy = InPlacementGroup(group, 0)})().get();
    FAIL() << "did not throw";
  } catch (const InfeasibleError& error) {
    EXPECT_NE(std::string(error.what()).find("bundle 0"), std::string::npos) << error.what();
  }
  const PlacementGroup huge = placement_group({bundle(64)});
  EXPECT_FALSE(huge.wait(10ms));
  EXPECT_NE(huge.status().why.find("no nodes"), std::string::npos) << huge.status().why;
}

TEST(PlacementGroups, RemovalEndsWhatRunsInside) {
  LiveCluster cluster({2});
  Program program;
  const PlacementGroup group = placement_group({bundle(1)});
  auto held = task<&HoldUntilKilled>({.strategy = InPlacementGroup(group, 0)})(cluster.notes());
  auto behind = NodeInside(group, 0);
  Eventually([&] { return fs::exists(cluster.notes() + "/holding"); }, "the task runs");
  remove_placement_group(group);
  EXPECT_THROW(held.get(), PlacementGroupRemovedError);
  EXPECT_THROW(behind.get(), PlacementGroupRemovedError);
  ExpectNodeFree(2, 1);
}

TEST(PlacementGroups, AreWaitedFor) {
  LiveCluster cluster({2});
  Program program;
  const PlacementGroup first = placement_group({bundle(2)});
  ASSERT_TRUE(first.wait());
  const PlacementGroup second = placement_group({bundle(1), bundle(1)});
  auto inside = NodeInside(second, 1);
  EXPECT_FALSE(second.wait(20ms));
  remove_placement_group(first);
  EXPECT_TRUE(second.wait());
  EXPECT_EQ(inside.get(), 1U);
}

TEST(PlacementGroups, FindANewNodeForWhatAKilledOneHeld) {
  LiveCluster cluster({2, 2, 2}, {{"health_check_failures", "1"}});
  Program program;
  const PlacementGroup group = Group({bundle(2), bundle(1)}, BundleStrategy::kStrictSpread);
  ASSERT_TRUE(group.wait());
  const PlacementGroupStatus before = group.status();
  const int fatal = before.nodes[0].value == 1 ? 1 : 0;  // not the head's
  const NodeId lost = before.nodes[fatal], kept = before.nodes[1 - fatal];
  auto held = task<&HoldUntilKilled>({.strategy = InPlacementGroup(group, fatal), .max_retries = 0})(cluster.notes());
  Eventually([&] { return fs::exists(cluster.notes() + "/holding"); }, "the task runs");
  cluster.processes().KillNode(lost.value - 1);
  EXPECT_THROW(held.get(), Error);
  Eventually([&] { return group.status().nodes[fatal] != lost && group.wait(1s); }, "the bundle has another node");
  EXPECT_EQ(NodeInside(group, fatal).get(), group.status().nodes[fatal].value);
  EXPECT_EQ(group.status().nodes[1 - fatal], kept) << "what was not lost stays";
}

TEST(PlacementGroups, OutliveTheGcs) {
  LiveCluster cluster({2, 2});
  Program program;
  const PlacementGroup before = Group({bundle(1), bundle(1)}, BundleStrategy::kStrictSpread);
  ASSERT_TRUE(before.wait());
  std::vector<PlacementGroup> during;
  for (int round = 0; round < 3; ++round) {
    PlacementGroup made;
    std::thread maker([&] { made = Group({bundle(0.25), bundle(0.25)}, BundleStrategy::kSpread); });
    std::this_thread::sleep_for(std::chrono::microseconds(300 * round));  // some phase of it
    cluster.processes().KillGcs();
    ASSERT_TRUE(cluster.processes().StartGcs().ok());
    maker.join();
    during.push_back(made);
    if (round == 1) remove_placement_group(during.front());
  }
  for (size_t i = 1; i < during.size(); ++i) EXPECT_TRUE(during[i].wait());
  EXPECT_THROW(during.front().wait(), PlacementGroupRemovedError);
  EXPECT_NE(NodeInside(before, 0).get(), NodeInside(before, 1).get());
  remove_placement_group(before);
  for (size_t i = 1; i < during.size(); ++i) remove_placement_group(during[i]);
  for (uint32_t node : {1U, 2U}) ExpectNodeFree(2, node);
}

}  // namespace
}  // namespace orrery::test
