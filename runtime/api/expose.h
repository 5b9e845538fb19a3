// C++ functions that programs in other languages call by name, with values that both sides can express. Header only,
// and independent of the rest: compile it into a shared library, which a Python driver names in
// init(code_search_path=[…]).
//
//   #include <orrery/expose.h>
//   int64_t Plus(int64_t a, int64_t b) { return a + b; }
//   static const bool exposed = orrery::expose<&Plus>("Plus");
//
//   ray.cpp_function("Plus").remote(1, 2)          # in Python
//
//   C++                                    Python
//   void, std::monostate                   None
//   bool, integers, float and double       bool, int, float (an int where a float is wanted)
//   std::string, std::vector<std::byte>    str, bytes
//   std::vector<T>, std::tuple, std::pair  list (or tuple)
//   std::map<std::string, T>               dict
//   std::optional<T>                       None, or T
//   orrery::Value                          any of these
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace orrery {

// A value of any kind.
struct Value {
  using List = std::vector<Value>;
  using Dict = std::map<std::string, Value>;
  using Bytes = std::vector<std::byte>;
  std::variant<std::monostate, bool, int64_t, double, std::string, Bytes, List, Dict> data;
};

// The arguments do not fit the function; what() says which and why.
class ArgumentError : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
};

namespace exposed {

// How T is called in messages, and how it is taken from and made into a Value. Take returns nullopt where it does not
// fit.
template <class T>
struct Convert;

inline const char* KindOf(const Value& value) {
  static constexpr const char* kNames[] = {"None", "bool", "int", "float", "str", "bytes", "list", "dict"};
  return kNames[value.data.index()];
}

template <>
struct Convert<Value> {
  static std::string Name() { return "any value"; }
  static std::optional<Value> Take(const Value& value) { return value; }
  static Value Make(Value value) { return value; }
};
template <>
struct Convert<std::monostate> {
  static std::string Name() { return "None"; }
  static std::optional<std::monostate> Take(const Value& value) {
    return value.data.index() == 0 ? std::optional(std::monostate{}) : std::nullopt;
  }
  static Value Make(std::monostate) { return {}; }
};
template <>
struct Convert<bool> {
  static std::string Name() { return "bool"; }
  static std::optional<bool> Take(const Value& value) {
    const bool* found = std::get_if<bool>(&value.data);
    return found == nullptr ? std::nullopt : std::optional(*found);
  }
  static Value Make(bool value) { return {value}; }
};
template <std::integral T>
struct Convert<T> {
  static std::string Name() {
    return "int from " + std::to_string(std::numeric_limits<T>::min()) + " to " +
           std::to_string(std::numeric_limits<T>::max());
  }
  static std::optional<T> Take(const Value& value) {
    const int64_t* found = std::get_if<int64_t>(&value.data);
    return found != nullptr && std::in_range<T>(*found) ? std::optional(static_cast<T>(*found)) : std::nullopt;
  }
  static Value Make(T value) {
    if (!std::in_range<int64_t>(value)) throw std::overflow_error("a result is above the largest int64_t");
    return {static_cast<int64_t>(value)};
  }
};
template <std::floating_point T>
struct Convert<T> {
  static std::string Name() { return "float"; }
  static std::optional<T> Take(const Value& value) {
    if (const double* found = std::get_if<double>(&value.data)) return static_cast<T>(*found);
    if (const int64_t* found = std::get_if<int64_t>(&value.data)) return static_cast<T>(*found);
    return std::nullopt;
  }
  static Value Make(T value) { return {static_cast<double>(value)}; }
};
template <>
struct Convert<std::string> {
  static std::string Name() { return "str"; }
  static std::optional<std::string> Take(const Value& value) {
    const std::string* found = std::get_if<std::string>(&value.data);
    return found == nullptr ? std::nullopt : std::optional(*found);
  }
  static Value Make(std::string value) { return {std::move(value)}; }
};
template <>
struct Convert<Value::Bytes> {
  static std::string Name() { return "bytes"; }
  static std::optional<Value::Bytes> Take(const Value& value) {
    const Value::Bytes* found = std::get_if<Value::Bytes>(&value.data);
    return found == nullptr ? std::nullopt : std::optional(*found);
  }
  static Value Make(Value::Bytes value) { return {std::move(value)}; }
};
template <class T>
struct Convert<std::optional<T>> {
  static std::string Name() { return Convert<T>::Name() + " or None"; }
  static std::optional<std::optional<T>> Take(const Value& value) {
    if (value.data.index() == 0) return std::optional<T>();
    std::optional<T> taken = Convert<T>::Take(value);
    return taken ? std::optional(std::move(taken)) : std::nullopt;
  }
  static Value Make(std::optional<T> value) { return value ? Convert<T>::Make(std::move(*value)) : Value{}; }
};
template <class T>
struct Convert<std::vector<T>> {
  static std::string Name() { return "list of " + Convert<T>::Name(); }
  static std::optional<std::vector<T>> Take(const Value& value) {
    const Value::List* list = std::get_if<Value::List>(&value.data);
    if (list == nullptr) return std::nullopt;
    std::vector<T> taken;
    taken.reserve(list->size());
    for (const Value& element : *list) {
      std::optional<T> one = Convert<T>::Take(element);
      if (!one) return std::nullopt;
      taken.push_back(std::move(*one));
    }
    return taken;
  }
  static Value Make(std::vector<T> value) {
    Value::List list;
    list.reserve(value.size());
    for (auto&& element : value) list.push_back(Convert<T>::Make(std::move(element)));
    return {std::move(list)};
  }
};
template <class T>
struct Convert<std::map<std::string, T>> {
  static std::string Name() { return "dict of " + Convert<T>::Name(); }
  static std::optional<std::map<std::string, T>> Take(const Value& value) {
    const Value::Dict* dict = std::get_if<Value::Dict>(&value.data);
    if (dict == nullptr) return std::nullopt;
    std::map<std::string, T> taken;
    for (const auto& [key, element] : *dict) {
      std::optional<T> one = Convert<T>::Take(element);
      if (!one) return std::nullopt;
      taken.emplace(key, std::move(*one));
    }
    return taken;
  }
  static Value Make(std::map<std::string, T> value) {
    Value::Dict dict;
    for (auto& [key, element] : value) dict.emplace(key, Convert<T>::Make(std::move(element)));
    return {std::move(dict)};
  }
};
template <class Tuple, size_t... I>
std::optional<Tuple> TakeTuple(const Value& value, std::index_sequence<I...>) {
  const Value::List* list = std::get_if<Value::List>(&value.data);
  if (list == nullptr || list->size() != sizeof...(I)) return std::nullopt;
  auto parts = std::tuple(Convert<std::tuple_element_t<I, Tuple>>::Take((*list)[I])...);
  if (!(std::get<I>(parts).has_value() && ...)) return std::nullopt;
  return Tuple(std::move(*std::get<I>(parts))...);
}
template <class... Ts>
std::string Names() {
  std::string text;
  ((text += (text.empty() ? "" : ", ") + Convert<Ts>::Name()), ...);
  return text;
}
template <class... Ts>
struct Convert<std::tuple<Ts...>> {
  static std::string Name() { return "list [" + Names<Ts...>() + "]"; }
  static std::optional<std::tuple<Ts...>> Take(const Value& value) {
    return TakeTuple<std::tuple<Ts...>>(value, std::index_sequence_for<Ts...>{});
  }
  static Value Make(std::tuple<Ts...> value) {
    return std::apply([](auto&&... parts) { return Value{Value::List{Convert<Ts>::Make(std::move(parts))...}}; },
                      std::move(value));
  }
};
template <class A, class B>
struct Convert<std::pair<A, B>> {
  static std::string Name() { return Convert<std::tuple<A, B>>::Name(); }
  static std::optional<std::pair<A, B>> Take(const Value& value) {
    return TakeTuple<std::pair<A, B>>(value, std::make_index_sequence<2>{});
  }
  static Value Make(std::pair<A, B> value) {
    return Convert<std::tuple<A, B>>::Make({std::move(value.first), std::move(value.second)});
  }
};

// ---- functions by name ----

using Function = Value (*)(const std::string& name, const std::vector<Value>& args);
using Table = std::map<std::string, Function>;

template <class T>
T TakeArgument(const std::string& name, const std::vector<Value>& args, size_t i) {
  std::optional<T> taken = Convert<T>::Take(args[i]);
  if (taken) return std::move(*taken);
  throw ArgumentError(name + ": argument " + std::to_string(i + 1) + " is to be " + Convert<T>::Name() +
                      "; it is of type " + KindOf(args[i]) + ", or has parts that do not fit");
}

template <auto kFunction>
struct Call;
template <class R, class... Ps, R (*kFunction)(Ps...)>
struct Call<kFunction> {
  static_assert(!((std::is_lvalue_reference_v<Ps> && !std::is_const_v<std::remove_reference_t<Ps>>) || ...),
                "orrery: an exposed function works on copies of its arguments: take them by value or const reference");
  template <size_t... I>
  static Value With(const std::string& name, const std::vector<Value>& args, std::index_sequence<I...>) {
    if (args.size() != sizeof...(Ps)) {
      throw ArgumentError(name + " takes " + std::to_string(sizeof...(Ps)) + " arguments (" +
                          Names<std::remove_cvref_t<Ps>...>() + "), not " + std::to_string(args.size()));
    }
    std::tuple<std::remove_cvref_t<Ps>...> taken{TakeArgument<std::remove_cvref_t<Ps>>(name, args, I)...};
    if constexpr (std::is_void_v<R>) {
      kFunction(std::forward<Ps>(std::get<I>(taken))...);
      return {};
    } else {
      return Convert<std::remove_cvref_t<R>>::Make(kFunction(std::forward<Ps>(std::get<I>(taken))...));
    }
  }
  static Value Run(const std::string& name, const std::vector<Value>& args) {
    return With(name, args, std::index_sequence_for<Ps...>{});
  }
};

// Of the library that this is compiled into: hidden, since the loader would make one of all libraries' otherwise.
__attribute__((visibility("hidden"))) inline Table& Functions() {
  static Table table;
  return table;
}

// What a library and who loads it must agree on: this header, and the standard library's layout.
struct Library {
  uint64_t abi;
  const Table* functions;
};
inline constexpr uint64_t kAbi =
    1 + 1000 * sizeof(Value) + 1'000'000 * sizeof(Table) + 1'000'000'000 * sizeof(std::string);
inline constexpr const char* kEntry = "orrery_exposed_functions";

}  // namespace exposed

// Once per name, while the library is loaded. False: the name is taken.
template <auto kFunction>
bool expose(const std::string& name) {
  return exposed::Functions().emplace(name, &exposed::Call<kFunction>::Run).second;
}

}  // namespace orrery

extern "C" {
__attribute__((used, visibility("default"))) inline orrery::exposed::Library orrery_exposed_functions() {
  return {orrery::exposed::kAbi, &orrery::exposed::Functions()};
}
}
