// Health checks by their constants, and the bounds of the node table.
#include <gtest/gtest.h>

#include "runtime/gcs/health_monitor.h"
#include "runtime/gcs/node_table.h"
#include "runtime/messages/convert.h"
#include "runtime/messages/orrery.pb.h"
#include "tests/support/recording_env.h"

namespace orrery::test {
namespace {

const Address kAddress{2000, 1};
constexpr NodeId kNode{1};

class HealthMonitorTest : public testing::Test {
 protected:
  HealthMonitorTest() : monitor_(env_, settings_) {
    monitor_.Watch(kNode, kAddress);
    env_.TakeTimer(TimerKind::kHealthCheck, 1, Duration::Seconds(5));
    env_.Advance(Duration::Seconds(5));
  }
  // The timer fires: a check is sent.
  uint64_t ExpectCheck() {
    EXPECT_EQ(monitor_.OnTimer(kNode), HealthMonitor::Verdict::kAlive);
    env_.TakeTimer(TimerKind::kHealthCheck, 1, Duration::Seconds(10));
    return env_.Take<msg::HealthCheck>(kAddress).round();
  }
  RecordingEnv env_;
  Settings settings_;
  HealthMonitor monitor_;
};

TEST_F(HealthMonitorTest, SilenceIsDeathAfter62SecondsOfChecks) {
  const Time begin = env_.Now();
  for (int failures = 0; failures < 5; ++failures) {
    ExpectCheck();
    env_.Advance(Duration::Seconds(10));
    const auto verdict = monitor_.OnTimer(kNode);
    if (failures == 4) {
      EXPECT_EQ(verdict, HealthMonitor::Verdict::kDead);
      break;
    }
    EXPECT_EQ(verdict, HealthMonitor::Verdict::kAlive);
    env_.TakeTimer(TimerKind::kHealthCheck, 1, Duration::Seconds(3));
    env_.Advance(Duration::Seconds(3));
  }
  EXPECT_EQ((env_.Now() - begin).ns, Duration::Seconds(5 * 10 + 4 * 3).ns);
}

TEST_F(HealthMonitorTest, OneAnswerResetsTheCount) {
  for (int failures = 0; failures < 4; ++failures) {
    ExpectCheck();
    env_.Advance(Duration::Seconds(10));
    EXPECT_EQ(monitor_.OnTimer(kNode), HealthMonitor::Verdict::kAlive);
    env_.TakeTimer(TimerKind::kHealthCheck, 1, Duration::Seconds(3));
    env_.Advance(Duration::Seconds(3));
  }
  monitor_.OnReply(kNode, ExpectCheck());
  env_.TakeTimer(TimerKind::kHealthCheck, 1, Duration::Seconds(3));
  env_.Advance(Duration::Seconds(3));
  ExpectCheck();
  env_.Advance(Duration::Seconds(10));
  EXPECT_EQ(monitor_.OnTimer(kNode), HealthMonitor::Verdict::kAlive);
  env_.TakeTimer(TimerKind::kHealthCheck, 1, Duration::Seconds(3));
}

TEST_F(HealthMonitorTest, ANodeThatWasHeardOfIsNotChecked) {
  monitor_.Heard(kNode);
  EXPECT_EQ(monitor_.OnTimer(kNode), HealthMonitor::Verdict::kAlive);
  env_.TakeTimer(TimerKind::kHealthCheck, 1, Duration::Seconds(3));
  EXPECT_TRUE(env_.quiet());
}

TEST_F(HealthMonitorTest, AnAnswerToAnEarlierRoundIsStale) {
  const uint64_t round = ExpectCheck();
  monitor_.OnReply(kNode, round - 1);
  EXPECT_EQ(env_.TakeTraces(TraceKind::kStaleMessage), 1);
}

TEST_F(HealthMonitorTest, AProcessThatIsGoneIsDeadAfterFiveLossesIn75Milliseconds) {
  EXPECT_EQ(monitor_.OnConnectionLost(kNode), HealthMonitor::Verdict::kAlive);
  for (int64_t pause = 5; pause <= 40; pause *= 2) {
    env_.Take<msg::HealthCheck>(kAddress);
    env_.TakeTimer(TimerKind::kHealthCheck, 1, Duration::Seconds(10));
    EXPECT_EQ(monitor_.OnConnectionLost(kNode), HealthMonitor::Verdict::kAlive);
    env_.TakeTimer(TimerKind::kHealthCheck, 1, Duration::Millis(pause));
    // Another message was lost with the same connection.
    EXPECT_EQ(monitor_.OnConnectionLost(kNode), HealthMonitor::Verdict::kAlive);
    EXPECT_TRUE(env_.quiet());
    env_.Advance(Duration::Millis(pause));
    EXPECT_EQ(monitor_.OnTimer(kNode), HealthMonitor::Verdict::kAlive);
  }
  env_.Take<msg::HealthCheck>(kAddress);
  env_.TakeTimer(TimerKind::kHealthCheck, 1, Duration::Seconds(10));
  EXPECT_EQ(monitor_.OnConnectionLost(kNode), HealthMonitor::Verdict::kDead);
}

TEST_F(HealthMonitorTest, ALostConnectionThatCameBackIsForgiven) {
  EXPECT_EQ(monitor_.OnConnectionLost(kNode), HealthMonitor::Verdict::kAlive);
  env_.Take<msg::HealthCheck>(kAddress);
  monitor_.Heard(kNode);
  EXPECT_EQ(monitor_.OnConnectionLost(kNode), HealthMonitor::Verdict::kAlive);
  env_.Take<msg::HealthCheck>(kAddress);
  env_.TakeTimer(TimerKind::kHealthCheck, 1, Duration::Seconds(10));
}

TEST_F(HealthMonitorTest, ForgettingStopsTheTimer) {
  ExpectCheck();
  monitor_.Forget(kNode);
  EXPECT_EQ(monitor_.OnConnectionLost(kNode), HealthMonitor::Verdict::kAlive);
}

msg::RegisterNode From(uint64_t endpoint) {
  msg::RegisterNode request;
  ToProto(Address{endpoint, 1}, request.mutable_address());
  return request;
}

TEST(NodeTable, RegisteringTwiceIsOneNode) {
  NodeTable nodes;
  const auto [first, is_new] = nodes.Register(From(1));
  EXPECT_TRUE(is_new);
  EXPECT_EQ(nodes.Register(From(1)), std::make_pair(first, false));
  EXPECT_EQ(nodes.alive_count(), 1u);
  EXPECT_EQ(nodes.epoch(), 1u);
}

TEST(NodeTable, ADeadNodeStaysDeadAndItsSuccessorIsAnother) {
  NodeTable nodes;
  const NodeId id = nodes.Register(From(1)).first->id;
  nodes.MarkDead(id, "test");
  EXPECT_FALSE(nodes.Alive(id));
  EXPECT_EQ(nodes.Register(From(1)).first->id, id);
  EXPECT_FALSE(nodes.Alive(id));
  msg::RegisterNode successor = From(1);
  successor.mutable_address()->set_incarnation(2);
  EXPECT_EQ(nodes.Register(successor).first->id.value, id.value + 1);
  EXPECT_EQ(nodes.epoch(), 3u);
}

TEST(NodeTable, KeepsTheLastThousandDead) {
  NodeTable nodes;
  for (uint32_t i = 1; i <= 1500; ++i) {
    nodes.MarkDead(nodes.Register(From(i)).first->id, "test");
    if (i % 100 == 0) nodes.CheckInvariants();
  }
  EXPECT_EQ(nodes.all().size(), NodeTable::kDeadNodesKept);
  EXPECT_EQ(nodes.Find(NodeId{500}), nullptr);
  EXPECT_NE(nodes.Find(NodeId{501}), nullptr);
}

}  // namespace
}  // namespace orrery::test
