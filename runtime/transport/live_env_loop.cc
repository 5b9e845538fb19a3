// The loop: what a turn consists of, and how the driver waits.
#include <sched.h>

#include <algorithm>
#include <bit>
#include <chrono>

#include "runtime/transport/live_env_internal.h"

namespace orrery {

namespace {
constexpr Duration kFlushAge = Duration::Micros(100);
constexpr size_t kFlushBytes = size_t{64} << 10;
constexpr int kTurnsWithoutPoll = 16;  // local work may keep the sockets waiting for so many turns
}  // namespace

void LiveEnv::Impl::StartMachine() {
  ORRERY_ASSERT_MSG(machine != nullptr, "SetStateMachine comes before driving");
  started_ = true;
  machine->Start();
}

bool LiveEnv::Impl::RunOne(Duration max_wait) {
  ORRERY_ASSERT_MSG(token_.held(), "driving without the token");
  if (!started_) StartMachine();
  links_.Sweep();
  bool worked = Drain();
  const Time now = SteadyNow();
  worked = FireTimers(now) || worked;
  if (worked && ++turns_without_poll_ < kTurnsWithoutPoll) {
    FlushIfDue(now);
    return true;
  }
  turns_without_poll_ = 0;
  if (worked || stopped_.load(std::memory_order_relaxed) || token_.must_give_way()) max_wait = Duration{};
  if (links_.HasUnflushed()) {
    links_.Flush();
    traffic_ = true;
    if (links_.DispatchLost()) max_wait = Duration{};
  }
  if (!PollSockets(max_wait)) return FireTimers(SteadyNow()) || worked;
  traffic_ = true;
  Drain();
  return true;
}

bool LiveEnv::Impl::PollSockets(Duration max_wait) {
  if (max_wait.ns <= 0) return reactor_.PollOne();
  if (traffic_ && Spin()) return true;
  traffic_ = false;
  reactor_.PrepareSleep();
  if (has_posted_.load() || stopped_.load() || token_.must_give_way()) {
    reactor_.CancelSleep();
    return false;
  }
  return reactor_.WaitOne(max_wait, wheel.Next());
}

// Waiting awake: the peer answers within microseconds, and waking a sleeping thread would cost more than that. Yielding
// lets the peer run when it shares our core. The last 32 attempts tell whether it is worth while; when it rarely is,
// one of 16 occasions is used to look again.
bool LiveEnv::Impl::Spin() {
  if (options.yield_poll.ns == 0) return false;
  if (std::popcount(spin_history_) < 4 && ++skipped_spins_ % 16 != 0) return false;
  ++spins_;
  const Time end = SteadyNow() + options.yield_poll;
  bool hit = false;
  for (int round = 0; !hit; ++round) {
    sched_yield();
    hit = links_.ProbeHot(round) || (round % 4 == 3 && reactor_.PollOne());
    if (hit || has_posted_.load(std::memory_order_relaxed) || token_.must_give_way()) break;
    const Time now = SteadyNow();
    if (now >= end || now >= wheel.Next()) break;
  }
  spin_history_ = spin_history_ << 1 | (hit ? 1 : 0);
  spin_hits_ += hit ? 1 : 0;
  return hit;
}

bool LiveEnv::Impl::Drain() {
  bool worked = false;
  // What an endpoint posts in answer belongs to the same turn, but sockets must get theirs.
  for (int round = 0; round < 4; ++round) {
    const bool posted = DrainPosted();
    const bool local = DrainLocal();
    const bool lost = links_.DispatchLost();
    if (!posted && !local && !lost) break;
    worked = true;
  }
  return worked;
}

bool LiveEnv::Impl::DrainPosted() {
  if (!has_posted_.load(std::memory_order_relaxed)) return false;
  {
    std::lock_guard lock(post_mutex_);
    batch_.swap(posted_);
    has_posted_.store(false, std::memory_order_relaxed);
  }
  for (Posted& posted : batch_) {
    if (posted.call != nullptr) {
      (*posted.call)();
    } else {
      machine->OnMessage(posted.from, std::move(posted.message));
    }
  }
  batch_.clear();
  return true;
}

bool LiveEnv::Impl::DrainLocal() {
  // Only what is there now: an endpoint and a state machine that answer each other for ever are not one turn. An
  // endpoint may drive again from within OnMessage, which then continues with the next entry.
  size_t count = local_.size();
  const bool any = count > 0;
  for (; count > 0 && !local_.empty(); --count) {
    Local next = std::move(local_.front());
    local_.pop_front();
    if (!next.to.local()) {
      machine->OnMessage(links_.address(), std::move(next.message));
    } else if (LocalEndpoint* endpoint = endpoints[next.to.endpoint]) {
      endpoint->OnMessage(std::move(next.message));
    } else {
      machine->OnPeerLost(next.to);
    }
  }
  return any;
}

bool LiveEnv::Impl::DeliverLocal() {
  ORRERY_ASSERT_MSG(token_.held() && started_, "driving without the token");
  return Drain();
}

bool LiveEnv::Impl::FireTimers(Time now) {
  if (now < wheel.Next()) return false;
  wheel.Collect(now);
  TimerKey key;
  bool any = false;
  while (wheel.Pop(&key)) {
    any = true;
    if (key.kind < static_cast<uint8_t>(TimerKind::kCount)) {
      machine->OnTimer(static_cast<TimerKind>(key.kind), key.id);
    } else if (key.kind == kCallTimer) {
      auto node = calls_.extract(key.id);
      if (!node.empty()) node.mapped()();
    } else {
      links_.OnTimer(key);
    }
  }
  return any;
}

void LiveEnv::Impl::FlushIfDue(Time now) {
  if (!links_.HasUnflushed()) {
    unflushed_since_ = Time{};
    return;
  }
  if (unflushed_since_.ns == 0) unflushed_since_ = now;
  if (links_.unflushed_bytes() < kFlushBytes && now - unflushed_since_ < kFlushAge) return;
  unflushed_since_ = Time{};
  links_.Flush();
  traffic_ = true;
}

void LiveEnv::Impl::Run() {
  while (!stopped_.load()) {
    token_.Acquire();
    while (!stopped_.load() && !token_.must_give_way()) RunOne(Duration::Seconds(1));
    Release(true);
  }
}

void LiveEnv::Impl::BackgroundTurn() {
  RunOne(Duration::Seconds(1));
  links_.Flush();
}

void LiveEnv::Impl::Release(bool flush) {
  // Without a background thread nobody else would send it.
  if ((flush || !token_.has_background()) && links_.HasUnflushed()) links_.Flush();
  token_.Release();
}

bool LiveEnv::Impl::Await(Waiter& waiter, Duration timeout) {
  using Clock = std::chrono::steady_clock;
  const Time end = timeout.ns < 0 ? Time{INT64_MAX} : SteadyNow() + timeout;
  const auto deadline = timeout.ns < 0 ? Clock::now() + std::chrono::hours(24 * 365)
                                       : Clock::time_point(std::chrono::nanoseconds(end.ns));
  while (!waiter.done()) {
    if (stopped_.load()) return false;
    if (end.ns != INT64_MAX && SteadyNow() >= end) return false;
    if (!token_.TryAcquire()) {
      token_.Follow(waiter.done_, deadline);
      continue;
    }
    Duration left = Duration::Seconds(1);
    while (!waiter.done() && !stopped_.load() && !token_.must_give_way() && left.ns > 0) {
      if (end.ns != INT64_MAX) left = std::min(end - SteadyNow(), Duration::Seconds(1));
      RunOne(std::max(left, Duration{}));
    }
    Release(true);
    if (!waiter.done()) std::this_thread::yield();
  }
  return true;
}

}  // namespace orrery
