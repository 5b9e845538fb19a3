// A queue that tasks, actors and drivers share: first in, first out, kept by an actor (Ray's util.queue).
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>

#include "runtime/api/actor.h"
#include "runtime/api/context.h"
#include "runtime/api/errors.h"
#include "runtime/api/get.h"

namespace orrery {

namespace internal {

// The actor. Puts and gets are concurrency groups of their own: those that wait never keep the others from coming.
template <class T>
class QueueKeeper {
 public:
  explicit QueueKeeper(uint64_t max_size) : max_size_(max_size) {}
  // False when there was no room within the time; < 0: for ever.
  bool Put(T value, int64_t timeout_ns) {
    std::unique_lock lock(mutex_);
    if (!Await(lock, taken_, timeout_ns, [this] { return max_size_ == 0 || values_.size() < max_size_; })) return false;
    values_.push_back(std::move(value));
    put_.notify_one();
    return true;
  }
  std::optional<T> Get(int64_t timeout_ns) {
    std::unique_lock lock(mutex_);
    if (!Await(lock, put_, timeout_ns, [this] { return !values_.empty(); })) return std::nullopt;
    std::optional<T> value(std::move(values_.front()));
    values_.pop_front();
    taken_.notify_one();
    return value;
  }
  uint64_t Size() {
    const std::lock_guard lock(mutex_);
    return values_.size();
  }

 private:
  static constexpr std::chrono::milliseconds kLook{50};  // between two looks whether the call was cancelled

  template <class Done>
  bool Await(std::unique_lock<std::mutex>& lock, std::condition_variable& changed, int64_t timeout_ns, Done done) {
    using Clock = std::chrono::steady_clock;
    const bool ends = timeout_ns >= 0;
    const Clock::time_point end = Clock::now() + std::chrono::nanoseconds(ends ? timeout_ns : 0);
    while (!done()) {
      if (cancelled()) throw CancelledError("the call was cancelled while it waited in the queue");
      if (ends && Clock::now() >= end) return false;
      const Clock::time_point look = Clock::now() + kLook;
      changed.wait_until(lock, ends ? std::min(look, end) : look);
    }
    return true;
  }

  const uint64_t max_size_;
  std::mutex mutex_;
  std::condition_variable put_, taken_;
  std::deque<T> values_;
};

}  // namespace internal

// Copies, also those that travel as arguments, are of one queue, which ends with the last of them. Threads may share
// one. Values are delivered once; those taken by a process that then dies are lost with it.
template <class T>
class Queue {
 public:
  static constexpr int kWaiters = 1000;  // puts, and gets, that may wait at once; further ones wait for these

  // Of an empty handle; see Make.
  Queue() = default;
  explicit Queue(Actor<internal::QueueKeeper<T>> actor) : actor_(std::move(actor)) {}
  // Starts a queue. `max_size` 0: any number of values. `options`: of its actor.
  static Queue Make(uint64_t max_size = 0, ActorOptions options = {}) {
    options.concurrency_groups = {{"put", kWaiters, {method_id<&Keeper::Put>()}},
                                  {"get", kWaiters, {method_id<&Keeper::Get>()}}};
    return Queue(orrery::actor<Keeper>(std::move(options))(max_size));
  }

  // Adds a value; waits for room.
  void put(const T& value) const { actor_.template call<&Keeper::Put>(value, int64_t{-1}).get(); }
  // False when there was no room within that time.
  template <class Rep, class Period>
  bool put(const T& value, std::chrono::duration<Rep, Period> timeout) const {
    return actor_.template call<&Keeper::Put>(value, internal::Nanoseconds(timeout)).get();
  }
  // Takes the oldest value; waits for one.
  T get() const { return std::move(*actor_.template call<&Keeper::Get>(int64_t{-1}).get()); }
  // Nothing when there was none within that time.
  template <class Rep, class Period>
  std::optional<T> get(std::chrono::duration<Rep, Period> timeout) const {
    return actor_.template call<&Keeper::Get>(internal::Nanoseconds(timeout)).get();
  }
  uint64_t size() const { return actor_.template call<&Keeper::Size>().get(); }
  const Actor<internal::QueueKeeper<T>>& keeper() const { return actor_; }

 private:
  using Keeper = internal::QueueKeeper<T>;
  Actor<Keeper> actor_;
};

template <class T>
struct Codec<Queue<T>> {
  using Handle = Codec<Actor<internal::QueueKeeper<T>>>;
  static constexpr bool kSupported = Encodable<T>;
  static constexpr uint64_t kTag = HashName("queue");
  using Parts = TypeList<T>;
  static void Encode(const Queue<T>& queue, Writer& out) { Handle::Encode(queue.keeper(), out); }
  static Queue<T> Decode(Reader& in) { return Queue<T>(Handle::Decode(in)); }
};

}  // namespace orrery
