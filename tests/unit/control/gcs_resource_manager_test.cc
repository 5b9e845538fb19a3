// The GCS's view: deduct until seen, forget what cannot be relied on, answer in order.
#include <gtest/gtest.h>

#include "runtime/gcs/resource_manager.h"
#include "runtime/messages/convert.h"
#include "runtime/messages/orrery.pb.h"
#include "tests/support/recording_env.h"

namespace orrery::test {
namespace {

const Address kNodeA{2000, 1}, kNodeB{2001, 1};
constexpr NodeId kA{1}, kB{2};

LeaseId Lease(uint64_t index, uint32_t worker = 1) { return {WorkerId::Of(kA, worker), index}; }

class ResourceManagerTest : public testing::Test {
 protected:
  ResourceManagerTest() : manager_(env_, settings_, nodes_) {}

  void AddNode(const Address& address, double cpus) {
    msg::RegisterNode request;
    ToProto(address, request.mutable_address());
    const NodeId id = nodes_.Register(request).first->id;
    manager_.AddNode(id, ResourceSet::Cpu(cpus), {});
  }
  void Ask(LeaseId lease, double cpus = 1, NodeId avoid = {}) {
    msg::PickNode request;
    ToProto(lease, request.mutable_lease());
    request.set_node(kA.value);
    request.set_avoid_node(avoid.value);
    ToProto(SchedulingRequest{ResourceSet::Cpu(cpus), {}}, request.mutable_spec());
    manager_.OnPickNode(kNodeA, request);
  }
  void Report(NodeId node, uint64_t version, double cpus, const std::vector<LeaseId>& seen = {}) {
    msg::ResourceReport report;
    report.set_node(node.value);
    report.set_version(version);
    ToProto(ResourceSet::Cpu(cpus), report.mutable_available());
    for (LeaseId lease : seen) ToProto(lease, report.add_seen());
    manager_.OnReport(report);
    manager_.CheckInvariants(true);
  }
  // The next answer: lease and node.
  void ExpectAnswer(LeaseId lease, NodeId node) {
    const auto reply = env_.Take<msg::PickNodeReply>(kNodeA);
    EXPECT_EQ(FromProto(reply.lease()), lease);
    EXPECT_EQ(reply.node(), node.value);
    EXPECT_EQ(reply.status(), 0u);
  }
  double Free(NodeId node) { return manager_.view().Find(node)->available.Get(ResourceKind::kCpu).value(); }

