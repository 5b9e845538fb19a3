// remote and task: calling a function elsewhere.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "runtime/api/function.h"
#include "runtime/api/options.h"
#include "runtime/api/outgoing.h"
#include "runtime/api/ref.h"
#include "runtime/messages/message.h"

namespace orrery {

namespace internal {

// Options that do not belong to the scheduling class.
struct CallOptions {
  std::optional<int> max_retries;
  bool retry_exceptions = false;
  std::string name;
  uint32_t num_returns = 1;
  uint32_t max_unconsumed = 0;  // of a generator; 0: any number
};

// One task under construction. Blocks while this process has too many unfinished tasks; throws UnavailableError outside
// a session.
class Submission {
 public:
  Submission(const FunctionInfo& function, uint32_t class_id, const CallOptions* options);

  // The next argument. One too large to travel with the task becomes an object (see put).
  template <class T>
  void AddValue(const T& value) {
    Outgoing out(NextArgument());
    out.Encode(value);
    Finish(out);
  }
  // The next argument is the value of this ref.
  void AddRef(const ObjectRef& ref);
  // Hands the task over; a ref to its result.
  ObjectState* Send();
  // The same for an actor with a name; returns when the cluster knows whether it is free (ActorFound).
  ObjectState* SendNamed(Message* answer);
  // The SubmitTask.
  Message& message() { return message_; }

 private:
  uint64_t Number();
  std::string& NextArgument();
  void Finish(Outgoing& value);

  Client& client_;
  const FunctionInfo& function_;
  const uint32_t class_id_;
  Message message_;  // SubmitTask
  std::vector<ObjectRef> kept_;  // until it is handed over
};

// Parameters that take what a sequence holds without a copy.
template <class T>
inline constexpr bool kIsView = false;
template <class E>
inline constexpr bool kIsView<View<E>> = true;
template <class P, class T>
consteval bool Shows() {
  if constexpr (kIsView<P> && !kIsView<T>)
    return std::is_same_v<typename ElementOf<T>::Type, typename ElementOf<P>::Type>;
  else
    return false;
}

template <class P, class A>
consteval bool AcceptsArgument() {
  using Given = std::remove_cvref_t<A>;
  using Stored = StoredArgument<P>;
  if constexpr (kIsRef<Stored> && std::is_same_v<Given, Stored>)
    return true;  // the ref itself
  else if constexpr (kIsRef<Given>)
    return std::is_same_v<typename Given::Value, Stored> || Shows<Stored, typename Given::Value>();
  else
    return std::is_convertible_v<A, Stored> || Shows<Stored, Given>();
}
template <class Parameters, class... As>
inline constexpr bool kAccepts = false;
template <class... Ps, class... As>
  requires(sizeof...(Ps) == sizeof...(As))
inline constexpr bool kAccepts<TypeList<Ps...>, As...> = (AcceptsArgument<Ps, As>() && ...);

template <class P, class A>
void AddArgument(Submission& submission, A&& argument) {
  using Stored = StoredArgument<P>;
  using Given = std::remove_cvref_t<A>;
  if constexpr (std::is_same_v<Given, Stored> || Shows<Stored, Given>()) {
    submission.AddValue(argument);
  } else if constexpr (kIsRef<Given>) {
    submission.AddRef(argument);
  } else {
    const Stored converted = std::forward<A>(argument);
    submission.AddValue(converted);
  }
}

template <auto kFunction, class... Ps, class... As>
auto StartTask(uint32_t class_id, const CallOptions* options, TypeList<Ps...>, As&&... args) {
  Submission submission(InfoFor<kFunction>(), class_id, options);
  (AddArgument<Ps>(submission, std::forward<As>(args)), ...);
  return Returned<typename Registered<kFunction>::Result>(submission.Send());
}

}  // namespace internal

// The arguments fit the function: one for each parameter, convertible to it, or a Ref of its type.
template <auto kFunction, class... As>
concept AcceptsArguments =
    internal::kAccepts<typename internal::FunctionTraits<decltype(kFunction)>::Parameters, As...>;

// A function with options, to be called often: looking the options up costs more than a call.
template <auto kFunction>
class Task {
 public:
  explicit Task(const TaskOptions& options)
      : class_id_(internal::ClassFor(internal::InfoFor<kFunction>().id, options)),
        options_{options.max_retries, options.retry_exceptions, options.name, 1, options.generator_backpressure} {}

  template <class... As>
    requires AcceptsArguments<kFunction, As...>
  auto operator()(As&&... args) const {
    using Parameters = typename internal::FunctionTraits<decltype(kFunction)>::Parameters;
    return internal::StartTask<kFunction>(class_id_, &options_, Parameters{}, std::forward<As>(args)...);
  }

 private:
  uint32_t class_id_;
  internal::CallOptions options_;
};

template <auto kFunction>
Task<kFunction> task(const TaskOptions& options) {
  return Task<kFunction>(options);
}

// Runs f(args…) on some node: auto sum = orrery::remote<&add>(1, 2);  sum.get() == 3. Returns at once.
template <auto kFunction, class... As>
  requires AcceptsArguments<kFunction, As...>
auto remote(As&&... args) {
  using Parameters = typename internal::FunctionTraits<decltype(kFunction)>::Parameters;
  static const uint32_t class_id = internal::ClassFor(internal::InfoFor<kFunction>().id, {});
  return internal::StartTask<kFunction>(class_id, nullptr, Parameters{}, std::forward<As>(args)...);
}

}  // namespace orrery
