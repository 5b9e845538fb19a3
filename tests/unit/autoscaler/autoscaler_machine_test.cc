// The autoscaler against a scripted GCS and provider: what it says to whom, and what it makes of late, lost and odd
 // answers.
#include <gtest/gtest.h>

#include <string>

#include "runtime/autoscaler/autoscaler.h"
#include "runtime/messages/convert.h"
#include "runtime/messages/orrery.pb.h"
#include "tests/support/recording_env.h"

namespace orrery::test {
namespace {

const Address kGcs{1000, 0};
using State = Instance::State;

AutoscalerOptions Options(int64_t min = 0) {
  AutoscalerOptions options;
  options.self = {2000, 1};
  options.gcs = kGcs;
  NodeType type;
  type.name = "worker";
  type.resources = ResourceSet::Cpu(4);
  type.min_workers = min;
  type.max_workers = 4;
  options.config = ConfigFrom(Settings(), {type});
  options.config.upscaling_speed = 100;
  return options;
}

class AutoscalerMachine : public testing::Test {
 protected:
  explicit AutoscalerMachine(int64_t min = 0) : machine_(env_, Settings(), Options(min)) {}
  ~AutoscalerMachine() override {
    machine_.CheckInvariants(true);
    for (TimerKind kind : {TimerKind::kAutoscalerRound, TimerKind::kAutoscalerRetry}) env_.CancelTimer(kind, 0);
  }
  template <class Body>
  void Hear(const Address& from, Draft<Body> draft) {
    machine_.OnMessage(from, std::move(draft));
    machine_.CheckInvariants(true);
  }
  // Start of a process whose predecessor left `stored`.
  void Start(const std::string& stored = "") {
    machine_.Start();
    env_.Take<msg::KvPut>(kGcs);  // its address
    const auto keys = env_.Take<msg::KvKeys>(kGcs);
    Draft<msg::KvReply> reply;
    reply->set_request(keys.request());
    if (!stored.empty()) reply->add_keys("instances/0000000000000000");
    Hear(kGcs, std::move(reply));
    if (stored.empty()) return;
    const auto get = env_.Take<msg::KvGet>(kGcs);
    Draft<msg::KvReply> value;
    value->set_request(get.request());
    value->set_value(stored);
    Hear(kGcs, std::move(value));
  }
  // Answers the questions of a round; `nodes` of (node id, instance, busy).
  void Round(uint64_t demands, const std::vector<std::tuple<uint32_t, uint64_t, bool>>& nodes = {},
             const std::vector<std::pair<uint64_t, std::string>>& listed = {}) {
    const auto list = env_.Take<msg::ListInstances>(Address::Provider());
    const auto ask = env_.Take<msg::GetAutoscalerState>(kGcs);
    Draft<msg::InstanceList> instances;
    instances->set_request(list.request());
    for (const auto& [instance, cloud_id] : listed) {
      msg::CloudInstance* row = instances->add_instances();
      row->set_instance(instance);
      row->set_cloud_id(cloud_id);
      row->set_node_type("worker");
    }
    Hear(Address::Provider(), std::move(instances));
    Draft<msg::AutoscalerState> state;
    state->set_round(ask.round());
    for (const auto& [id, instance, busy] : nodes) {
      msg::NodeLoad* node = state->add_nodes();
      node->set_node(id);
      ToProto(Labels{{kInstanceLabel, std::to_string(instance)}}, node->mutable_labels());
      ToProto(ResourceSet::Cpu(4), node->mutable_total());
      ToProto(ResourceSet::Cpu(busy ? 0 : 4), node->mutable_available());
      node->set_busy(busy);
      if (!busy) node->set_idle_ns(Duration::Seconds(1000).ns);
    }
    if (demands > 0) {
      msg::DemandStatus* demand = state->add_demands();
      demand->set_count(demands);
      ToProto(SchedulingRequest{ResourceSet::Cpu(4), strategy_}, demand->mutable_spec());
    }
    Hear(kGcs, std::move(state));
  }
  void NextRound() {
    env_.Advance(Duration::Seconds(5));
    env_.CancelTimer(TimerKind::kAutoscalerRound, 0);
    machine_.OnTimer(TimerKind::kAutoscalerRound, 0);
  }
  // The table is written; the launch that follows.
  msg::LaunchInstances Stored() {
    const auto put = env_.Take<msg::KvPut>(kGcs);
    EXPECT_TRUE(env_.quiet()) << "a launch left before it was written down";
    Draft<msg::KvReply> reply;
    reply->set_request(put.request());
    Hear(kGcs, std::move(reply));
    return env_.Take<msg::LaunchInstances>(Address::Provider());
  }
  void Launched(const msg::LaunchInstances& launch, uint64_t instance, uint32_t status = 0) {
    Draft<msg::InstancesLaunched> reply;
    reply->set_request(launch.request());
    msg::LaunchOutcome* outcome = reply->add_outcomes();
    outcome->set_instance(instance);
    outcome->set_status(status);
    outcome->set_message("no capacity");
    if (status == 0) outcome->set_cloud_id("i-" + std::to_string(instance));
    Hear(Address::Provider(), std::move(reply));
  }
  State StateOf(uint64_t instance) const { return machine_.instances().table().all().at(instance).state; }
  size_t instances() const { return machine_.instances().table().all().size(); }
  // One instance that runs as node 7.
  void OneRunning() {
    Start();
    Round(1);
    Launched(Stored(), 1);
    NextRound();
    Round(0, {{7, 1, true}}, {{1, "i-1"}});
    ASSERT_EQ(StateOf(1), State::kRunning);
  }
  SchedulingStrategy strategy_;  // of the demands
  RecordingEnv env_;
  Autoscaler machine_;
};

TEST_F(AutoscalerMachine, LaunchesWhatIsWrittenDownAndSeesItJoin) {
  Start();
  Round(2);
  const auto launch = Stored();
  EXPECT_EQ(launch.instances_size(), 2);
  Launched(launch, 1);
  EXPECT_EQ(StateOf(1), State::kAllocated);
  EXPECT_EQ(StateOf(2), State::kRequested) << "half an answer says nothing of the rest";
  NextRound();
  Round(1, {{7, 1, true}}, {{1, "i-1"}, {2, "i-2"}});
  EXPECT_EQ(StateOf(1), State::kRunning);
  EXPECT_EQ(StateOf(2), State::kAllocated) << "the list says what the lost answer did not";
  Launched(launch, 2);  // and when that comes after all, it is stale
  EXPECT_EQ(env_.TakeTraces(TraceKind::kStaleMessage), 1);
}

TEST_F(AutoscalerMachine, LaunchesForAFallbackWhereNoTypeHasTheFirstChoice) {
  strategy_.hard_labels = {{"zone", LabelExpression::Op::kIn, {"mars"}}};
  Start();
  Round(1);
  EXPECT_TRUE(env_.quiet()) << "no type is there";
  strategy_.fallbacks = {{{"zone", LabelExpression::Op::kIn, {"moon"}}},
                         {{"zone", LabelExpression::Op::kNotIn, {"mars"}}}};
  NextRound();
  Round(1);
  EXPECT_EQ(Stored().instances_size(), 1);
}

TEST_F(AutoscalerMachine, WhatIsOnItsWayIsNotLaunchedAgain) {
  Start();
  Round(1);
  Launched(Stored(), 1);
  NextRound();
  Round(1, {}, {{1, "i-1"}});
  EXPECT_EQ(instances(), 1u);
  EXPECT_TRUE(env_.quiet());
}

TEST_F(AutoscalerMachine, ARefusedLaunchBacksOffItsType) {
  Start();
  Round(1);
  Launched(Stored(), 1, static_cast<uint32_t>(StatusCode::kUnavailable));
  EXPECT_EQ(instances(), 0u);
  env_.TakeAll(MessageKind::kKvPut);
  EXPECT_TRUE(machine_.instances().BackedOff("worker"));
  env_.Advance(Settings().launch_backoff);
  EXPECT_FALSE(machine_.instances().BackedOff("worker"));
}

TEST_F(AutoscalerMachine, AnIdleNodeIsDrainedBeforeItEnds) {
  OneRunning();
  NextRound();
  Round(0, {{7, 1, false}}, {{1, "i-1"}});
  const auto drain = env_.Take<msg::DrainNode>(kGcs);
  EXPECT_EQ(drain.node(), 7u);
  EXPECT_TRUE(drain.only_if_idle());
  Draft<msg::DrainNodeReply> reply;
  reply->set_node(7);
  reply->set_accepted(true);
  Hear(kGcs, std::move(reply));
  NextRound();
  Round(0, {}, {{1, "i-1"}});  // it has left
  const auto terminate = env_.Take<msg::TerminateInstances>(Address::Provider());
  EXPECT_EQ(terminate.cloud_ids(0), "i-1");
  Draft<msg::InstancesTerminated> ended;
  ended->set_request(terminate.request());
  ended->add_cloud_ids("i-1");
  Hear(Address::Provider(), std::move(ended));
  NextRound();
  Round(0);
  EXPECT_EQ(instances(), 0u);
  env_.TakeAll(MessageKind::kKvPut);
}

TEST_F(AutoscalerMachine, ANodeThatGotWorkMeanwhileStays) {
  OneRunning();
  NextRound();
  Round(0, {{7, 1, false}}, {{1, "i-1"}});
  env_.Take<msg::DrainNode>(kGcs);
  Draft<msg::DrainNodeReply> reply;
  reply->set_node(7);
  Hear(kGcs, std::move(reply));
  EXPECT_EQ(StateOf(1), State::kRunning);
}

TEST_F(AutoscalerMachine, ANodeThatNeverJoinsIsEnded) {
  Start();
  Round(1);
  Launched(Stored(), 1);
  env_.Advance(Settings().instance_boot_timeout);
  NextRound();
  Round(0, {}, {{1, "i-1"}});
  EXPECT_EQ(env_.Take<msg::TerminateInstances>(Address::Provider()).cloud_ids(0), "i-1");
}

TEST_F(AutoscalerMachine, OneListWithoutItIsNotBelievedTwoAre) {
  OneRunning();
  NextRound();
  Round(0, {{7, 1, true}});
  EXPECT_EQ(instances(), 1u);
  NextRound();
  Round(0, {{7, 1, true}});
  EXPECT_EQ(instances(), 0u);
  env_.TakeAll(MessageKind::kKvPut);
}

TEST_F(AutoscalerMachine, AnInstanceThatNobodyKnowsIsEndedButAForeignOneIsNot) {
  Start();
  Round(0, {}, {{99, "i-99"}, {0, "foreign"}});
  EXPECT_EQ(env_.Take<msg::TerminateInstances>(Address::Provider()).cloud_ids(0), "i-99");
  EXPECT_TRUE(env_.quiet());
}

TEST_F(AutoscalerMachine, APreemptedNodeIsDrainedUntilItsEndAndReplaced) {
  OneRunning();
  Draft<msg::InstanceEvent> event;
  event->set_cloud_id("i-1");
  event->set_notice_ns(Duration::Seconds(30).ns);
  Hear(Address::Provider(), std::move(event));
  const auto drain = env_.Take<msg::DrainNode>(kGcs);
  EXPECT_FALSE(drain.only_if_idle());
  EXPECT_EQ(drain.deadline_ns(), Duration::Seconds(30).ns);
  NextRound();
  Round(1, {{7, 1, true}}, {{1, "i-1"}});
  EXPECT_EQ(Stored().instances(0), 2u);
}

TEST_F(AutoscalerMachine, ASuccessorAsksAgainUnderTheSameNumbersAndUsesNewOnesForMore) {
  Draft<msg::InstanceTable> table;
  table->set_last(5);
  for (uint64_t id : {3, 4}) {
    table->add_instances()->set_instance(id);
    table->mutable_instances()->rbegin()->set_node_type("worker");
  }
  std::string stored;
  Message(std::move(table)).AppendTo(stored);
  Start(stored);
  EXPECT_EQ(StateOf(3), State::kRequested);
  const auto again = env_.Take<msg::LaunchInstances>(Address::Provider());
  EXPECT_EQ(again.instances_size(), 2);
  Round(3, {{7, 3, true}}, {{3, "i-3"}});
  EXPECT_EQ(StateOf(3), State::kRunning);
  const auto launch = Stored();
  EXPECT_GT(launch.instances(0), 5u) << "a number was used again";
}

class AutoscalerWithMinimum : public AutoscalerMachine {
 protected:
  AutoscalerWithMinimum() : AutoscalerMachine(2) {}
};

TEST_F(AutoscalerWithMinimum, ReachesItsMinimumWithoutDemand) {
  Start();
  Round(0);
  EXPECT_EQ(Stored().instances_size(), 2);
}

TEST_F(AutoscalerMachine, TellsPeopleWhatItDid) {
  Start();
  Round(1);
  Launched(Stored(), 1);
  Draft<msg::GetAutoscalerReport> ask;
  ask->set_request(9);
  ask->set_rounds(10);
  const Address client{3000, 1};
  Hear(client, std::move(ask));
  const auto report = env_.Take<msg::AutoscalerReport>(client);
  ASSERT_EQ(report.rounds_size(), 1);
  EXPECT_EQ(report.rounds(0).pending_demand(), 1u);
  ASSERT_EQ(report.rounds(0).actions_size(), 1);
  EXPECT_EQ(report.rounds(0).actions(0).what(), "launch");
  EXPECT_EQ(report.rounds(0).actions(0).reason(), "pending tasks and actors");
}

}  // namespace
}  // namespace orrery::test
