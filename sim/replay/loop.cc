#include "sim/replay/loop.h"

#include <time.h>

#include <algorithm>
#include <chrono>

namespace orrery {

Time MonotonicNow() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return Time{int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec};
}

void ReplayLoop::Post(std::function<void()> call) {
  {
    std::lock_guard lock(mutex_);
    posted_.push_back(std::move(call));
  }
  news_.notify_one();
}

std::vector<std::function<void()>> ReplayLoop::TakePosted(Time until) {
  std::vector<std::function<void()>> calls;
  std::unique_lock lock(mutex_);
  const std::chrono::steady_clock::time_point limit{std::chrono::nanoseconds(until.ns)};
  news_.wait_until(lock, limit, [this] { return !posted_.empty(); });
  calls.swap(posted_);
  return calls;
}

bool ReplayLoop::Run(const std::function<bool()>& done, Time deadline) {
  constexpr Duration kTick = Duration::Millis(100);
  Time next_tick = MonotonicNow();
  while (!done()) {
    const Time now = MonotonicNow();
    if (interrupted_.load() || now >= deadline) return false;
    if (now >= next_tick) {
      next_tick = now + kTick;
      if (tick_) tick_();
    }
    Time until = std::min(next_tick, deadline);
    if (!due_.empty()) until = std::min(until, due_.begin()->first.first);
    for (const auto& call : TakePosted(until)) call();
    while (!due_.empty() && due_.begin()->first.first <= MonotonicNow()) {
      const std::function<void()> call = std::move(due_.begin()->second);
      due_.erase(due_.begin());
      call();
    }
  }
  return true;
}

}  // namespace orrery
