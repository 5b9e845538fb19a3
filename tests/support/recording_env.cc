#include "tests/support/recording_env.h"

#include <gtest/gtest.h>

namespace orrery::test {

RecordingEnv::RecordingEnv(uint64_t seed) {
  for (size_t i = 0; i < static_cast<size_t>(RandomStream::kCount); ++i) {
    streams_.push_back(Random::Named(seed, "recording", std::to_string(i)));
  }
}

void RecordingEnv::Send(const Address& to, Message message) {
  std::string bytes;
  message.AppendTo(bytes);
  ORRERY_ASSERT(bytes.size() == message.EncodedSize());
  sent_.push_back({to, std::move(Message::Parse(message.kind(), bytes)).value()});
}

void RecordingEnv::SetTimer(Duration delay, TimerKind kind, uint64_t id) {
  ORRERY_ASSERT(delay.ns >= 0);
  timers_[{kind, id}] = now_ + delay;
}

void RecordingEnv::Trace(const TraceEvent& event) { ++traces_[event.kind]; }

Message RecordingEnv::Take(const Address& to, MessageKind kind) {
  if (sent_.empty()) {
    ADD_FAILURE() << "expected " << InfoOf(kind).name << ", but nothing was sent";
    return Message::New(kind);
  }
  Sent sent = std::move(sent_.front());
  sent_.pop_front();
  EXPECT_EQ(sent.message.name(), InfoOf(kind).name) << sent.message.DebugString();
  EXPECT_EQ(sent.to.endpoint, to.endpoint) << sent.message.DebugString();
  EXPECT_EQ(sent.to.incarnation, to.incarnation) << sent.message.DebugString();
  return sent.message.kind() == kind ? std::move(sent.message) : Message::New(kind);
}

std::vector<RecordingEnv::Sent> RecordingEnv::TakeAll(MessageKind kind) {
  std::vector<Sent> taken;
  std::deque<Sent> left;
  for (Sent& sent : sent_) {
    if (sent.message.kind() == kind)
      taken.push_back(std::move(sent));
    else
      left.push_back(std::move(sent));
  }
  sent_ = std::move(left);
  return taken;
}

void RecordingEnv::TakeTimer(TimerKind kind, uint64_t id, Duration delay) {
  auto it = timers_.find({kind, id});
  if (it == timers_.end()) {
    ADD_FAILURE() << "timer " << static_cast<int>(kind) << "/" << id << " is not set";
    return;
  }
  EXPECT_EQ((it->second - now_).ns, delay.ns) << "timer " << static_cast<int>(kind) << "/" << id;
  timers_.erase(it);
}

std::optional<Duration> RecordingEnv::TimerIn(TimerKind kind, uint64_t id) const {
  auto it = timers_.find({kind, id});
  return it == timers_.end() ? std::nullopt : std::optional<Duration>(it->second - now_);
}

void RecordingEnv::Verify() {
  for (const Sent& sent : sent_) ADD_FAILURE() << "unclaimed message: " << sent.message.DebugString();
  for (const auto& [timer, at] : timers_) {
    ADD_FAILURE() << "unclaimed timer: kind " << static_cast<int>(timer.first) << ", id " << timer.second << ", in "
                  << (at - now_).ns << " ns";
  }
  sent_.clear();
  timers_.clear();
}

}  // namespace orrery::test
