// The fields of an aggregate without help from its author: counted by trying initialisers, reached by structured
// bindings.
#pragma once

#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>

namespace orrery::internal {

inline constexpr int kMaxFields = 16;

// Converts to anything but the aggregate itself, so that `T{AnyField<T>(), …}` compiles with as many as T has fields.
// A prvalue that is not const: optional's converting constructor is then the better match instead of an ambiguous one.
template <class Owner>
struct AnyField {
  template <class T>
    requires(!std::is_same_v<std::remove_cv_t<T>, Owner>)
  operator T() const noexcept {  // NOLINT(google-explicit-constructor): never called
    __builtin_unreachable();
  }
};

template <class T, size_t... I>
consteval bool InitialisableWith(std::index_sequence<I...>) {
  return requires { T{((void)I, AnyField<T>{})...}; };
}

// Number of fields of an aggregate; -1 when there are more than kMaxFields or T is none. Fields may have any type but
// array (use std::array); T may have no base class.
template <class T, int kTry = kMaxFields + 1>
consteval int FieldCount() {
  if constexpr (!std::is_aggregate_v<T> || std::is_array_v<T> || std::is_union_v<T>)
    return -1;
  else if constexpr (InitialisableWith<T>(std::make_index_sequence<static_cast<size_t>(kTry)>{})) {
    return kTry > kMaxFields ? -1 : kTry;
  } else if constexpr (kTry == 0) {
    return -1;
  } else {
    return FieldCount<T, kTry - 1>();
  }
}

// Calls `visit(field1, field2, …)` with references to all fields.
template <class T, class Visit>
constexpr decltype(auto) VisitFields(T& value, Visit&& visit) {
  constexpr int kCount = FieldCount<std::remove_cv_t<T>>();
  static_assert(kCount >= 0, "not an aggregate of at most 16 fields");
  if constexpr (kCount == 0) {
    return visit();
  } else if constexpr (kCount == 1) {
    auto& [f1] = value;
    return visit(f1);
  } else if constexpr (kCount == 2) {
    auto& [f1, f2] = value;
    return visit(f1, f2);
  } else if constexpr (kCount == 3) {
    auto& [f1, f2, f3] = value;
    return visit(f1, f2, f3);
  } else if constexpr (kCount == 4) {
    auto& [f1, f2, f3, f4] = value;
    return visit(f1, f2, f3, f4);
  } else if constexpr (kCount == 5) {
    auto& [f1, f2, f3, f4, f5] = value;
    return visit(f1, f2, f3, f4, f5);
  } else if constexpr (kCount == 6) {
    auto& [f1, f2, f3, f4, f5, f6] = value;
    return visit(f1, f2, f3, f4, f5, f6);
  } else if constexpr (kCount == 7) {
    auto& [f1, f2, f3, f4, f5, f6, f7] = value;
    return visit(f1, f2, f3, f4, f5, f6, f7);
  } else if constexpr (kCount == 8) {
    auto& [f1, f2, f3, f4, f5, f6, f7, f8] = value;
    return visit(f1, f2, f3, f4, f5, f6, f7, f8);
  } else if constexpr (kCount == 9) {
    auto& [f1, f2, f3, f4, f5, f6, f7, f8, f9] = value;
    return visit(f1, f2, f3, f4, f5, f6, f7, f8, f9);
  } else if constexpr (kCount == 10) {
    auto& [f1, f2, f3, f4, f5, f6, f7, f8, f9, f10] = value;
    return visit(f1, f2, f3, f4, f5, f6, f7, f8, f9, f10);
  } else if constexpr (kCount == 11) {
    auto& [f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11] = value;
    return visit(f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11);
  } else if constexpr (kCount == 12) {
    auto& [f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12] = value;
    return visit(f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12);
  } else if constexpr (kCount == 13) {
    auto& [f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13] = value;
    return visit(f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13);
  } else if constexpr (kCount == 14) {
    auto& [f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14] = value;
    return visit(f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14);
  } else if constexpr (kCount == 15) {
    auto& [f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15] = value;
    return visit(f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15);
  } else if constexpr (kCount == 16) {
    auto& [f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16] = value;
    return visit(f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16);
  }
}

struct TieFields {
  template <class... Fs>
  constexpr std::tuple<Fs&...> operator()(Fs&... fields) const {
    return {fields...};
  }
};
// std::tuple<Field1&, Field2&, …>.
template <class T>
using FieldTuple = decltype(VisitFields(std::declval<T&>(), TieFields{}));

}  // namespace orrery::internal
