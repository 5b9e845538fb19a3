// The replayer's one thread: things due at a time, and news from the threads that drive sockets, in one order.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "runtime/common/time.h"

namespace orrery {

// CLOCK_MONOTONIC, the clock that all processes of the machine share.
Time MonotonicNow();

class ReplayLoop {
 public:
  // Runs `call` at `when`, in order of (when, order of the calls of At).
  void At(Time when, std::function<void()> call) { due_[{when, ++sequence_}] = std::move(call); }
  // From any thread: runs `call` soon.
  void Post(std::function<void()> call);
  // Handles what comes until `done` returns true (asked after every call), `deadline`, or an interrupt. True when done.
  bool Run(const std::function<bool()>& done, Time deadline);
  // Async-signal-safe: Run returns within 100 ms.
  void Interrupt() { interrupted_.store(true); }
  bool interrupted() const { return interrupted_.load(); }
  // Called about ten times a second while Run waits or works.
  void SetTicker(std::function<void()> tick) { tick_ = std::move(tick); }

 private:
  std::vector<std::function<void()>> TakePosted(Time until);
  std::map<std::pair<Time, uint64_t>, std::function<void()>> due_;
  uint64_t sequence_ = 0;
  std::function<void()> tick_;
  std::atomic<bool> interrupted_{false};
  std::mutex mutex_;
  std::condition_variable news_;
  std::vector<std::function<void()>> posted_;  // under mutex_
};

}  // namespace orrery
