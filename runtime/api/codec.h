// Values as bytes: Codec<T> says how a T travels between processes. Numbers are little-endian, sizes are varints, and
// decoding trusts nothing: every length is checked against the bytes that are really there before memory is taken.
#pragma once

#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "runtime/api/errors.h"
#include "runtime/api/ref.h"
#include "runtime/api/reflect.h"
#include "runtime/common/ids.h"
#include "runtime/common/random.h"

namespace orrery {

static_assert(std::endian::native == std::endian::little, "the wire form is little-endian");

// Where encodings go: to the end of a string, up to a limit beyond which bytes are only counted; or into memory of
// exactly the size that was counted.
class Writer {
 public:
  explicit Writer(std::string& out, uint64_t limit = UINT64_MAX) : out_(&out), left_(limit) {}
  Writer(char* memory, uint64_t size) : memory_(memory), left_(size) {}
  void Bytes(const void* data, size_t size) {
    if (size <= left_ && out_ != nullptr) {
      left_ -= size;
      out_->append(static_cast<const char*>(data), size);
    } else {
      Elsewhere(data, size);
    }
  }
  // LEB128.
  void Size(uint64_t n) {
    std::array<char, 10> bytes;
    size_t count = 0;
    for (; n >= 0x80; n >>= 7) bytes[count++] = static_cast<char>(n | 0x80);
    bytes[count++] = static_cast<char>(n);
    Bytes(bytes.data(), count);
  }
  template <class T>
  void Raw(const T& value) {
    Bytes(&value, sizeof value);
  }
  // Counts nested values (struct in struct, pointer to pointer): more than kMaxDepth is an error on both sides.
  void Enter();
  void Leave() { --depth_; }

  // The value holds this ref: kept alive until the writer's user has handed it over.
  void AddRef(const ObjectRef& ref) {
    if (memory_ == nullptr) refs_.push_back(ref);
  }
  std::vector<ObjectRef>& refs() { return refs_; }
  // Bytes beyond the limit were counted, not written: `counted` is the size of all.
  bool overflowed() const { return counted_ > 0; }
  uint64_t counted() const { return counted_; }
  // Bytes of the memory that nothing was written to.
  uint64_t left() const { return left_; }

 private:
  void Elsewhere(const void* data, size_t size);
  std::string* out_ = nullptr;
  char* memory_ = nullptr;
  uint64_t left_;
  uint64_t counted_ = 0;
  std::vector<ObjectRef> refs_;
  int depth_ = 0;
};

// Takes from bytes; throws MalformedError rather than read or allocate beyond them.
class Reader {
 public:
  static constexpr int kMaxDepth = 512;
  explicit Reader(std::string_view bytes) : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}
  size_t remaining() const { return static_cast<size_t>(end_ - at_); }
  void Bytes(void* data, size_t size) {
    Need(size);
    if (size == 0) return;  // an empty vector's data() may be null, which memcpy does not take
    std::memcpy(data, at_, size);
    at_ += size;
  }
  std::string_view View(size_t size) {
    Need(size);
    const std::string_view view(at_, size);
    at_ += size;
    return view;
  }
  uint64_t Size();
  // A number of elements of which each takes at least `min_bytes` (> 0): never more than the rest could hold.
  size_t Count(size_t min_bytes) {
    const uint64_t n = Size();
    if (n > remaining() / min_bytes) Fail("a length exceeds the bytes that follow");
    return static_cast<size_t>(n);
  }
  template <class T>
  T Raw() {
    T value;
    Bytes(&value, sizeof value);
    return value;
  }
  void Enter() {
    if (++depth_ > kMaxDepth) Fail("nested too deeply");
  }
  void Leave() { --depth_; }
  [[noreturn]] static void Fail(const char* why);

 private:
  void Need(size_t size) const {
    if (size > remaining()) Fail("the bytes end in the middle of a value");
  }
  const char* at_;
  const char* end_;
  int depth_ = 0;
};

inline void Writer::Enter() {
  if (++depth_ > Reader::kMaxDepth) Reader::Fail("nested too deeply");
}

// The types a codec is made of; lets checks and signatures look inside.
template <class... Ts>
struct TypeList {};

