// A value on its way out of this process: encoded into a message while it is small, else written once, straight into
// the node's shared memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/api/codec.h"
#include "runtime/common/streaming_copy.h"

namespace orrery::internal {

class Outgoing {
 public:
  // A value that this process will own. `bytes` is empty, and gets the encoding of a small value. Throws
  // UnavailableError outside a session.
  explicit Outgoing(std::string& bytes);
  // The result `object` of the running task, which its submitter owns.
  Outgoing(std::string& bytes, ObjectId object);
  // A result that nobody wants: nothing is encoded.
  Outgoing(std::string& bytes, std::nullptr_t) : client_(nullptr), bytes_(bytes) {}
  // Gives shared memory back that nobody took over (Taken).
  ~Outgoing();
  Outgoing(const Outgoing&) = delete;
  Outgoing& operator=(const Outgoing&) = delete;

  // Once. Throws StoreFullError, TooLargeError, ObjectLostError and others when there is no room and will be none,
  // and what the value's codec throws.
  template <class T>
  void Encode(const T& value) {
    if (client_ == nullptr) return;
    if constexpr (kScalar<T>) {
      EncodeTo(value, bytes_);
    } else {
      if constexpr (kInPlace<T>) {
        if (value.size() * sizeof(typename ElementOf<T>::Type) > limit_) return StoreElements<T>(value);
      }
      Writer writer(bytes_, limit_);
      Codec<T>::Encode(value, writer);
      refs_ = std::move(writer.refs());
      if (!writer.overflowed()) return;
      std::string().swap(bytes_);  // what fitted is not worth keeping
      if constexpr (kInPlace<T>)
        StoreElements<T>(value);
      else
        StoreEncoded(value, writer.counted());
    }
  }

  // Bytes in shared memory, header included; 0 for a small value.
  int64_t size() const { return size_; }
  // Valid for a stored value; {} otherwise.
  ObjectId object() const { return object_; }
  // Refs inside the value. They keep it decodable: hold them until the value is handed over.
  std::vector<ObjectRef>& refs() { return refs_; }
  // The stored value has a name from now on: it will be let go with its ref.
  void Taken() { written_ = false; }
  // Of a task with several results: the next one; nullptr after the last.
  Outgoing* next() { return next_; }
  void SetNext(Outgoing* next) { next_ = next; }

 private:
  template <class T>
  void StoreElements(const T& value) {
    const std::span<const typename ElementOf<T>::Type> elements(value.data(), value.size());
    StoredHeader header(TypeTag<T>(), TypeName<T>());
    header.count = elements.size();
    header.bytes = elements.size_bytes();
    char* to = Allocate(header);
    if (to != nullptr) StreamingCopy(to, elements.data(), elements.size_bytes());
  }
  template <class T>
  void StoreEncoded(const T& value, uint64_t counted) {
    StoredHeader header(TypeTag<T>(), TypeName<T>());
    header.bytes = counted;
    char* to = Allocate(header);
    if (to == nullptr) return;
    Writer writer(to, counted);
    Codec<T>::Encode(value, writer);
    if (writer.left() != 0) Reader::Fail("it changed while it was encoded");
  }
  // Room for header and bytes, the header written; where the bytes go, or nullptr when a former attempt of this task
  // has stored the result.
  char* Allocate(const StoredHeader& header);

  Client* const client_;
  std::string& bytes_;
  uint64_t limit_ = 0;
  ObjectId object_;
  bool result_ = false;
  bool written_ = false;  // to be given back
  int64_t size_ = 0;
  std::vector<ObjectRef> refs_;
  Outgoing* next_ = nullptr;
};

}  // namespace orrery::internal
