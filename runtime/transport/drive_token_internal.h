// Who drives: the exclusive right to run handlers, passed among application threads, a main loop and a background
// thread.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>

#include "runtime/common/time.h"

namespace orrery {

// A lock whose holder can be asked to give way, with a background thread that takes it when nobody else wants it.
// Uncontended Acquire and Release are one atomic operation each. All methods may be called by any thread.
class DriveToken {
 public:
  // `wake`: makes a holder that sleeps in the operating system return soon. `turn`: one turn of the background thread.
  DriveToken(std::function<void()> wake, std::function<void()> turn) : wake_(std::move(wake)), turn_(std::move(turn)) {}
  ~DriveToken() { StopBackground(); }

  bool TryAcquire();
  void Acquire();
  void Release();
  bool held() const { return held_.load(std::memory_order_relaxed); }
  // The holder should release: somebody waits in Acquire, or the background thread holds it and an application waits.
  bool must_give_way() const;
  bool has_background() const { return has_background_.load(std::memory_order_relaxed); }

  // Sleeps until `done`, the deadline, Interrupt(), or the token is free for the caller to take. Spurious returns
  // happen.
  void Follow(const std::atomic<bool>& done, std::chrono::steady_clock::time_point deadline);
  // A `done` of some follower has changed.
  void NotifyFollowers() {
    if (followers_.load() > 0) Notify();
  }
  // All followers and the background thread return, now and in future.
  void Interrupt();

  void StartBackground(Duration takeover_delay);
  void StopBackground();

 private:
  void BackgroundLoop(std::chrono::nanoseconds takeover_delay);
  bool ParkBackground();
  void Notify();
  void Unpark();

  const std::function<void()> wake_;
  const std::function<void()> turn_;
  std::atomic<bool> held_{false};
  std::atomic<bool> held_by_background_{false};
  std::atomic<bool> has_background_{false};
  std::atomic<bool> background_parked_{false};
  std::atomic<bool> interrupted_{false};
  std::atomic<uint64_t> activity_{0};  // grows when somebody other than the background thread lets go
  std::atomic<int> acquirers_{0};
  std::atomic<int> followers_{0};
  std::mutex mutex_;
  std::condition_variable changed_;  // acquirers and followers
  std::condition_variable background_;  // the background thread
  bool stop_background_ = false;  // under mutex_
  std::thread thread_;
};

}  // namespace orrery
