// Codecs of the standard library's types. Included by codec.h.
#pragma once

#include <array>
#include <chrono>
#include <concepts>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

#include "runtime/api/codec.h"

namespace orrery {

template <class C, class Traits, class A>
struct Codec<std::basic_string<C, Traits, A>> {
  using T = std::basic_string<C, Traits, A>;
  static constexpr bool kSupported = true;
  static constexpr uint64_t kTag = HashName("sequence");
  using Parts = TypeList<C>;
  static void Encode(const T& value, Writer& out) {
    out.Size(value.size());
    out.Bytes(value.data(), value.size() * sizeof(C));
  }
  static T Decode(Reader& in) {
    T value(in.Count(sizeof(C)), C{});
    in.Bytes(value.data(), value.size() * sizeof(C));
    return value;
  }
};

namespace internal {

// Elements whose bytes in memory are their bytes on the wire.
template <class T>
inline constexpr bool kBulk = (std::is_arithmetic_v<T> && !std::is_same_v<T, bool>) || std::is_enum_v<T>;

template <class Container, class Element>
struct SequenceCodec {
  static constexpr bool kSupported = true;
  static constexpr uint64_t kTag = HashName("sequence");
  using Parts = TypeList<Element>;
  static void Encode(const Container& value, Writer& out) {
    out.Size(value.size());
    for (const auto& element : value) Codec<Element>::Encode(element, out);
  }
  static Container Decode(Reader& in) {
    Container value;
    for (size_t n = in.Count(MinBytesOf<Element>()); n > 0; --n) value.insert(value.end(), Codec<Element>::Decode(in));
    return value;
  }
};

template <class Map>
using EntryOf = std::pair<typename Map::key_type, typename Map::mapped_type>;

template <class Map>
struct MapCodec {
  static constexpr bool kSupported = true;
  static constexpr uint64_t kTag = HashName("map");
  using Parts = TypeList<typename Map::key_type, typename Map::mapped_type>;
  static void Encode(const Map& value, Writer& out) {
    out.Size(value.size());
    for (const auto& [key, mapped] : value) {
      Codec<typename Map::key_type>::Encode(key, out);
      Codec<typename Map::mapped_type>::Encode(mapped, out);
    }
  }
  static Map Decode(Reader& in) {
    Map value;
    using Entry = EntryOf<Map>;
    constexpr size_t kEntryBytes = MinBytesOf<typename Map::key_type>() + MinBytesOf<typename Map::mapped_type>();
    for (size_t n = in.Count(kEntryBytes); n > 0; --n) {
      value.insert(Entry{Codec<typename Map::key_type>::Decode(in), Codec<typename Map::mapped_type>::Decode(in)});
    }
    return value;
  }
};

}  // namespace internal

template <class T, class A>
struct Codec<std::vector<T, A>> {
  static constexpr bool kSupported = true;
  static constexpr uint64_t kTag = HashName("sequence");
  using Parts = TypeList<T>;
  static void Encode(const std::vector<T, A>& value, Writer& out) {
    out.Size(value.size());
    if constexpr (internal::kBulk<T>) {
      out.Bytes(value.data(), value.size() * sizeof(T));
    } else if constexpr (std::is_same_v<T, bool>) {
      for (bool element : value) out.Raw(static_cast<uint8_t>(element));
    } else {
      for (const T& element : value) Codec<T>::Encode(element, out);
    }
  }
  static std::vector<T, A> Decode(Reader& in) {
    const size_t count = in.Count(internal::MinBytesOf<T>());
    std::vector<T, A> value;
    if constexpr (internal::kBulk<T>) {
      value.resize(count);
      in.Bytes(value.data(), count * sizeof(T));
    } else {
      for (size_t i = 0; i < count; ++i) value.push_back(Codec<T>::Decode(in));
    }
    return value;
  }
};

template <class T, class A>
struct Codec<std::deque<T, A>> : internal::SequenceCodec<std::deque<T, A>, T> {};
template <class T, class A>
struct Codec<std::list<T, A>> : internal::SequenceCodec<std::list<T, A>, T> {};
template <class T, class C, class A>
struct Codec<std::set<T, C, A>> : internal::SequenceCodec<std::set<T, C, A>, T> {};
template <class T, class C, class A>
struct Codec<std::multiset<T, C, A>> : internal::SequenceCodec<std::multiset<T, C, A>, T> {};
template <class T, class H, class E, class A>
struct Codec<std::unordered_set<T, H, E, A>> : internal::SequenceCodec<std::unordered_set<T, H, E, A>, T> {};
template <class K, class V, class C, class A>
struct Codec<std::map<K, V, C, A>> : internal::MapCodec<std::map<K, V, C, A>> {};
template <class K, class V, class C, class A>
struct Codec<std::multimap<K, V, C, A>> : internal::MapCodec<std::multimap<K, V, C, A>> {};
template <class K, class V, class H, class E, class A>
struct Codec<std::unordered_map<K, V, H, E, A>> : internal::MapCodec<std::unordered_map<K, V, H, E, A>> {};

template <class T, size_t kSize>
struct Codec<std::array<T, kSize>> {
  static constexpr bool kSupported = true;
  static constexpr uint64_t kTag = HashName("array") + kSize;
  static constexpr size_t kMinBytes = kSize == 0 ? 1 : kSize * internal::MinBytesOf<T>();
  using Parts = TypeList<T>;
  static void Encode(const std::array<T, kSize>& value, Writer& out) {
    if constexpr (kSize == 0) out.Raw(uint8_t{0});
    for (const T& element : value) Codec<T>::Encode(element, out);
  }
  static std::array<T, kSize> Decode(Reader& in) {
    if constexpr (kSize == 0) in.Raw<uint8_t>();
    return [&in]<size_t... I>(std::index_sequence<I...>) {
      return std::array<T, kSize>{((void)I, Codec<T>::Decode(in))...};
    }(std::make_index_sequence<kSize>{});
  }
};

template <class... Ts>
struct Codec<std::tuple<Ts...>> {
  static constexpr bool kSupported = true;
  static constexpr uint64_t kTag = HashName("tuple");
  using Parts = TypeList<Ts...>;
  static void Encode(const std::tuple<Ts...>& value, Writer& out) {
    if constexpr (sizeof...(Ts) == 0) out.Raw(uint8_t{0});
    std::apply([&out](const auto&... parts) { (Codec<Ts>::Encode(parts, out), ...); }, value);
  }
  static std::tuple<Ts...> Decode(Reader& in) {
    if constexpr (sizeof...(Ts) == 0) in.Raw<uint8_t>();
    return std::tuple<Ts...>{Codec<Ts>::Decode(in)...};
  }
};

template <class A, class B>
struct Codec<std::pair<A, B>> {
  static constexpr bool kSupported = true;
  static constexpr uint64_t kTag = HashName("tuple");
  using Parts = TypeList<A, B>;
  static void Encode(const std::pair<A, B>& value, Writer& out) {
    Codec<A>::Encode(value.first, out);
    Codec<B>::Encode(value.second, out);
  }
  static std::pair<A, B> Decode(Reader& in) { return std::pair<A, B>{Codec<A>::Decode(in), Codec<B>::Decode(in)}; }
};

namespace internal {

// std::optional, std::unique_ptr and std::shared_ptr: nothing, or a value. What two shared_ptr share, they share no
// more.
template <class T, class Holder, class Make>
struct MaybeCodec {
  static constexpr bool kSupported = true;
  static constexpr uint64_t kTag = HashName("maybe");
  using Parts = TypeList<T>;
  static void Encode(const Holder& value, Writer& out) {
    out.Raw(static_cast<uint8_t>(value ? 1 : 0));
    if (!value) return;
    out.Enter();
    Codec<T>::Encode(*value, out);
    out.Leave();
  }
  static Holder Decode(Reader& in) {
    if (!Codec<bool>::Decode(in)) return Holder{};
    in.Enter();
    Holder value = Make{}(Codec<T>::Decode(in));
    in.Leave();
    return value;
  }
};

template <class T>
struct MakeOptional {
  std::optional<T> operator()(T value) const { return std::optional<T>{std::in_place, std::move(value)}; }
};
template <class T>
struct MakeUnique {
  std::unique_ptr<T> operator()(T value) const { return std::make_unique<T>(std::move(value)); }
};
template <class T>
struct MakeShared {
  std::shared_ptr<T> operator()(T value) const { return std::make_shared<T>(std::move(value)); }
};

}  // namespace internal

template <class T>
struct Codec<std::optional<T>> : internal::MaybeCodec<T, std::optional<T>, internal::MakeOptional<T>> {};
template <class T>
struct Codec<std::unique_ptr<T>> : internal::MaybeCodec<T, std::unique_ptr<T>, internal::MakeUnique<T>> {};
template <class T>
struct Codec<std::shared_ptr<T>> : internal::MaybeCodec<T, std::shared_ptr<T>, internal::MakeShared<T>> {};

template <>
struct Codec<std::monostate> {
  static constexpr bool kSupported = true;
  static constexpr uint64_t kTag = HashName("nothing");
  using Parts = TypeList<>;
  static void Encode(const std::monostate&, Writer& out) { out.Raw(uint8_t{0}); }
  static std::monostate Decode(Reader& in) {
    in.Raw<uint8_t>();
    return {};
  }
};

template <class... Ts>
struct Codec<std::variant<Ts...>> {
  using T = std::variant<Ts...>;
  static constexpr bool kSupported = true;
  static constexpr uint64_t kTag = HashName("variant");
  using Parts = TypeList<Ts...>;
  static void Encode(const T& value, Writer& out) {
    if (value.valueless_by_exception()) Reader::Fail("a variant holds nothing after an exception");
    out.Size(value.index());
    std::visit([&out](const auto& part) { Codec<std::remove_cvref_t<decltype(part)>>::Encode(part, out); }, value);
  }
  static T Decode(Reader& in) { return DecodeAt<0>(in, in.Size()); }

