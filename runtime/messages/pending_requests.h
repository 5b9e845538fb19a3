// Requests without an answer yet: kept, sent again with doubling intervals, forgotten when the answer comes.
#pragma once

#include <compare>
#include <cstdint>
#include <map>

#include "runtime/common/retry_schedule.h"
#include "runtime/env/env.h"
#include "runtime/messages/message.h"

namespace orrery {

// Names a request by what makes it idempotent: its kind and up to two numbers.
struct RequestKey {
  MessageKind kind = MessageKind::kNone;
  uint64_t a = 0, b = 0;
  auto operator<=>(const RequestKey&) const = default;
};

// The pending table of one state machine. It holds what to send, never what to do next: the handler of the answer
// finds that in the machine's own tables.
class PendingRequests {
 public:
  // `timer` is reserved for this table; `base` is the first retry interval.
  PendingRequests(Env& env, TimerKind timer, Duration base) : env_(env), timer_(timer), schedule_(base) {}

  // Sends now, and again until Done(key). A key that is pending is replaced.
  void Send(const RequestKey& key, const Address& to, Message message) {
    env_.Send(to, message.Clone());
    entries_[key] = {to, std::move(message)};
    schedule_.Add(key, env_.Now());
    Arm();
  }
  // True when it was pending; false means the answer is stale.
  bool Done(const RequestKey& key) {
    if (entries_.erase(key) == 0) return false;
    schedule_.Remove(key);
    return true;
  }
  bool Pending(const RequestKey& key) const { return entries_.count(key) != 0; }
  const Address* TargetOf(const RequestKey& key) const {
    auto it = entries_.find(key);
    return it == entries_.end() ? nullptr : &it->second.to;
  }
  size_t size() const { return entries_.size(); }

  void OnTimer() {
    armed_ = {};
    for (const RequestKey& key : schedule_.TakeDue(env_.Now())) Resend(key);
    Arm();
  }
  // After a broken connection was made again: everything for `to`, at once.
  void ResendTo(const Address& to) {
    for (const auto& [key, entry] : entries_) {
      if (entry.to.endpoint == to.endpoint) env_.Send(entry.to, entry.message.Clone());
    }
  }
  // Keys of requests waiting for `to`, in order.
  std::vector<RequestKey> KeysTo(const Address& to) const {
    std::vector<RequestKey> keys;
    for (const auto& [key, entry] : entries_) {
      if (entry.to == to) keys.push_back(key);
    }
    return keys;
  }

 private:
  struct Entry {
    Address to;
    Message message;
  };
  void Resend(const RequestKey& key) {
    const Entry& entry = entries_.at(key);
    env_.Send(entry.to, entry.message.Clone());
  }
  // Keeps the timer at or before the earliest date; a late Done leaves it set, which costs one empty call.
  void Arm() {
    if (schedule_.empty() || (armed_.ns != 0 && armed_ <= schedule_.Next())) return;
    armed_ = schedule_.Next();
    env_.SetTimer(armed_ - env_.Now(), timer_, 0);
  }

  Env& env_;
  TimerKind timer_;
  RetrySchedule<RequestKey> schedule_;
  std::map<RequestKey, Entry> entries_;
  Time armed_;
};

}  // namespace orrery
