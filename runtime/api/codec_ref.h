// Refs inside values. A ref travels as the object's id, its owner's address, the type of the value and the cluster it
// belongs to; whoever decodes it holds a reference of its own. Included by codec.h.
#pragma once

#include <cstdint>
#include <type_traits>

#include "runtime/api/codec.h"
#include "runtime/api/ref.h"

namespace orrery {

namespace internal {

// `ref` is not empty. Throws Error(kInvalidArgument) for one of another session.
void EncodeRef(const ObjectRef& ref, uint64_t type, Writer& out);
// A new local reference, to be adopted. Throws MalformedError for a ref to another type, Error(kInvalidArgument) for
// one of another cluster, UnavailableError outside a session.
ObjectState* DecodeRef(Reader& in, uint64_t type);

}  // namespace internal

template <class T>
struct Codec<Ref<T>> {
  static constexpr bool kSupported = true;
  static constexpr uint64_t kTag = HashName("ref");
  using Parts = std::conditional_t<std::is_void_v<T>, TypeList<>, TypeList<T>>;
  static void Encode(const Ref<T>& ref, Writer& out) {
    out.Raw(static_cast<uint8_t>(ref ? 1 : 0));
    if (ref) internal::EncodeRef(ref, internal::TypeTag<T>(), out);
  }
  static Ref<T> Decode(Reader& in) {
    if (!Codec<bool>::Decode(in)) return Ref<T>();
    return Ref<T>(internal::DecodeRef(in, internal::TypeTag<T>()));
  }
};

}  // namespace orrery
