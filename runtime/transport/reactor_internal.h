// The operating system's readiness, through asio: one io_context that only the holder of the drive token touches.
#pragma once

#include <atomic>
#include <cstdint>

#include "runtime/common/time.h"
#include "runtime/transport/asio_internal.h"

namespace orrery {

// CLOCK_MONOTONIC in nanoseconds.
Time SteadyNow();

// asio's own locks are off (ASIO_CONCURRENCY_HINT_UNSAFE): the token orders all calls but Wake().
class Reactor {
 public:
  Reactor();
  ~Reactor();
  asio::io_context& context() { return context_; }

  // Runs at most one ready handler. True when one ran.
  bool PollOne() { return context_.poll_one() != 0; }
  // The same, sleeping up to `max_wait` or until `next_timer` or Wake().
  bool WaitOne(Duration max_wait, Time next_timer);

  // The sleeping protocol: PrepareSleep, look for work once more, then WaitOne or CancelSleep. Whoever adds work calls
  // Wake after adding, from any thread. It costs a system call only when somebody sleeps.
  void PrepareSleep() { sleeping_.store(true); }
  void CancelSleep() { sleeping_.store(false); }
  void Wake();
  uint64_t wakeups() const { return wakeups_.load(std::memory_order_relaxed); }

 private:
  void ArmWakeup();
  void ArmTimer(Time next);

  asio::io_context context_;
  Descriptor wakeup_;
  SteadyTimer timer_;
  int64_t timer_at_ = INT64_MAX;  // when the asio timer fires; armed anew only for an earlier date
  std::atomic<bool> sleeping_{false};
  std::atomic<uint64_t> wakeups_{0};
};

}  // namespace orrery
