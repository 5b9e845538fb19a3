// Jobs that compete at the GCS: room goes to the best claim, and made room to nobody else.
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "runtime/gcs/job_preemption.h"
#include "runtime/gcs/resource_manager.h"
#include "runtime/messages/convert.h"
#include "runtime/messages/orrery.pb.h"
#include "tests/support/recording_env.h"

namespace orrery::test {
namespace {

const Address kNodeA{2000, 1}, kNodeB{2001, 1};
constexpr NodeId kA{1}, kB{2};
constexpr JobId kLow{1}, kHigh{2}, kOther{3};

Settings With(const char* scheduling, const char* preemption) {
  Settings settings;
  settings.job_scheduling = scheduling;
  settings.job_preemption = preemption;
  return settings;
}

class GcsJobsTest : public testing::Test {
 protected:
  void Begin(const char* scheduling, const char* preemption = "none") {
    settings_ = With(scheduling, preemption);
    manager_ = std::make_unique<ResourceManager>(env_, settings_, nodes_);
    preemption_ = std::make_unique<JobPreemption>(env_, settings_, nodes_, *manager_);
  }
  void AddNode(const Address& address, double cpus) {
    msg::RegisterNode request;
    ToProto(address, request.mutable_address());
    const NodeId id = nodes_.Register(request).first->id;
    manager_->AddNode(id, ResourceSet::Cpu(cpus), {});
  }
  LeaseId Ask(JobId job, double cpus = 1) {
    const LeaseId lease{WorkerId::Of(kA, job.value), ++asked_[job]};
    msg::PickNode request;
    ToProto(lease, request.mutable_lease());
    request.set_node(kA.value);
    request.set_job(job.value);
    ToProto(SchedulingRequest{ResourceSet::Cpu(cpus), {}}, request.mutable_spec());
    manager_->OnPickNode(kNodeA, request);
    preemption_->Watch();
    return lease;
  }
  // What is free on a node, and what each job's tasks hold there.
  void Report(NodeId node, double cpus, const std::map<JobId, double>& use, const std::vector<LeaseId>& seen = {}) {
    msg::ResourceReport report;
    report.set_node(node.value);
    report.set_version(++version_);
    ToProto(ResourceSet::Cpu(cpus), report.mutable_available());
    for (const auto& [job, amount] : use) {
      msg::JobUse* out = report.add_jobs();
      out->set_job(job.value);
      ToProto(ResourceSet::Cpu(amount), out->mutable_amounts());
      if (actors_.count(job) == 0) ToProto(ResourceSet::Cpu(amount), out->mutable_by_tasks());
    }
    for (LeaseId lease : seen) ToProto(lease, report.add_seen());
    preemption_->OnReport(report);
    manager_->OnReport(report);
    manager_->CheckInvariants(true);
  }
  std::vector<LeaseId> Answered() {
    std::vector<LeaseId> leases;
    for (auto& sent : env_.TakeAll(MessageKind::kPickNodeReply))
      leases.push_back(FromProto(sent.message.As<msg::PickNodeReply>().lease()));
    return leases;
  }
  void Wait(Duration duration) {
    env_.Advance(duration);
    env_.CancelTimer(TimerKind::kPreemption, 0);
    preemption_->OnTimer();
    preemption_->Watch();
  }
  // Where room is asked for, and of which jobs.
  std::vector<std::pair<Address, std::vector<uint32_t>>> Preempted() {
    std::vector<std::pair<Address, std::vector<uint32_t>>> asked;
    for (auto& sent : env_.TakeAll(MessageKind::kPreemptLeases)) {
      const auto& jobs = sent.message.As<msg::PreemptLeases>().jobs();
      asked.push_back({sent.to, {jobs.begin(), jobs.end()}});
    }
    return asked;
  }
  void SetPriority(JobId job, int32_t priority) { manager_->jobs().SetTerms(job, {priority, FixedPoint::Whole(1)}); }

  ~GcsJobsTest() override {
    env_.TakeAll(MessageKind::kPickNodeReply);
    env_.CancelTimer(TimerKind::kPreemption, 0);
  }

