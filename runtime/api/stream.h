// What a generator yields, ref by ref, for the process that submitted it. Internal; the public side is generator.h.
#pragma once

#include <cstdint>
#include <mutex>

#include "runtime/api/client.h"
#include "runtime/api/ref.h"

namespace orrery::internal {

// The items of one generator, in order. Any thread. When it goes, what was not taken goes, too, and the generator is
// closed at its next item.
class Stream {
 public:
  // `end`: the one return of a streaming task of this process; it has its value when the generator has ended.
  explicit Stream(ObjectRef end);
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  enum class Outcome : uint8_t { kItem, kEnd, kTimedOut };
  // Waits for the next item: its ref, whose value may be the error that the generator failed with.
  Outcome Next(int64_t timeout_ns, ObjectRef& item);
  // What Next waits for, for waits on several things.
  ObjectRef pending();
  const ObjectRef& end() const { return end_; }

 private:
  Client& client_;
  const ObjectRef end_;
  std::mutex mutex_;
  uint32_t taken_ = 0;  // under mutex_
  ObjectRef next_;      // under mutex_; empty: the end was reached
};

}  // namespace orrery::internal