 private:
  template <size_t kIndex>
  static T DecodeAt(Reader& in, uint64_t index) {
    if constexpr (kIndex < sizeof...(Ts)) {
      if (index != kIndex) return DecodeAt<kIndex + 1>(in, index);
      return T{std::in_place_index<kIndex>, Codec<std::variant_alternative_t<kIndex, T>>::Decode(in)};
    } else {
      Reader::Fail("a variant has no such alternative");
    }
  }
};

template <class Rep, class Period>
struct Codec<std::chrono::duration<Rep, Period>> {
  using T = std::chrono::duration<Rep, Period>;
  static constexpr bool kSupported = true;
  static constexpr uint64_t kTag = HashName("duration") + static_cast<uint64_t>(Period::num * 31 + Period::den);
  static constexpr size_t kMinBytes = internal::MinBytesOf<Rep>();
  using Parts = TypeList<Rep>;
  static void Encode(const T& value, Writer& out) { Codec<Rep>::Encode(value.count(), out); }
  static T Decode(Reader& in) { return T{Codec<Rep>::Decode(in)}; }
};

template <class Clock, class D>
struct Codec<std::chrono::time_point<Clock, D>> {
  using T = std::chrono::time_point<Clock, D>;
  static constexpr bool kSupported = true;
  static constexpr uint64_t kTag = HashName("time_point");
  static constexpr size_t kMinBytes = internal::MinBytesOf<D>();
  using Parts = TypeList<D>;
  static void Encode(const T& value, Writer& out) { Codec<D>::Encode(value.time_since_epoch(), out); }
  static T Decode(Reader& in) { return T{Codec<D>::Decode(in)}; }
};

// Views point into the memory of this process: nothing to send.
template <class C, class Traits>
struct Codec<std::basic_string_view<C, Traits>> : internal::NoCodec<std::basic_string_view<C, Traits>> {};
template <class T, size_t kExtent>
struct Codec<std::span<T, kExtent>> : internal::NoCodec<std::span<T, kExtent>> {};
template <class T>
struct Codec<std::reference_wrapper<T>> : internal::NoCodec<std::reference_wrapper<T>> {};

}  // namespace orrery
