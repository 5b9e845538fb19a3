// The demand that the autoscaler is told of: every waiting task once, while owners' reports are behind what happens.
#include <gtest/gtest.h>

#include "runtime/gcs/gcs.h"
#include "runtime/messages/convert.h"
#include "runtime/messages/orrery.pb.h"
#include "tests/support/recording_env.h"

namespace orrery::test {
namespace {

const Address kNode{2000, 1};
const Address kAutoscaler{3000, 1};
constexpr WorkerId kOwner = WorkerId::Of(NodeId{1}, 5);
const SchedulingRequest kTask{ResourceSet::Cpu(1), {}};

// A GCS with one node, whose CPUs are for others.
class DemandTest : public testing::Test {
 protected:
  DemandTest() {
    Draft<msg::RegisterNode> node;
    ToProto(kNode, node->mutable_address());
    ToProto(ResourceSet::Cpu(2), node->mutable_total());
    Hear(std::move(node));
    Report(0);
    env_.TakeAll(MessageKind::kRegisterNodeReply);
  }
  ~DemandTest() override { env_.CancelTimer(TimerKind::kHealthCheck, 1); }
  template <class Body>
  void Hear(Draft<Body> message) {
    gcs_.OnMessage(kNode, std::move(message));
    gcs_.CheckInvariants(true);
  }
  void Report(double free_cpus) {
    Draft<msg::ResourceReport> report;
    report->set_node(1);
    report->set_version(++version_);
    ResourceSet available;
    available.Set(ResourceKind::kCpu, FixedPoint::FromDouble(free_cpus));
    ToProto(available, report->mutable_available());
    Hear(std::move(report));
  }
  void Backlog(uint64_t tasks) {
    Draft<msg::ReportBacklog> report;
    report->set_owner(kOwner.value);
    ToProto(kTask, report->mutable_spec());
    report->set_backlog(tasks);
    Hear(std::move(report));
  }
  void Ask(uint64_t lease, uint32_t refused_by = 0) {
    Draft<msg::PickNode> question;
    question->set_node(1);
    ToProto(LeaseId{kOwner, lease}, question->mutable_lease());
    ToProto(kTask, question->mutable_spec());
    question->set_avoid_node(refused_by);
    Hear(std::move(question));
  }
  uint64_t Demand() {
    gcs_.OnMessage(kAutoscaler, Draft<msg::GetAutoscalerState>());
    const auto state = env_.Take<msg::AutoscalerState>(kAutoscaler);
    uint64_t tasks = 0;
    for (const msg::DemandStatus& demand : state.demands()) tasks += demand.count();
    return tasks;
  }

  RecordingEnv env_;
  Gcs gcs_{env_, Settings()};
  uint64_t version_ = 0;
};

TEST_F(DemandTest, ATaskThatLeavesTheBacklogForTheQueueIsCountedOnce) {
  Backlog(5);
  EXPECT_EQ(Demand(), 5u);
  Ask(1);
  Ask(2);
  EXPECT_EQ(Demand(), 5u);
  Ask(2);
  EXPECT_EQ(Demand(), 5u) << "a question that is sent again takes nothing from the backlog";
  Backlog(3);
  EXPECT_EQ(Demand(), 5u);
}

// Nodes join and are full at once, while the last report of what waits is from before.
TEST_F(DemandTest, WhatWasJustPlacedIsNotDemandAnyMore) {
  Backlog(4);
  Report(2);
  Ask(1);
  Ask(2);
  EXPECT_EQ(env_.TakeAll(MessageKind::kPickNodeReply).size(), 2u);
  EXPECT_EQ(Demand(), 2u);
  Ask(1, 1);  // refused there: it was counted already
  env_.TakeAll(MessageKind::kPickNodeReply);
  EXPECT_EQ(Demand(), 2u);
}

TEST_F(DemandTest, MoreLeasesThanWereReportedAreNotLessThanNothing) {
  Backlog(1);
  Report(2);
  Ask(1);
  Ask(2);
  env_.TakeAll(MessageKind::kPickNodeReply);
  EXPECT_EQ(Demand(), 0u);
  Backlog(0);
  EXPECT_EQ(Demand(), 0u);
}

TEST_F(DemandTest, AnOwnerThatFallsSilentHasNothing) {
  Backlog(3);
  env_.Advance(Settings().backlog_report_interval * 3);
  EXPECT_EQ(Demand(), 3u);
  env_.Advance(Duration{1});
  EXPECT_EQ(Demand(), 0u);
}

}  // namespace
}  // namespace orrery::test