// How a T travels. The primary template serves numbers, enums, aggregates of up to 16 encodable fields, and other
// trivially copyable classes (as their bytes); codec_std.h serves the standard library. For any other type specialise
//   template <> struct orrery::Codec<My> {
//     static void Encode(const My& value, Writer& out);
//     static My Decode(Reader& in);          // throw MalformedError, or call Reader::Fail, on nonsense
//   };
// Every encoding takes at least one byte, so that a count can be checked against the bytes that are there. A codec may
// say how few its values take (kMinBytes, else 1).
template <class T>
struct Codec;

namespace internal {

template <class T>
inline constexpr bool kScalar = std::is_arithmetic_v<T> || std::is_enum_v<T>;

// Trivially copyable classes that hide their members: their bytes, padding and all.
template <class T>
inline constexpr bool kOpaque = std::is_class_v<T> && std::is_trivially_copyable_v<T> && !std::is_aggregate_v<T>;

template <class T>
inline constexpr bool kReflected = std::is_class_v<T> && std::is_aggregate_v<T> && (FieldCount<T>() >= 0);

template <class T>
consteval size_t MinBytesOf() {
  if constexpr (requires { Codec<T>::kMinBytes; })
    return Codec<T>::kMinBytes;
  else
    return 1;
}

template <class T>
struct FieldsOf {
  using Parts = TypeList<>;
};
template <class T>
  requires kReflected<T>
struct FieldsOf<T> {
  template <class... Fs>
  static TypeList<std::remove_cv_t<Fs>...> AsList(std::type_identity<std::tuple<Fs&...>>);
  using Parts = decltype(AsList(std::type_identity<FieldTuple<T>>{}));
};

// Tells numbers of different kind and size apart in signatures; equal on all compilers.
template <class T>
consteval uint64_t PlainTag() {
  if constexpr (std::is_enum_v<T>)
    return PlainTag<std::underlying_type_t<T>>();
  else if constexpr (std::is_same_v<T, bool>)
    return HashName("bool");
  else if constexpr (std::is_floating_point_v<T>)
    return HashName("float") + sizeof(T);
  else if constexpr (std::is_signed_v<T>)
    return HashName("signed") + sizeof(T);
  else if constexpr (std::is_arithmetic_v<T>)
    return HashName("unsigned") + sizeof(T);
  else if constexpr (kReflected<T>)
    return HashName("struct") + static_cast<uint64_t>(FieldCount<T>());
  else
    return HashName("opaque");
}

template <class T>
struct CannotEncode {
  static_assert(!sizeof(T*),
                "orrery cannot send this type to another process: it is a pointer, a reference, a string_view or "
                "span, or a class without a codec. Specialise orrery::Codec for it (codec.h)");
};

// What types that cannot be sent derive their codec from.
template <class T>
struct NoCodec {
  static constexpr bool kSupported = false;
  static void Encode(const T&, Writer&) { CannotEncode<T>{}; }
  static T Decode(Reader&) { CannotEncode<T>{}; }
};

}  // namespace internal

template <class T>
struct Codec {
  static constexpr uint64_t kTag = internal::PlainTag<T>();
  // False for types that only the error message below knows.
  static constexpr bool kSupported = internal::kScalar<T> || internal::kReflected<T> || internal::kOpaque<T>;
  static constexpr size_t kMinBytes = internal::kScalar<T> || internal::kOpaque<T> ? sizeof(T) : 1;
  using Parts = typename internal::FieldsOf<T>::Parts;

  static void Encode(const T& value, Writer& out) {
    if constexpr (internal::kScalar<T> || internal::kOpaque<T>) {
      out.Raw(value);
    } else if constexpr (internal::kReflected<T>) {
      out.Enter();
      if constexpr (internal::FieldCount<T>() == 0) out.Raw(uint8_t{0});
      internal::VisitFields(value, [&out](const auto&... fields) {
        (Codec<std::remove_cvref_t<decltype(fields)>>::Encode(fields, out), ...);
      });
      out.Leave();
    } else {
      internal::CannotEncode<T>{};
    }
  }