  RecordingEnv env_;
  Settings settings_;
  NodeTable nodes_;
  std::unique_ptr<ResourceManager> manager_;
  std::unique_ptr<JobPreemption> preemption_;
  std::map<JobId, uint64_t> asked_;
  std::set<JobId> actors_;  // jobs that have actors instead of tasks
  uint64_t version_ = 0;
};

using Leases = std::vector<LeaseId>;

TEST_F(GcsJobsTest, FirstComeFirstServedAcrossJobsAndShapes) {
  Begin("fifo");
  const LeaseId first = Ask(kLow), second = Ask(kHigh, 2), third = Ask(kLow), fourth = Ask(kHigh);
  AddNode(kNodeA, 4);
  EXPECT_EQ(Answered(), (Leases{first, second, third}));
  AddNode(kNodeB, 4);
  EXPECT_EQ(Answered(), (Leases{fourth}));
}

TEST_F(GcsJobsTest, TheHigherPriorityGoesFirst) {
  Begin("priority");
  SetPriority(kHigh, 5);
  const LeaseId low = Ask(kLow), high = Ask(kHigh), big = Ask(kHigh, 8), other = Ask(kOther);
  AddNode(kNodeA, 2);
  EXPECT_EQ(Answered(), (Leases{high, low}));  // what is too big for now holds nobody up
  AddNode(kNodeB, 8);
  EXPECT_EQ(Answered(), (Leases{big}));
  (void)other;
}

TEST_F(GcsJobsTest, SharesCountWhatIsAssignedAndWhatNodesReport) {
  Begin("fair_share");
  Leases low, high;
  for (int i = 0; i < 4; ++i) low.push_back(Ask(kLow));
  for (int i = 0; i < 4; ++i) high.push_back(Ask(kHigh));
  AddNode(kNodeA, 4);
  EXPECT_EQ(Answered(), (Leases{low[0], high[0], low[1], high[1]}));
  // Low's leases end; high's go on: both free places are low's.
  Report(kA, 2, {{kHigh, 2}}, {low[0], low[1], high[0], high[1]});
  EXPECT_EQ(Answered(), (Leases{low[2], low[3]}));
  EXPECT_EQ(manager_->jobs().UseOf(kLow), ResourceSet::Cpu(2));
  EXPECT_EQ(manager_->jobs().UseOf(kHigh), ResourceSet::Cpu(2));
}

TEST_F(GcsJobsTest, ADeadNodesUseIsForgotten) {
  Begin("fair_share");
  AddNode(kNodeA, 4);
  AddNode(kNodeB, 4);
  Report(kB, 1, {{kLow, 3}});
  EXPECT_DOUBLE_EQ(manager_->jobs().DominantShare(kLow), 3.0 / 8);
  manager_->RemoveNode(kB);
  EXPECT_EQ(manager_->jobs().UseOf(kLow), ResourceSet());
}

TEST_F(GcsJobsTest, WhatWaitsLongEnoughMakesRoom) {
  Begin("priority", "priority");
  SetPriority(kHigh, 5);
  AddNode(kNodeA, 2);
  Report(kA, 0, {{kLow, 2}});
  const LeaseId high = Ask(kHigh);
  EXPECT_TRUE(env_.TimerIn(TimerKind::kPreemption, 0));
  env_.Advance(Duration::Millis(900));
  Wait(Duration::Millis(50));
  EXPECT_TRUE(Preempted().empty());
  Wait(Duration::Millis(50));
  EXPECT_EQ(Preempted(), (std::vector{std::pair(kNodeA, std::vector<uint32_t>{kLow.value})}));
  Wait(Duration::Millis(500));
  EXPECT_TRUE(Preempted().empty());  // room is being made
  Wait(Duration::Millis(500));
  EXPECT_EQ(Preempted().size(), 1u);  // the question may have been lost
  Report(kA, 1, {{kLow, 1}});
  EXPECT_EQ(Answered(), (Leases{high}));
}

TEST_F(GcsJobsTest, EqualsAndActorsMakeNoRoom) {
  Begin("priority", "priority");
  SetPriority(kHigh, 5);
  SetPriority(kOther, 5);
  actors_ = {kLow};
  AddNode(kNodeA, 4);
  Report(kA, 0, {{kLow, 2}, {kOther, 2}});
  Ask(kHigh);
  Wait(Duration::Seconds(2));
  EXPECT_TRUE(Preempted().empty());
}

TEST_F(GcsJobsTest, TheLowestPrioritySuffersFirstAndEachPlaceIsTakenOnce) {
  Begin("priority", "priority");
  SetPriority(kHigh, 5);
  SetPriority(kOther, 1);
  AddNode(kNodeA, 2);
  AddNode(kNodeB, 2);
  Report(kA, 0, {{kOther, 2}});
  Report(kB, 0, {{kLow, 1}, {kOther, 1}});
  for (int i = 0; i < 5; ++i) Ask(kHigh);
  Wait(Duration::Seconds(1));
  const auto asked = Preempted();
  ASSERT_EQ(asked.size(), 4u);  // as many as there are places
  EXPECT_EQ(asked[0], std::pair(kNodeB, std::vector<uint32_t>{kLow.value}));
  EXPECT_EQ(asked[1].first, kNodeA);
  EXPECT_EQ(asked[2].first, kNodeA);
  EXPECT_EQ(asked[3], std::pair(kNodeB, (std::vector<uint32_t>{kLow.value, kOther.value})));
}

TEST_F(GcsJobsTest, OffByDefault) {
  Begin("priority");
  SetPriority(kHigh, 5);
  AddNode(kNodeA, 1);
  Report(kA, 0, {{kLow, 1}});
  Ask(kHigh);
  EXPECT_FALSE(env_.TimerIn(TimerKind::kPreemption, 0));
}

}  // namespace
}  // namespace orrery::test
