// The form of large values in shared memory: a header of 64 bytes, then either the elements as they lie in a vector, so
// that they can be read in place, or the codec's bytes. Included by codec.h.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "runtime/api/codec.h"
#include "runtime/api/view.h"

namespace orrery {

// A view is sent as the sequence it shows, and arrives as a view of a copy, or of shared memory.
template <class E>
struct Codec<View<E>> {
  static constexpr bool kSupported = std::is_trivially_copyable_v<E> && !std::is_same_v<E, bool>;
  static constexpr uint64_t kTag = HashName("sequence");
  using Parts = TypeList<E>;
  static void Encode(const View<E>& value, Writer& out) {
    out.Size(value.size());
    for (const E& element : value) Codec<E>::Encode(element, out);
  }
  static View<E> Decode(Reader& in);
};

namespace internal {

// Elements that mean the same wherever their bytes lie: numbers, and classes of such, encoded by no codec of a user's.
template <class T>
consteval bool IsPlain();
template <class... Ts>
consteval bool ArePlain(TypeList<Ts...>) {
  return (IsPlain<Ts>() && ...);
}
template <class T>
consteval bool IsPlain() {
  if constexpr (!std::is_trivially_copyable_v<T> || !HasOurCodec<T>)
    return false;
  else
    return Codec<T>::kSupported && ArePlain(typename Codec<T>::Parts{});
}

template <class T>
struct ElementOf {
  using Type = void;
};
template <class T, class A>
struct ElementOf<std::vector<T, A>> {
  using Type = std::conditional_t<IsPlain<T>() && !std::is_same_v<T, bool>, T, void>;
};
template <class C, class Traits, class A>
struct ElementOf<std::basic_string<C, Traits, A>> {
  using Type = std::conditional_t<IsPlain<C>(), C, void>;
};
template <class E>
struct ElementOf<View<E>> {
  using Type = E;
};
// Stored as elements in a row.
template <class T>
inline constexpr bool kInPlace = !std::is_void_v<typename ElementOf<T>::Type>;

template <class T>
consteval uint64_t TypeTag() {
  if constexpr (std::is_void_v<T>)
    return HashName("void");
  else
    return SchemaOf<T>() ^ (kInPlace<T> ? HashName("in place") : 0);
}

template <class T>
consteval std::string_view TypeName() {
  constexpr std::string_view pretty = __PRETTY_FUNCTION__;
  constexpr std::string_view begin = pretty.substr(pretty.find("T = ") + 4);
  return begin.substr(0, begin.find(';') == std::string_view::npos ? begin.size() - 1 : begin.find(';'));
}

inline constexpr size_t kStoredHeader = 64;
inline constexpr uint64_t kStoredMagic = 0x315645'59524552ULL;
// What a stored value says of itself.
struct StoredHeader {
  uint64_t magic = kStoredMagic;
  uint64_t type = 0;  // TypeTag
  uint64_t count = UINT64_MAX;  // elements in a row; UINT64_MAX: the codec's bytes
  uint64_t bytes = 0;  // behind the header
  std::array<char, 32> name{};  // of the type, for people; cut
  StoredHeader() = default;
  StoredHeader(uint64_t tag, std::string_view type_name) : type(tag) { type_name.copy(name.data(), name.size()); }
};
static_assert(sizeof(StoredHeader) == kStoredHeader);

// The bytes behind the header of a stored value; throws MalformedError unless it is one of the type `tag`.
std::string_view OpenStored(std::string_view stored, uint64_t tag, std::string_view type_name, StoredHeader* header);

// An encoded value on its way in: as bytes of a message, or in shared memory.
struct Incoming {
  std::string_view bytes;
  bool stored = false;
};

template <class T>
  requires kInPlace<T>
std::span<const typename ElementOf<T>::Type> InPlace(std::string_view stored) {
  using E = typename ElementOf<T>::Type;
  StoredHeader header;
  const std::string_view bytes = OpenStored(stored, TypeTag<T>(), TypeName<T>(), &header);
  if (header.count != bytes.size() / sizeof(E) || bytes.size() % sizeof(E) != 0)
    Reader::Fail("its size is not that of its elements");
  return {reinterpret_cast<const E*>(bytes.data()), bytes.size() / sizeof(E)};
}

template <class T>
T DecodeIncoming(const Incoming& in) {
  if (!in.stored) return DecodeFrom<T>(in.bytes);
  if constexpr (kInPlace<T>) {
    const auto elements = InPlace<T>(in.bytes);
    if constexpr (std::is_same_v<T, View<typename ElementOf<T>::Type>>)
      return T(elements, nullptr);
    else
      return T(elements.data(), elements.data() + elements.size());
  } else {
    StoredHeader header;
    const std::string_view bytes = OpenStored(in.bytes, TypeTag<T>(), TypeName<T>(), &header);
    return DecodeFrom<T>(bytes);
  }
}

// A view of its own copy.
template <class E>
View<E> CopiedView(std::span<const E> elements) {
  constexpr std::align_val_t kAligned{kStoredHeader};
  const std::shared_ptr<void> copy(::operator new(elements.size_bytes() + 1, kAligned),
                                   [](void* memory) { ::operator delete(memory, kAligned); });
  if (!elements.empty()) std::memcpy(copy.get(), elements.data(), elements.size_bytes());
  return {std::span<const E>(static_cast<const E*>(copy.get()), elements.size()), copy};
}

}  // namespace internal

template <class E>
View<E> Codec<View<E>>::Decode(Reader& in) {
  const std::vector<E> elements = Codec<std::vector<E>>::Decode(in);
  return internal::CopiedView(std::span<const E>(elements));
}

}  // namespace orrery
