// Python values on their way between processes: pickle protocol 5, the buffers beside the pickle, each 64-byte aligned,
// so that arrays are read where they lie in shared memory. Internal.
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/api/codec.h"
#include "runtime/api/ref.h"

namespace orrery::internal {
struct ActorHandle;
}

namespace orrery::python {

// A pickled object. Its parts stay Python's: made and destroyed with the GIL; encoded without it.
class PyValue {
 public:
  // Throws Python's error when `object` cannot be pickled. Refs inside it are noted, and kept by this.
  static PyValue Pickle(pybind11::handle object);
  PyValue() = default;
  PyValue(PyValue&& other) noexcept = default;
  PyValue& operator=(PyValue&& other) noexcept = default;
  ~PyValue();

  std::string_view pickle() const { return pickle_; }
  const std::vector<Py_buffer>& buffers() const { return buffers_; }
  const std::vector<ObjectRef>& refs() const { return refs_; }

 private:
  pybind11::object bytes_;
  std::string_view pickle_;
  std::vector<Py_buffer> buffers_;
  std::vector<ObjectRef> refs_;
};

// The object whose encoding is `body`. `keep` owns the bytes and outlives what still looks into them; without one they
// are copied. Needs the GIL.
pybind11::object Unpickle(std::string_view body, std::shared_ptr<const void> keep);
// Of a value in shared memory, or in a message.
pybind11::object UnpickleIncoming(const internal::Incoming& value, std::shared_ptr<const void> keep);

// The form in which a ref is pickled; notes it in the value that this thread is pickling. Throws TypeError outside of
// PyValue::Pickle: such a ref would count nowhere.
std::string ReduceRef(const ObjectRef& ref);
ObjectRef RestoreRef(std::string_view bytes);
// The same of an actor's handle, whose keeper, if it has one, counts as a ref.
pybind11::bytes ReduceActor(const internal::ActorHandle& actor, uint64_t class_hash);
internal::ActorHandle RestoreActor(std::string_view bytes, uint64_t class_hash, std::string_view class_name);
// What is pickled on this thread from now on until the same is called with nullptr; the former.
std::vector<ObjectRef>* NoteRefs(std::vector<ObjectRef>* refs);

// Teaches the module memory that outlives its message.
void BindBuffers(pybind11::module_& module);

}  // namespace orrery::python

namespace orrery {

// Layout: sizes of pickle and buffers (u64 each, behind their number), the pickle, then the buffers at multiples of 64.
template <>
struct Codec<python::PyValue> {
  static constexpr bool kSupported = true;
  static constexpr uint64_t kTag = HashName("python pickle");
  using Parts = TypeList<>;
  static void Encode(const python::PyValue& value, Writer& out);
  static python::PyValue Decode(Reader& in) = delete;
};

}  // namespace orrery
