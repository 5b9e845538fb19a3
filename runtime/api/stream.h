// What a generator yields, ref by ref, for the process that submitted it; and the generator's own side.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>

#include "runtime/api/client.h"
#include "runtime/api/outgoing.h"
#include "runtime/api/ref.h"
#include "runtime/messages/message.h"

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

// The running task, a generator, on its way from item to item. On one thread.
class Yielder {
 public:
  // `execute`: ExecuteTask.
  Yielder(const Message& execute, Client& client);
  // Hands the value over, and waits until the next may be made. False: nobody wants any more. Throws as
  // Outgoing::Encode does, and CancelledError when the task was cancelled.
  template <class T>
  bool Yield(const T& value) {
    std::string bytes;
    Outgoing out(bytes, {task_, ++items_});
    out.Encode(value);
    return Send(out, std::move(bytes));
  }

 private:
  bool Send(Outgoing& value, std::string bytes);

  Client& client_;
  const TaskId task_;
  const uint32_t execution_;
  uint32_t items_ = 0;
};

}  // namespace orrery::internal
