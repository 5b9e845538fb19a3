#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <asio/error.hpp>
#include <chrono>

#include "runtime/common/assert.h"
#include "runtime/transport/reactor_internal.h"

namespace orrery {

Time SteadyNow() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return Time{int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec};
}

Reactor::Reactor() : context_(ASIO_CONCURRENCY_HINT_UNSAFE), wakeup_(context_), timer_(context_) {
  const int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  ORRERY_ASSERT(fd >= 0);
  wakeup_.assign(fd);
  ArmWakeup();
}

Reactor::~Reactor() = default;

void Reactor::ArmWakeup() {
  wakeup_.async_wait(asio::posix::descriptor_base::wait_read, [this](const asio::error_code& error) {
    if (error) return;
    uint64_t count = 0;
    [[maybe_unused]] const ssize_t n = read(wakeup_.native_handle(), &count, sizeof count);
    ArmWakeup();
  });
}

void Reactor::Wake() {
  if (!sleeping_.load() || !sleeping_.exchange(false)) return;
  wakeups_.fetch_add(1, std::memory_order_relaxed);
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t n = write(wakeup_.native_handle(), &one, sizeof one);
}

void Reactor::ArmTimer(Time next) {
  if (next.ns >= timer_at_) return;
  timer_at_ = next.ns;
  timer_.expires_at(std::chrono::steady_clock::time_point(std::chrono::nanoseconds(next.ns)));
  timer_.async_wait([this, at = next.ns](const asio::error_code& error) {
    if (!error && timer_at_ == at) timer_at_ = INT64_MAX;
  });
}

bool Reactor::WaitOne(Duration max_wait, Time next_timer) {
  if (next_timer.ns != INT64_MAX) ArmTimer(next_timer);
  const bool ran = context_.run_one_for(std::chrono::nanoseconds(max_wait.ns)) != 0;
  sleeping_.store(false);
  return ran;
}

}  // namespace orrery
