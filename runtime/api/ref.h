// Ref<T>: a value that exists, or will. Counted in this process; with the last copy the value is let go.
#pragma once

#include <atomic>
#include <chrono>
#include <compare>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "runtime/common/ids.h"
#include "runtime/env/address.h"

namespace orrery {

template <class E>
class View;

namespace internal {

class Client;

// What all copies of one ref share.
struct ObjectState {
  std::atomic<uint32_t> count{1};
  ObjectId id;
  Client* client = nullptr;  // clients are never freed
  Address owner;             // of another process's object; {}: it is this process's own
  uint64_t type = 0;         // TypeTag of the value; 0: not known
};

// Made and freed in rows of thousands, where malloc is slow: from a list of the thread's own.
ObjectState* NewObjectState(ObjectId id, Client* client);
// The last ref is gone.
void ReleaseObject(ObjectState* state);
// Throws MalformedError when `state` is known to be of another type.
void CheckType(const ObjectState* state, uint64_t type);

// A fingerprint of how values of type T are laid out (stored.h).
template <class T>
consteval uint64_t TypeTag();
// T::value_type of what can be read in place; void for other types (stored.h).
template <class T>
struct ElementOf;

}  // namespace internal

// A ref without its type; what Ref<T> is made of. Copying is one atomic increment. Threads may share copies.
class ObjectRef {
 public:
  ObjectRef() = default;
  explicit ObjectRef(internal::ObjectState* adopted) : state_(adopted) {}
  ObjectRef(const ObjectRef& other) : state_(other.state_) {
    if (state_ != nullptr) state_->count.fetch_add(1, std::memory_order_relaxed);
  }
  ObjectRef(ObjectRef&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
  ObjectRef& operator=(ObjectRef other) noexcept {
    std::swap(state_, other.state_);
    return *this;
  }
  ~ObjectRef() {
    if (state_ != nullptr && state_->count.fetch_sub(1, std::memory_order_acq_rel) == 1)
      internal::ReleaseObject(state_);
  }
  explicit operator bool() const { return state_ != nullptr; }
  // {} for an empty ref.
  ObjectId id() const { return state_ == nullptr ? ObjectId{} : state_->id; }
  // The task that makes the value; a put has an id of this kind, too.
  TaskId task() const { return id().task; }
  auto operator<=>(const ObjectRef& other) const { return id() <=> other.id(); }
  bool operator==(const ObjectRef& other) const { return id() == other.id(); }
  // For the runtime.
  const internal::ObjectState* state() const { return state_; }

 protected:
  internal::ObjectState* state_ = nullptr;
};

// Names a T. Pass it where a task's function takes a T: the task starts when the value is there. Pass it where a
// function takes a Ref<T>, or inside other values: the function gets the ref itself, which keeps the value alive.
template <class T>
class Ref : public ObjectRef {
 public:
  using Value = T;
  Ref() = default;
  explicit Ref(internal::ObjectState* adopted) : ObjectRef(adopted) { adopted->type = internal::TypeTag<T>(); }
  // A ref that lost its type. Throws MalformedError when it is known to have another one.
  explicit Ref(const ObjectRef& untyped) : ObjectRef(untyped) { internal::CheckType(state_, internal::TypeTag<T>()); }

  // Waits for the value and returns a copy. Throws what became of the task (errors.h).
  T get() const;
  // The same, but throws TimeoutError when `timeout` passes first.
  template <class Rep, class Period>
  T get(std::chrono::duration<Rep, Period> timeout) const;
  // Waits for the value and returns a look at it: nothing is copied when it lies in shared memory. For vectors and
  // strings of trivially copyable elements. See View.
  View<typename internal::ElementOf<T>::Type> view() const
    requires(!std::is_void_v<typename internal::ElementOf<T>::Type>);
};

namespace internal {

template <class T>
inline constexpr bool kIsRef = false;
template <class T>
inline constexpr bool kIsRef<Ref<T>> = true;

}  // namespace internal
}  // namespace orrery