  RecordingEnv env_;
  Settings settings_;
  NodeTable nodes_;
  ResourceManager manager_;
};

TEST_F(ResourceManagerTest, AnAnswerDeductsUntilTheNodeHasSeenTheLease) {
  AddNode(kNodeA, 2);
  Ask(Lease(1));
  ExpectAnswer(Lease(1), kA);
  EXPECT_EQ(Free(kA), 1);
  Report(kA, 1, 2);  // sent before the lease arrived there
  EXPECT_EQ(Free(kA), 1);
  Report(kA, 2, 1, {Lease(1)});
  EXPECT_EQ(Free(kA), 1);
  EXPECT_EQ(manager_.assigned(), 0u);
  Report(kA, 3, 2);
  EXPECT_EQ(Free(kA), 2);
}

TEST_F(ResourceManagerTest, AnOlderReportIsDropped) {
  AddNode(kNodeA, 4);
  Report(kA, 2, 1);
  Report(kA, 1, 4);
  Report(kA, 2, 3);
  EXPECT_EQ(Free(kA), 1);
  EXPECT_EQ(env_.TakeTraces(TraceKind::kStaleMessage), 2);
}

TEST_F(ResourceManagerTest, TheSameQuestionHasTheSameAnswer) {
  AddNode(kNodeA, 2);
  for (int i = 0; i < 3; ++i) {
    Ask(Lease(1));
    ExpectAnswer(Lease(1), kA);
  }
  EXPECT_EQ(Free(kA), 1);
}

TEST_F(ResourceManagerTest, WaitingLeasesAreServedInOrderAndNobodyPassesThem) {
  AddNode(kNodeA, 1);
  for (uint64_t i = 1; i <= 3; ++i) Ask(Lease(i));
  ExpectAnswer(Lease(1), kA);
  EXPECT_EQ(manager_.parked(), 2u);
  Report(kA, 1, 1, {Lease(1)});
  ExpectAnswer(Lease(2), kA);
  AddNode(kNodeB, 1);
  ExpectAnswer(Lease(3), kB);
}

TEST_F(ResourceManagerTest, CancellingAnAssignedLeaseServesTheNext) {
  AddNode(kNodeA, 1);
  Ask(Lease(1));
  Ask(Lease(2));
  Ask(Lease(3));
  ExpectAnswer(Lease(1), kA);
  manager_.OnCancelPick(Lease(2));  // parked: nothing to say
  manager_.OnCancelPick(Lease(1));
  ExpectAnswer(Lease(3), kA);
  manager_.OnCancelPick(Lease(3));
  EXPECT_EQ(Free(kA), 1);
  EXPECT_EQ(manager_.parked() + manager_.assigned(), 0u);
}

TEST_F(ResourceManagerTest, OwnersDeathFreesItsPlacesAndQuestions) {
  AddNode(kNodeA, 1);
  Ask(Lease(1, 7));
  Ask(Lease(2, 7));
  Ask(Lease(1, 8));
  ExpectAnswer(Lease(1, 7), kA);
  manager_.OnOwnerDead(WorkerId::Of(kA, 7));
  const auto given = env_.TakeAll(MessageKind::kPickNodeReply);
  ASSERT_FALSE(given.empty());
  EXPECT_EQ(FromProto(given.back().message.As<msg::PickNodeReply>().lease()), Lease(1, 8));
  manager_.OnOwnerDead(WorkerId::Of(kA, 7));
  EXPECT_EQ(manager_.parked(), 0u);
  EXPECT_EQ(manager_.assigned(), 1u);
  manager_.CheckInvariants(true);
}

TEST_F(ResourceManagerTest, ARefusingNodeIsPassedOverForAnother) {
  AddNode(kNodeA, 1);
  AddNode(kNodeB, 1);
  Ask(Lease(1));
  const NodeId first{env_.Take<msg::PickNodeReply>(kNodeA).node()};
  Ask(Lease(1), 1, first);
  EXPECT_NE(NodeId{env_.Take<msg::PickNodeReply>(kNodeA).node()}, first);
  EXPECT_EQ(Free(first), 1);
}

// It may be that the only possible node never got the request: it has nothing to report, and must be asked again.
TEST_F(ResourceManagerTest, TheOnlyNodeIsAskedAgainAlthoughItCouldNotBeReached) {
  AddNode(kNodeA, 1);
  Ask(Lease(1));
  ExpectAnswer(Lease(1), kA);
  Ask(Lease(1), 1, kA);
  ExpectAnswer(Lease(1), kA);
}

TEST_F(ResourceManagerTest, ARefusalWaitsForRoomOnThatVeryNode) {
  AddNode(kNodeA, 1);
  Ask(Lease(1));
  ExpectAnswer(Lease(1), kA);
  Report(kA, 1, 0, {Lease(1)});  // refused, and said why
  Ask(Lease(1), 1, kA);
  EXPECT_TRUE(env_.quiet());
  Report(kA, 2, 1);
  ExpectAnswer(Lease(1), kA);
}

TEST_F(ResourceManagerTest, ADeadAskersPlacesGoToOthersAtOnce) {
  AddNode(kNodeA, 0.5);
  AddNode(kNodeB, 1);
  msg::PickNode request;
  ToProto(Lease(1), request.mutable_lease());
  request.set_node(kA.value);
  ToProto(SchedulingRequest{ResourceSet::Cpu(1), {}}, request.mutable_spec());
  manager_.OnPickNode(kNodeA, request);
  ExpectAnswer(Lease(1), kB);
  ToProto(LeaseId{WorkerId::Of(kB, 1), 1}, request.mutable_lease());
  request.set_node(kB.value);
  manager_.OnPickNode(kNodeB, request);  // waits
  nodes_.MarkDead(kA, "test");
  manager_.RemoveNode(kA);
  EXPECT_EQ(env_.Take<msg::PickNodeReply>(kNodeB).node(), kB.value);
  manager_.CheckInvariants(true);
}

TEST_F(ResourceManagerTest, AReconnectedNodeHasNoPlacesAndNoQuestions) {
  AddNode(kNodeA, 1);
  Ask(Lease(1));
  ExpectAnswer(Lease(1), kA);
  Ask(Lease(2));
  manager_.OnNodeReconnected(kA);
  EXPECT_EQ(manager_.assigned() + manager_.parked(), 0u);
  EXPECT_EQ(Free(kA), 1);
}

TEST_F(ResourceManagerTest, NoCpuFitsOnAnOverdrawnNode) {
  AddNode(kNodeA, 1);
  Report(kA, 1, -1);
  Ask(Lease(1));
  Ask(Lease(2), 0);
  ExpectAnswer(Lease(2), kA);
}

}  // namespace
}  // namespace orrery::test
