#include "runtime/common/assert.h"
#include "runtime/transport/drive_token_internal.h"
#include "runtime/transport/quiet_thread.h"

namespace orrery {

// The pattern throughout: a waiter announces itself, then looks at the token; a releaser frees the token, then looks
// for announcements. Both use sequentially consistent operations, so at least one of them sees the other.

bool DriveToken::TryAcquire() {
  bool free = false;
  return held_.compare_exchange_strong(free, true);
}

void DriveToken::Acquire() {
  if (TryAcquire()) return;
  acquirers_.fetch_add(1);
  wake_();
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return TryAcquire(); });
  }
  acquirers_.fetch_sub(1);
}

void DriveToken::Release() {
  ORRERY_ASSERT(held());
  if (!held_by_background_.load(std::memory_order_relaxed)) activity_.fetch_add(1, std::memory_order_relaxed);
  held_.store(false);
  if (acquirers_.load() > 0 || followers_.load() > 0) Notify();
  if (background_parked_.load()) Unpark();
}

bool DriveToken::must_give_way() const {
  return acquirers_.load() > 0 || (held_by_background_.load(std::memory_order_relaxed) && followers_.load() > 0);
}

void DriveToken::Follow(const std::atomic<bool>& done, std::chrono::steady_clock::time_point deadline) {
  followers_.fetch_add(1);
  if (held_by_background_.load()) wake_();
  {
    std::unique_lock lock(mutex_);
    // A thread in Acquire goes first, else two followers could keep it waiting for ever.
    changed_.wait_until(lock, deadline, [&] {
      return done.load() || interrupted_.load() || (!held_.load() && acquirers_.load() == 0);
    });
  }
  followers_.fetch_sub(1);
}

void DriveToken::Notify() {
  { std::lock_guard lock(mutex_); }  // whoever looked before us is waiting by now
  changed_.notify_all();
}

void DriveToken::Interrupt() {
  interrupted_.store(true);
  Notify();
  Unpark();
}

void DriveToken::Unpark() {
  {
    std::lock_guard lock(mutex_);
    background_parked_.store(false);
  }
  background_.notify_one();
}

void DriveToken::StartBackground(Duration takeover_delay) {
  if (thread_.joinable()) return;
  has_background_.store(true);
  stop_background_ = false;
  thread_ = QuietThread([this, takeover_delay] { BackgroundLoop(std::chrono::nanoseconds(takeover_delay.ns)); });
}

void DriveToken::StopBackground() {
  if (!thread_.joinable()) return;
  {
    std::lock_guard lock(mutex_);
    stop_background_ = true;
    background_parked_.store(false);
  }
  has_background_.store(false);
  background_.notify_one();
  wake_();
  thread_.join();
}

// Waits until somebody releases the token. False when the thread should end.
bool DriveToken::ParkBackground() {
  std::unique_lock lock(mutex_);
  background_parked_.store(true);
  if (!held_.load()) background_parked_.store(false);
  background_.wait(lock, [this] { return stop_background_ || interrupted_.load() || !background_parked_.load(); });
  background_parked_.store(false);
  return !stop_background_ && !interrupted_.load();
}

void DriveToken::BackgroundLoop(std::chrono::nanoseconds takeover_delay) {
  while (true) {
    const uint64_t seen = activity_.load(std::memory_order_relaxed);
    {
      std::unique_lock lock(mutex_);
      background_.wait_for(lock, takeover_delay, [this] { return stop_background_ || interrupted_.load(); });
      if (stop_background_ || interrupted_.load()) return;
    }
    if (activity_.load(std::memory_order_relaxed) != seen) continue;  // somebody drives in short strokes: leave it so
    if (!TryAcquire()) {
      // Held during the whole delay. A long stroke: its end will be announced.
      if (!ParkBackground()) return;
      continue;
    }
    held_by_background_.store(true);
    while (has_background_.load() && !interrupted_.load() && !must_give_way()) turn_();
    held_by_background_.store(false);
    // Not counted as activity of others; they get the token for at least one delay.
    held_.store(false);
    Notify();
  }
}

}  // namespace orrery
