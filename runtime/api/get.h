// Waiting for values: get, wait, put, cancel.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "runtime/api/codec.h"
#include "runtime/api/outgoing.h"
#include "runtime/api/ref.h"

namespace orrery {

namespace internal {

inline constexpr int64_t kForEver = -1;  // as a time-out in nanoseconds

template <class Rep, class Period>
int64_t Nanoseconds(std::chrono::duration<Rep, Period> timeout) {
  const auto ns = std::chrono::duration_cast<std::chrono::nanoseconds>(timeout).count();
  return ns < 0 ? 0 : ns;
}

// Answer to a get: the encoded values, in the order asked for. Those in shared memory stay there as long as this does.
class Values {
 public:
  struct Body;
  explicit Values(Body* body) : body_(body) {}
  // Throws the error that stands in the value's place.
  Incoming At(size_t i) const;
  // What the value at `i`, which lies in shared memory, lives by; once.
  std::shared_ptr<const void> TakePin(size_t i);

 private:
  struct Delete {
    void operator()(Body* body) const;
  };
  std::unique_ptr<Body, Delete> body_;
};

// Refs of one type lie in memory as plain ObjectRefs.
template <class T>
const ObjectRef* Plain(const Ref<T>* refs) {
  static_assert(sizeof(Ref<T>) == sizeof(ObjectRef));
  return refs;
}

// All throw UnavailableError outside a session, CancelledError when the calling task is cancelled meanwhile.
Values GetValues(const ObjectRef* refs, size_t count, int64_t timeout_ns);
std::vector<uint32_t> WaitFor(const ObjectRef* refs, size_t count, size_t num_returns, int64_t timeout_ns);
ObjectState* PutValue(Outgoing& value, std::string bytes);

template <class T>
T ValueAt(const Values& values, size_t i) {
  const Incoming value = values.At(i);
  if constexpr (!std::is_void_v<T>) return DecodeIncoming<T>(value);
}

template <class T>
auto ViewOf(Values values) {
  using E = typename ElementOf<T>::Type;
  const Incoming value = values.At(0);
  if (value.stored) {
    const std::span<const E> elements = InPlace<T>(value.bytes);
    return View<E>(elements, values.TakePin(0));
  }
  const T copy = DecodeFrom<T>(value.bytes);
  return CopiedView(std::span<const E>(copy.data(), copy.size()));
}

template <class T>
using Collected =
    std::conditional_t<std::is_void_v<T>, void, std::vector<std::conditional_t<std::is_void_v<T>, char, T>>>;

template <class T>
Collected<T> GetAll(const std::vector<Ref<T>>& refs, int64_t timeout_ns) {
  const Values values = GetValues(Plain(refs.data()), refs.size(), timeout_ns);
  if constexpr (std::is_void_v<T>) {
    for (size_t i = 0; i < refs.size(); ++i) values.At(i);
  } else {
    std::vector<T> result;
    result.reserve(refs.size());
    for (size_t i = 0; i < refs.size(); ++i) result.push_back(ValueAt<T>(values, i));
    return result;
  }
}

}  // namespace internal

// Waits for the value. Errors of the task are thrown (errors.h). A task that waits lends its CPU to others meanwhile.
template <class T>
T get(const Ref<T>& ref) {
  return internal::ValueAt<T>(internal::GetValues(&ref, 1, internal::kForEver), 0);
}
template <class T, class Rep, class Period>
T get(const Ref<T>& ref, std::chrono::duration<Rep, Period> timeout) {
  return internal::ValueAt<T>(internal::GetValues(&ref, 1, internal::Nanoseconds(timeout)), 0);
}
// All values, in order; the first error among them is thrown once all are known. Nothing is returned for Ref<void>.
template <class T>
auto get(const std::vector<Ref<T>>& refs) -> internal::Collected<T> {
  return internal::GetAll(refs, internal::kForEver);
}
template <class T, class Rep, class Period>
auto get(const std::vector<Ref<T>>& refs, std::chrono::duration<Rep, Period> timeout) -> internal::Collected<T> {
  return internal::GetAll(refs, internal::Nanoseconds(timeout));
}
// Values of different types: auto [a, b] = get(ref_a, ref_b);
template <class A, class B, class... Ts>
std::tuple<A, B, Ts...> get(const Ref<A>& a, const Ref<B>& b, const Ref<Ts>&... rest) {
  const ObjectRef refs[] = {a, b, rest...};
  const internal::Values values = internal::GetValues(refs, 2 + sizeof...(Ts), internal::kForEver);
  return [&values]<size_t... I>(std::index_sequence<I...>) {
    return std::tuple<A, B, Ts...>{internal::ValueAt<std::tuple_element_t<I, std::tuple<A, B, Ts...>>>(values, I)...};
  }(std::make_index_sequence<2 + sizeof...(Ts)>{});
}

template <class T>
T Ref<T>::get() const {
  return orrery::get(*this);
}
template <class T>
template <class Rep, class Period>
T Ref<T>::get(std::chrono::duration<Rep, Period> timeout) const {
  return orrery::get(*this, timeout);
}

// Waits for the value and returns a look at it; nothing is copied when it lies in shared memory.
template <class T>
  requires internal::kInPlace<T>
View<typename internal::ElementOf<T>::Type> view(const Ref<T>& ref) {
  return internal::ViewOf<T>(internal::GetValues(&ref, 1, internal::kForEver));
}
template <class T, class Rep, class Period>
  requires internal::kInPlace<T>
View<typename internal::ElementOf<T>::Type> view(const Ref<T>& ref, std::chrono::duration<Rep, Period> timeout) {
  return internal::ViewOf<T>(internal::GetValues(&ref, 1, internal::Nanoseconds(timeout)));
}
template <class T>
View<typename internal::ElementOf<T>::Type> Ref<T>::view() const
  requires(!std::is_void_v<typename internal::ElementOf<T>::Type>)
{
  return orrery::view(*this);
}

template <class T>
struct WaitResult {
  std::vector<Ref<T>> ready;    // has a value or an error; in the order given
  std::vector<Ref<T>> unready;
};

// Returns when `num_returns` of the refs are ready (or more, if they are), or the time has passed. Throws no task's
// error.
template <class T, class Rep = int64_t, class Period = std::nano>
WaitResult<T> wait(const std::vector<Ref<T>>& refs, size_t num_returns = 1,
                   std::chrono::duration<Rep, Period> timeout = std::chrono::nanoseconds(-1)) {
  const int64_t ns = timeout < timeout.zero() ? internal::kForEver : internal::Nanoseconds(timeout);
  const std::vector<uint32_t> ready = internal::WaitFor(internal::Plain(refs.data()), refs.size(), num_returns, ns);
  WaitResult<T> result;
  size_t next = 0;
  for (size_t i = 0; i < refs.size(); ++i) {
    const bool is_ready = next < ready.size() && ready[next] == i;
    (is_ready ? result.ready : result.unready).push_back(refs[i]);
    next += is_ready;
  }
  return result;
}

// A value without a task: pass it to several tasks, encoded once. A large one (above inline_limit) is written once,
// straight into the node's shared memory; vectors and strings of trivially copyable elements by one copy. Waits while
// the store makes room; throws StoreFullError, DiskFullError or TooLargeError when there will be none.
template <class T>
  requires Encodable<std::remove_cvref_t<T>>
Ref<std::remove_cvref_t<T>> put(const T& value) {
  std::string bytes;
  internal::Outgoing out(bytes);
  out.Encode<std::remove_cvref_t<T>>(value);
  return Ref<std::remove_cvref_t<T>>(internal::PutValue(out, std::move(bytes)));
}
// Elements that lie in a row somewhere else, as a vector.
template <class E, size_t kExtent>
  requires internal::kInPlace<std::vector<std::remove_const_t<E>>>
Ref<std::vector<std::remove_const_t<E>>> put(std::span<E, kExtent> elements) {
  using Value = std::remove_const_t<E>;
  std::string bytes;
  internal::Outgoing out(bytes);
  out.Encode(View<Value>(elements, nullptr));
  return Ref<std::vector<Value>>(internal::PutValue(out, std::move(bytes)));
}

struct CancelOptions {
  bool force =
      false;  // kill the worker if the task runs; else the task must look at orrery::cancelled(), or wait in get
  bool recursive = true;  // also the tasks that the task submitted
};
// Asks that the task of `ref` does not go on; its value becomes CancelledError unless it finishes first. Returns at
// once.
void cancel(const ObjectRef& ref, CancelOptions options = {});

}  // namespace orrery
