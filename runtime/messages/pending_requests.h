// Requests without an answer yet: kept, sent again with doubling intervals, forgotten when the answer comes.
#pragma once

#include <algorithm>
#include <array>
#include <compare>
#include <cstdint>
#include <utility>
#include <vector>

#include "runtime/common/fifo.h"
#include "runtime/common/lookup.h"
#include "runtime/env/env.h"
#include "runtime/messages/message.h"

namespace orrery {

// Names a request by what makes it idempotent: its kind and up to two numbers.
struct RequestKey {
  MessageKind kind = MessageKind::kNone;
  uint64_t a = 0, b = 0;
  auto operator<=>(const RequestKey&) const = default;
};
struct RequestKeyHash {
  size_t operator()(const RequestKey& key) const {
    return Mix64(key.a * 0x9e3779b97f4a7c15ULL + key.b) + static_cast<size_t>(key.kind) * 0x9e3779b97f4a7c15ULL;
  }
};

// The pending table of one state machine. It holds what to send, never what to do next: the handler of the answer
// finds that in the machine's own tables. Intervals double from `base` to 64 times `base`; since each round has one
// interval, each is a FIFO, and a request that is answered in time costs no ordered container.
class PendingRequests {
 public:
  // `timer` is reserved for this table; `base` is the first retry interval.
  PendingRequests(Env& env, TimerKind timer, Duration base)
      : env_(env), timer_(timer), base_(std::max(base, Duration::Micros(1))) {}

  // Sends now, and again until Done(key). A key that is pending is replaced.
  void Send(const RequestKey& key, const Address& to, Message message) {
    env_.Send(to, message.Clone());
    Entry& entry = entries_[key];
    entry.to = to;
    entry.message = std::move(message);
    Schedule(key, entry, 0);
    Arm();
  }
  // True when it was pending; false means the answer is stale.
  bool Done(const RequestKey& key) { return entries_.Erase(key); }
  bool Pending(const RequestKey& key) const { return entries_.Contains(key); }
  size_t size() const { return entries_.size(); }

  void OnTimer() {
    armed_ = {};
    const Time now = env_.Now();
    std::vector<std::pair<RequestKey, size_t>> again;
    for (size_t round = 0; round < rounds_.size(); ++round) {
      auto& queue = rounds_[round];
      for (; !queue.empty() && queue.front().at <= now; queue.pop_front()) {
        const Entry* entry = entries_.Find(queue.front().key);
        if (entry != nullptr && entry->turn == queue.front().turn) again.emplace_back(queue.front().key, round);
      }
    }
    for (const auto& [key, round] : again) {
      Entry& entry = *entries_.Find(key);
      env_.Send(entry.to, entry.message.Clone());
      Schedule(key, entry, std::min(round + 1, rounds_.size() - 1));
    }
    Arm();
  }
  // After a broken connection was made again: everything for `to`, at once.
  void ResendTo(const Address& to) {
    for (const RequestKey& key : Keys()) {
      const Entry& entry = *entries_.Find(key);
      if (entry.to.endpoint == to.endpoint) env_.Send(entry.to, entry.message.Clone());
    }
  }
  // Keys of requests waiting for `to`, in order.
  std::vector<RequestKey> KeysTo(const Address& to) const {
    std::vector<RequestKey> keys = Keys();
    std::erase_if(keys, [&](const RequestKey& key) { return entries_.Find(key)->to != to; });
    return keys;
  }

  // Keys of all, in order.
  std::vector<RequestKey> Keys() const {
    std::vector<RequestKey> keys;
    entries_.CollectKeys(keys);
    std::sort(keys.begin(), keys.end());
    return keys;
  }

 private:
  struct Entry {
    Address to;
    Message message;
    uint64_t turn = 0;  // tells its place in a FIFO from the places of earlier turns
  };
  struct Due {
    Time at;
    RequestKey key;
    uint64_t turn;
  };
  void Schedule(const RequestKey& key, Entry& entry, size_t round) {
    entry.turn = ++turns_;
    rounds_[round].push_back({env_.Now() + base_ * (int64_t{1} << round), key, entry.turn});
  }
  // Keeps the timer at or before the earliest date; when that request has its answer, the timer finds nothing to do.
  void Arm() {
    if (entries_.empty()) {
      for (auto& queue : rounds_) queue.clear();
      return;
    }
    Time next{INT64_MAX};
    for (const auto& queue : rounds_) {
      if (!queue.empty()) next = std::min(next, queue.front().at);
    }
    if (armed_.ns != 0 && armed_ <= next) return;
    armed_ = next;
    env_.SetTimer(std::max(Duration{}, armed_ - env_.Now()), timer_, 0);
  }

  Env& env_;
  TimerKind timer_;
  Duration base_;
  Lookup<RequestKey, Entry, RequestKeyHash> entries_;
  std::array<Fifo<Due>, 7> rounds_;
  Time armed_;
  uint64_t turns_ = 0;
};

}  // namespace orrery
