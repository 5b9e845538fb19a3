// An Env for one state machine under test: nothing happens by itself, and every effect must be claimed.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/env/env.h"
#include "runtime/messages/message.h"

namespace orrery::test {

// After HyperQueue's test Comm: each message goes through its wire form when it is sent, and Verify() (called by the
// destructor) fails the test when a message was not taken or a timer was neither taken nor cancelled.
class RecordingEnv final : public Env {
 public:
  struct Sent {
    Address to;
    Message message;
  };

  explicit RecordingEnv(uint64_t seed = 1);
  ~RecordingEnv() override { Verify(); }

  Time Now() const override { return now_; }
  void Send(const Address& to, Message message) override;
  void SetTimer(Duration delay, TimerKind kind, uint64_t id) override;
  void CancelTimer(TimerKind kind, uint64_t id) override { timers_.erase({kind, id}); }
  Random& RandomFor(RandomStream stream) override { return streams_[static_cast<size_t>(stream)]; }
  void Trace(const TraceEvent& event) override;

  void Advance(Duration span) { now_ = now_ + span; }

  // The oldest unclaimed message, which must be of this kind and to this address; fails the test otherwise.
  Message Take(const Address& to, MessageKind kind);
  // The same, as its class.
  template <class Body>
  Body Take(const Address& to) {
    Message message = Take(to, KindOf<Body>::kValue);
    return message ? std::move(message.As<Body>()) : Body();
  }
  // Claims all messages of this kind, wherever they stand, and returns them.
  std::vector<Sent> TakeAll(MessageKind kind);
  // Claims a timer; fails the test when it is not set or not due in `delay` from now.
  void TakeTimer(TimerKind kind, uint64_t id, Duration delay);
  // How long until the timer, if it is set.
  std::optional<Duration> TimerIn(TimerKind kind, uint64_t id) const;
  bool quiet() const { return sent_.empty(); }
  // How often an event of this kind was traced since the last call.
  int TakeTraces(TraceKind kind) { return std::exchange(traces_[kind], 0); }

  // Fails the test for every unclaimed effect, and forgets them.
  void Verify();

 private:
  Time now_;
  std::deque<Sent> sent_;
  std::map<std::pair<TimerKind, uint64_t>, Time> timers_;
  std::map<TraceKind, int> traces_;
  std::vector<Random> streams_;
};

}  // namespace orrery::test
