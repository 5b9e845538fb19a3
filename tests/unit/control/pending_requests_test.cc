// Unanswered requests: when they are sent again, to whom, and that one timer serves them all.
#include "runtime/messages/pending_requests.h"

#include <gtest/gtest.h>

#include "runtime/messages/orrery.pb.h"
#include "tests/support/recording_env.h"

namespace orrery::test {
namespace {

const Address kPeer{2000, 1}, kOther{2001, 1};
constexpr RequestKey kFirst{MessageKind::kGetJob, 1, 0}, kSecond{MessageKind::kGetJob, 2, 0};

Message Ask(uint32_t job) {
  Draft<msg::GetJob> request;
  request->set_job(job);
  return request;
}

class PendingRequestsTest : public testing::Test {
 protected:
  PendingRequestsTest() : requests_(env_, TimerKind::kPickRetry, Duration::Seconds(1)) {}
  // Lets the timer fire when it is due, which must be in `in`.
  void Fire(Duration in) {
    env_.TakeTimer(TimerKind::kPickRetry, 0, in);
    env_.Advance(in);
    requests_.OnTimer();
  }
  void ExpectSent(const Address& to, uint32_t job) { EXPECT_EQ(env_.Take<msg::GetJob>(to).job(), job); }
  RecordingEnv env_;
  PendingRequests requests_;
};

TEST_F(PendingRequestsTest, IntervalsDoubleUpTo64Seconds) {
  requests_.Send(kFirst, kPeer, Ask(1));
  ExpectSent(kPeer, 1);
  for (int64_t seconds : {1, 2, 4, 8, 16, 32, 64, 64, 64}) {
    Fire(Duration::Seconds(seconds));
    ExpectSent(kPeer, 1);
  }
  EXPECT_TRUE(requests_.Done(kFirst));
  Fire(Duration::Seconds(64));  // one empty call, and no more
}

TEST_F(PendingRequestsTest, OneTimerAtTheEarliestDate) {
  requests_.Send(kFirst, kPeer, Ask(1));
  env_.Advance(Duration::Millis(400));
  requests_.Send(kSecond, kOther, Ask(2));
  env_.TakeAll(MessageKind::kGetJob);
  Fire(Duration::Millis(600));
  ExpectSent(kPeer, 1);
  Fire(Duration::Millis(400));
  ExpectSent(kOther, 2);
  EXPECT_TRUE(requests_.Done(kSecond));
  Fire(Duration::Millis(1600));
  ExpectSent(kPeer, 1);
  requests_.Done(kFirst);
  Fire(Duration::Millis(400));  // where kSecond would have been due
}

// A request that was answered leaves the timer set early; one sent meanwhile must still be served at its own date.
TEST_F(PendingRequestsTest, ARequestAfterAnAnsweredOneIsNotForgotten) {
  requests_.Send(kFirst, kPeer, Ask(1));
  requests_.Done(kFirst);
  env_.Advance(Duration::Millis(900));
  requests_.Send(kSecond, kPeer, Ask(2));
  env_.TakeAll(MessageKind::kGetJob);
  Fire(Duration::Millis(100));
  EXPECT_TRUE(env_.quiet());
  Fire(Duration::Millis(900));
  ExpectSent(kPeer, 2);
  requests_.Done(kSecond);
  Fire(Duration::Seconds(2));
}

TEST_F(PendingRequestsTest, ASecondAnswerIsStaleAndAReplacedRequestStartsAnew) {
  requests_.Send(kFirst, kPeer, Ask(1));
  requests_.Send(kFirst, kOther, Ask(9));
  env_.TakeAll(MessageKind::kGetJob);
  EXPECT_EQ(requests_.size(), 1u);
  EXPECT_EQ(requests_.KeysTo(kOther).size(), 1u);
  EXPECT_TRUE(requests_.KeysTo(kPeer).empty());
  Fire(Duration::Seconds(1));
  ExpectSent(kOther, 9);
  EXPECT_TRUE(requests_.Done(kFirst));
  EXPECT_FALSE(requests_.Done(kFirst));
  Fire(Duration::Seconds(2));
}

TEST_F(PendingRequestsTest, AfterAReconnectionEverythingForThePeerIsSentAtOnce) {
  requests_.Send(kFirst, kPeer, Ask(1));
  requests_.Send(kSecond, kOther, Ask(2));
  env_.TakeAll(MessageKind::kGetJob);
  requests_.ResendTo(Address{kPeer.endpoint, 0});
  ExpectSent(kPeer, 1);
  EXPECT_TRUE(env_.quiet());
  requests_.Done(kFirst);
  requests_.Done(kSecond);
  Fire(Duration::Seconds(1));
}

}  // namespace
}  // namespace orrery::test