  static T Decode(Reader& in) {
    if constexpr (std::is_same_v<T, bool>) {
      const auto byte = in.Raw<uint8_t>();
      if (byte > 1) Reader::Fail("a bool is neither 0 nor 1");
      return byte == 1;
    } else if constexpr (internal::kScalar<T>) {
      return in.Raw<T>();
    } else if constexpr (internal::kOpaque<T>) {
      std::array<std::byte, sizeof(T)> bytes;
      in.Bytes(bytes.data(), bytes.size());
      return std::bit_cast<T>(bytes);
    } else if constexpr (internal::kReflected<T>) {
      return DecodeFields(in, Parts{});
    } else {
      internal::CannotEncode<T>{};
    }
  }

 private:
  template <class... Fs>
  static T DecodeFields(Reader& in, TypeList<Fs...>) {
    in.Enter();
    if constexpr (sizeof...(Fs) == 0) in.Raw<uint8_t>();
    T value{Codec<Fs>::Decode(in)...};  // braces: from left to right
    in.Leave();
    return value;
  }
};

namespace internal {

inline constexpr int kLookDepth = 6;  // nested this deep, types are taken on trust: recursive ones have no end

template <class T>
concept HasUserCodec = requires(const T& value, Writer& out, Reader& in) {
  Codec<T>::Encode(value, out);
  { Codec<T>::Decode(in) } -> std::same_as<T>;
};
template <class T>
concept HasOurCodec = std::is_object_v<T> && !std::is_array_v<T> && requires { Codec<T>::kSupported; };

template <class T, int kDepth>
struct EncodableAt : std::bool_constant<std::is_object_v<T> && HasUserCodec<T>> {};
template <class Parts, int kDepth>
struct AllEncodable;
template <class... Ts, int kDepth>
struct AllEncodable<TypeList<Ts...>, kDepth> : std::conjunction<EncodableAt<Ts, kDepth>...> {};
template <class T, int kDepth>
  requires HasOurCodec<T>
struct EncodableAt<T, kDepth> : std::false_type {};
template <class T, int kDepth>
  requires(HasOurCodec<T> && Codec<T>::kSupported && kDepth == 0)
struct EncodableAt<T, kDepth> : std::true_type {};
template <class T, int kDepth>
  requires(HasOurCodec<T> && Codec<T>::kSupported && kDepth > 0)
struct EncodableAt<T, kDepth> : AllEncodable<typename Codec<T>::Parts, kDepth - 1> {};

// A fingerprint of how T is encoded, down to kLookDepth levels. FNV-1a over the parts.
template <class T, int kDepth = kLookDepth>
consteval uint64_t SchemaOf() {
  uint64_t hash = 0xcbf29ce484222325ULL;
  const auto mix = [&hash](uint64_t part) { hash = Mix64((hash ^ part) * 0x100000001b3ULL); };
  if constexpr (requires {
                  Codec<T>::kTag;
                  typename Codec<T>::Parts;
                }) {
    mix(Codec<T>::kTag);
    if constexpr (kDepth > 0) {
      [&mix]<class... Ts>(TypeList<Ts...>) { (mix(SchemaOf<Ts, kDepth - 1>()), ...); }(typename Codec<T>::Parts{});
    }
  } else {
    mix(HashName("user"));
  }
  return hash;
}

}  // namespace internal

// A T can be an argument or a result of a task.
template <class T>
concept Encodable = internal::EncodableAt<T, internal::kLookDepth>::value;

// `value` behind what `out` holds.
template <class T>
void EncodeTo(const T& value, std::string& out) {
  Writer writer(out);
  Codec<T>::Encode(value, writer);
}

// The T that `bytes` are, all of them; throws MalformedError when they are not.
template <class T>
T DecodeFrom(std::string_view bytes) {
  Reader reader(bytes);
  T value = Codec<T>::Decode(reader);
  if (reader.remaining() != 0) Reader::Fail("bytes are left over behind the value");
  return value;
}

}  // namespace orrery

#include "runtime/api/codec_ref.h"  // IWYU pragma: export
#include "runtime/api/codec_std.h"  // IWYU pragma: export
#include "runtime/api/stored.h"     // IWYU pragma: export
