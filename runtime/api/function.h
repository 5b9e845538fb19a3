// Functions as tasks: their names, identities and the thunks that call them. Instantiating Registered<&f> anywhere in a
// program enters f into the process's table before main; workers run the same executable, so they know it, too.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "runtime/api/codec.h"
#include "runtime/api/generator.h"
#include "runtime/api/outgoing.h"

namespace orrery::internal {

// Takes the encoded arguments, encodes the result.
using Thunk = void (*)(const std::vector<Incoming>& args, Outgoing& result);

inline constexpr size_t kAnyArity = ~size_t{0};  // the thunk looks itself

struct FunctionInfo {
  std::string_view name;  // "app::add"
  uint64_t id = 0;  // of name and signature
  size_t arity = 0;
  Thunk thunk = nullptr;
  bool streaming = false;  // it is a generator
};

// Enters a function. Two different ones under one id make the id unusable (FindFunction says so).
bool RegisterFunction(const FunctionInfo* info);
// kNotFound when this executable has no such function; kAlreadyExists when it has several.
Result<const FunctionInfo*> FindFunction(uint64_t id);

// ---- names ----

// The compiler's words for a function, made equal for GCC and clang: "app::add", "(anonymous namespace)::f".
struct FunctionName {
  std::array<char, 256> text{};
  size_t size = 0;
  constexpr std::string_view view() const { return {text.data(), size}; }
  consteval void Append(std::string_view part) {
    for (char c : part) {
      if (size < text.size()) text[size++] = c;
    }
  }
};

template <auto kOrreryFunction>
consteval std::string_view PrettyFunction() {
  return __PRETTY_FUNCTION__;
}

consteval FunctionName NormaliseName(std::string_view pretty) {
  constexpr std::string_view kKey = "kOrreryFunction = ";
  constexpr std::string_view kGccAnonymous = "{anonymous}";
  pretty.remove_prefix(pretty.find(kKey) + kKey.size());
  pretty = pretty.substr(0, pretty.find(';'));  // GCC explains std::string_view behind it
  if (pretty.back() == ']') pretty.remove_suffix(1);
  if (pretty.front() == '&') pretty.remove_prefix(1);
  FunctionName name;
  for (size_t at = pretty.find(kGccAnonymous); at != std::string_view::npos; at = pretty.find(kGccAnonymous)) {
    name.Append(pretty.substr(0, at));
    name.Append("(anonymous namespace)");
    pretty.remove_prefix(at + kGccAnonymous.size());
  }
  name.Append(pretty);
  return name;
}

template <auto kFunction>
inline constexpr FunctionName kNameOf = NormaliseName(PrettyFunction<kFunction>());

// ---- signatures ----

template <class P>
using StoredArgument = std::remove_cvref_t<P>;

template <class P>
inline constexpr bool kTakesReference = std::is_lvalue_reference_v<P> && !std::is_const_v<std::remove_reference_t<P>>;

template <class F>
struct FunctionTraits {
  static constexpr bool kIsFunction = false;
};
template <class R, class... Ps>
struct FunctionTraits<R (*)(Ps...)> {
  static constexpr bool kIsFunction = true;
  static constexpr size_t kArity = sizeof...(Ps);
  using Result = R;
  using Parameters = TypeList<Ps...>;
  using Stored = std::tuple<StoredArgument<Ps>...>;
};
template <class R, class... Ps>
struct FunctionTraits<R (*)(Ps...) noexcept> : FunctionTraits<R (*)(Ps...)> {};

template <class R>
consteval uint64_t ResultSchema() {
  if constexpr (std::is_void_v<R>)
    return HashName("void");
  else if constexpr (kIsGenerator<R>)
    return Mix64(HashName("generator")) ^ SchemaOf<typename R::Item>();
  else
    return SchemaOf<R>();
}
template <class R, class... Ps>
consteval uint64_t SignatureOf(TypeList<Ps...>) {
  uint64_t hash = ResultSchema<R>();
  ((hash = Mix64(hash + 0x9e3779b97f4a7c15ULL) ^ SchemaOf<StoredArgument<Ps>>()), ...);
  return hash;
}

// ---- the thunk ----

template <class T>
struct MustBeEncodable {
  static_assert(Encodable<T>,
                "orrery: the function has a parameter or result of type T that cannot be sent to another "
                "process; specialise orrery::Codec<T> (runtime/api/codec.h)");
};

template <class R>
consteval void CheckResult() {
  if constexpr (kIsGenerator<R>)
    (void)sizeof(MustBeEncodable<typename R::Item>);
  else if constexpr (!std::is_void_v<R>)
    (void)sizeof(MustBeEncodable<R>);
}

template <auto kFunction, class R, class... Ps>
struct ThunkFor {
  static_assert(!(kTakesReference<Ps> || ...),
                "orrery: a task works on copies of its arguments; take them by value or by "
                "const reference, and return what changed");
  template <size_t... I>
  static void CallWith(const std::vector<Incoming>& args, Outgoing& result, std::index_sequence<I...>) {
    (void)args;
    std::tuple<StoredArgument<Ps>...> stored{DecodeIncoming<StoredArgument<Ps>>(args[I])...};
    (void)stored;
    if constexpr (std::is_void_v<R>) {
      kFunction(std::forward<Ps>(std::get<I>(stored))...);
    } else if constexpr (kIsGenerator<std::remove_cvref_t<R>>) {
      YieldAll(kFunction(std::forward<Ps>(std::get<I>(stored))...));
    } else {
      result.Encode<std::remove_cvref_t<R>>(kFunction(std::forward<Ps>(std::get<I>(stored))...));
    }
  }
  static void Call(const std::vector<Incoming>& args, Outgoing& result) {
    CallWith(args, result, std::index_sequence_for<Ps...>{});
  }
};

template <auto kFunction>
struct Registered {
  using Traits = FunctionTraits<decltype(kFunction)>;
  static_assert(Traits::kIsFunction, "orrery: give a pointer to a free function or static member, as in remote<&f>(…)");
  using Result = std::remove_cvref_t<typename Traits::Result>;

  template <class... Ps>
  static constexpr FunctionInfo Describe(TypeList<Ps...> parameters) {
    (void)(sizeof(MustBeEncodable<StoredArgument<Ps>>) + ... + 0);
    CheckResult<Result>();
    const uint64_t id = Mix64(HashName(kNameOf<kFunction>.view())) ^ SignatureOf<Result>(parameters);
    return {kNameOf<kFunction>.view(), id, sizeof...(Ps), &ThunkFor<kFunction, typename Traits::Result, Ps...>::Call,
            kIsGenerator<Result>};
  }
  static constexpr FunctionInfo kInfo = Describe(typename Traits::Parameters{});
  inline static const bool registered = RegisterFunction(&kInfo);
};

// The entry of a function; naming it is what registers it.
template <auto kFunction>
const FunctionInfo& InfoFor() {
  (void)&Registered<kFunction>::registered;
  return Registered<kFunction>::kInfo;
}

}  // namespace orrery::internal
