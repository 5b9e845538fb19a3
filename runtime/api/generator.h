// Functions that yield values one after the other: as tasks and methods they hand out refs while they go on.
//
//   orrery::Generator<int> count(int n) {
//     for (int i = 0; i < n; ++i) co_yield i;
//   }
//   for (orrery::Ref<int> item : orrery::remote<&count>(5)) std::cout << item.get();
#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "runtime/api/outgoing.h"
#include "runtime/api/ref.h"

namespace orrery {

// A coroutine that makes its values when they are asked for. Movable; iterated over once. (std::generator is C++23.)
template <class T>
class Generator {
 public:
  using Item = T;
  struct promise_type {
    const T* item = nullptr;
    std::exception_ptr failure;
    Generator get_return_object() { return Generator(Handle::from_promise(*this)); }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    // The yielded value lives until the coroutine goes on.
    std::suspend_always yield_value(const T& value) noexcept {
      item = std::addressof(value);
      return {};
    }
    void return_void() {}
    void unhandled_exception() { failure = std::current_exception(); }
  };

  Generator(Generator&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Generator& operator=(Generator&&) = delete;
  ~Generator() {
    if (handle_) handle_.destroy();
  }
  // The next value, which lives until the next call; nullptr after the last. Throws what the coroutine throws.
  const T* Next() {
    if (handle_.done()) return nullptr;
    handle_.resume();
    if (handle_.promise().failure) std::rethrow_exception(std::exchange(handle_.promise().failure, nullptr));
    return handle_.done() ? nullptr : handle_.promise().item;
  }

 private:
  using Handle = std::coroutine_handle<promise_type>;
  explicit Generator(Handle handle) : handle_(handle) {}
  Handle handle_;
};

namespace internal {

class Stream;

// The items of a generator of this process, without their type. Movable.
class AnyRefGenerator {
 public:
  explicit AnyRefGenerator(ObjectState* end);
  AnyRefGenerator(AnyRefGenerator&&) noexcept;
  AnyRefGenerator& operator=(AnyRefGenerator&&) noexcept;
  ~AnyRefGenerator();
  // Waits; an empty ref after the last item.
  ObjectRef Next();
  const ObjectRef& end() const;

 private:
  std::unique_ptr<Stream> stream_;
};

template <class T>
inline constexpr bool kIsGenerator = false;
template <class T>
inline constexpr bool kIsGenerator<Generator<T>> = true;

// The running task, a generator, on its way from item to item. On one thread.
class Yielder {
 public:
  // Of the task that this thread runs.
  Yielder();
  Yielder(Client& client, TaskId task, uint32_t execution) : client_(client), task_(task), execution_(execution) {}
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

template <class T>
void YieldAll(Generator<T> generator) {
  Yielder yielder;
  while (const T* item = generator.Next()) {
    if (!yielder.Yield(*item)) return;
  }
}

}  // namespace internal

// What a call of a generator gives: refs of its items, in order, each as soon as the item is there. A ref's get()
// throws what the generator failed with; nothing follows that one. When this goes, what was not taken goes, too, and
// the generator ends at its next co_yield. Any thread.
template <class T>
class RefGenerator {
 public:
  explicit RefGenerator(internal::ObjectState* end) : items_(end) {}

  // Waits for the next item; nullopt after the last.
  std::optional<Ref<T>> next() {
    ObjectRef item = items_.Next();
    return item ? std::optional(Ref<T>(item)) : std::nullopt;
  }
  // Has its value when the generator has ended; throws what it failed with.
  Ref<void> completed() const { return Ref<void>(items_.end()); }
  // For cancel().
  const ObjectRef& ref() const { return items_.end(); }

  class Iterator {
   public:
    using value_type = Ref<T>;
    using difference_type = std::ptrdiff_t;
    using iterator_category = std::input_iterator_tag;
    Iterator() = default;
    explicit Iterator(RefGenerator* generator) : generator_(generator) { ++*this; }
    const Ref<T>& operator*() const { return *item_; }
    Iterator& operator++() {
      item_ = generator_->next();
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const { return !item_; }

   private:
    RefGenerator* generator_ = nullptr;
    std::optional<Ref<T>> item_;
  };
  Iterator begin() { return Iterator(this); }
  std::default_sentinel_t end() const { return {}; }

 private:
  internal::AnyRefGenerator items_;
};

namespace internal {

// What a call gives for the ref of its one return.
template <class Result>
auto Returned(ObjectState* first) {
  if constexpr (kIsGenerator<Result>)
    return RefGenerator<typename Result::Item>(first);
  else
    return Ref<Result>(first);
}

}  // namespace internal
}  // namespace orrery
