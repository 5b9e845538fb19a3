#include "runtime/python/value.h"

#include <array>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "runtime/api/actor.h"
#include "runtime/api/stored.h"

namespace py = pybind11;

namespace orrery::python {

namespace {

constexpr uint64_t kAlignment = 64;
constexpr int kPlainDepth = 3;
constexpr Py_ssize_t kPlainItems = 32;

thread_local std::vector<ObjectRef>* noted = nullptr;

class Noting {
 public:
  explicit Noting(std::vector<ObjectRef>* refs) : former_(NoteRefs(refs)) {}
  ~Noting() { NoteRefs(former_); }

 private:
  std::vector<ObjectRef>* former_;
};

uint64_t Aligned(uint64_t n) { return (n + kAlignment - 1) / kAlignment * kAlignment; }
uint64_t HeadBytes(size_t buffers) { return 8 * (2 + buffers); }

// A leaked reference: modules are torn down in an order of their own.
py::handle Function(const char* module, const char* name) {
  return py::object(py::module_::import(module).attr(name)).release();
}

// Nothing that pickle would name instead of copy, as functions and classes of a program's main module: those need
// cloudpickle, which is some 20 times slower.
bool IsPlain(PyObject* object, int depth) {
  if (object == Py_None || PyBool_Check(object) || PyLong_CheckExact(object) || PyFloat_CheckExact(object) ||
      PyUnicode_CheckExact(object) || PyBytes_CheckExact(object))
    return true;
  if (depth == 0) return false;
  if (PyTuple_CheckExact(object) || PyList_CheckExact(object)) {
    const Py_ssize_t size = PySequence_Fast_GET_SIZE(object);
    if (size > kPlainItems) return false;
    for (Py_ssize_t i = 0; i < size; ++i) {
      if (!IsPlain(PySequence_Fast_GET_ITEM(object, i), depth - 1)) return false;
    }
    return true;
  }
  if (!PyDict_CheckExact(object) || PyDict_GET_SIZE(object) > kPlainItems) return false;
  PyObject *key = nullptr, *item = nullptr;
  for (Py_ssize_t at = 0; PyDict_Next(object, &at, &key, &item) != 0;) {
    if (!IsPlain(key, depth - 1) || !IsPlain(item, depth - 1)) return false;
  }
  return true;
}

// Memory that lives as long as Python looks at it.
struct Memory {
  std::string_view bytes;
  std::shared_ptr<const void> keep;
};

// The pickle's bytes are whole: what fails is the code of the classes in it, or their modules are not there.
py::object Load(std::string_view pickle, const py::kwargs& buffers) {
  static const py::handle loads = Function("_pickle", "loads");
  static const py::handle unreadable = Function("orrery._serialize", "unreadable");
  try {
    return loads(py::memoryview::from_memory(pickle.data(), static_cast<py::ssize_t>(pickle.size())), **buffers);
  } catch (py::error_already_set& error) {
    if (!error.matches(PyExc_Exception)) throw;
    const py::object raised = unreadable(error.value());
    PyErr_SetObject(py::type::of(raised).ptr(), raised.ptr());
    throw py::error_already_set();
  }
}

py::object ViewOf(std::string_view bytes, std::shared_ptr<const void> keep) {
  const py::object memory = py::cast(std::make_unique<Memory>(Memory{bytes, std::move(keep)}));
  const auto view = py::reinterpret_steal<py::object>(PyMemoryView_FromObject(memory.ptr()));
  if (!view) throw py::error_already_set();
  return view;
}

int GetBuffer(PyObject* self, Py_buffer* view, int flags) {
  const auto& memory = py::cast<const Memory&>(py::handle(self));
  return PyBuffer_FillInfo(view, self, const_cast<char*>(memory.bytes.data()),
                           static_cast<Py_ssize_t>(memory.bytes.size()), 1, flags);
}

}  // namespace

std::vector<ObjectRef>* NoteRefs(std::vector<ObjectRef>* refs) { return std::exchange(noted, refs); }

PyValue PyValue::Pickle(py::handle object) {
  static const py::handle plain = Function("_pickle", "dumps");
  static const py::handle dumps = Function("orrery._serialize", "dumps");
  PyValue value;
  const Noting noting(&value.refs_);
  if (IsPlain(object.ptr(), kPlainDepth)) {
    value.bytes_ = plain(object, 5);
  } else {
    const py::tuple parts = dumps(object);
    value.bytes_ = parts[0];
    const py::list buffers = parts[1];
    value.buffers_.reserve(buffers.size());
    for (const py::handle& buffer : buffers) {
      value.buffers_.emplace_back();
      const py::object raw = buffer.attr("raw")();
      if (PyObject_GetBuffer(raw.ptr(), &value.buffers_.back(), PyBUF_SIMPLE) != 0) {
        value.buffers_.pop_back();
        throw py::error_already_set();
      }
    }
  }
  value.pickle_ = {PyBytes_AS_STRING(value.bytes_.ptr()), static_cast<size_t>(PyBytes_GET_SIZE(value.bytes_.ptr()))};
  return value;
}

PyValue::~PyValue() {
  for (Py_buffer& buffer : buffers_) PyBuffer_Release(&buffer);
}

// ---- reading ----

py::object Unpickle(std::string_view body, std::shared_ptr<const void> keep) {
  Reader in(body);
  const auto pickle = in.Raw<uint64_t>();
  const auto count = in.Raw<uint64_t>();
  if (count > in.remaining() / 8) Reader::Fail("a length exceeds the bytes that follow");
  if (count == 0) return Load(in.View(pickle), {});
  std::vector<uint64_t> sizes(count);
  for (uint64_t& size : sizes) size = in.Raw<uint64_t>();
  if (keep == nullptr) {
    auto copy = std::shared_ptr<char>(static_cast<char*>(std::aligned_alloc(kAlignment, Aligned(body.size()))), free);
    std::memcpy(copy.get(), body.data(), body.size());
    in = Reader({copy.get(), body.size()});
    body = {copy.get(), body.size()};
    in.View(HeadBytes(count));
    keep = copy;
  }
  const std::string_view bytes = in.View(pickle);
  py::list buffers;
  for (uint64_t size : sizes) {
    const uint64_t at = body.size() - in.remaining();
    in.View(Aligned(at) - at);
    buffers.append(ViewOf(in.View(size), keep));
  }
  return Load(bytes, py::dict(py::arg("buffers") = buffers));
}

py::object UnpickleIncoming(const internal::Incoming& value, std::shared_ptr<const void> keep) {
  if (!value.stored) return Unpickle(value.bytes, nullptr);
  internal::StoredHeader header;
  return Unpickle(internal::OpenStored(value.bytes, internal::TypeTag<PyValue>(), "Python object", &header),
                  std::move(keep));
}

// ---- refs ----

std::string ReduceRef(const ObjectRef& ref) {
  if (noted == nullptr)
    throw py::type_error(
        "an ObjectRef can be pickled only inside a value that goes through orrery (put, an argument, a result): "
        "elsewhere nobody would keep its object alive");
  std::string bytes;
  Writer out(bytes);
  internal::EncodeRef(ref, internal::TypeTag<PyValue>(), out);
  noted->push_back(ref);
  return bytes;
}

ObjectRef RestoreRef(std::string_view bytes) {
  Reader in(bytes);
  return ObjectRef(internal::DecodeRef(in, internal::TypeTag<PyValue>()));
}

py::bytes ReduceActor(const internal::ActorHandle& actor, uint64_t class_hash) {
  if (noted == nullptr)
    throw py::type_error(
        "an actor's handle can be pickled only inside a value that goes through orrery (put, an argument, a result): "
        "elsewhere nobody would keep the actor alive");
  std::string bytes;
  Writer out(bytes);
  internal::Encode(actor, class_hash, out);
  if (actor.keeper) noted->push_back(actor.keeper);
  return bytes;
}

internal::ActorHandle RestoreActor(std::string_view bytes, uint64_t class_hash, std::string_view class_name) {
  Reader in(bytes);
  return internal::DecodeActor(in, class_hash, class_name);
}

void BindBuffers(py::module_& module) {
  static PyBufferProcs procs = {GetBuffer, nullptr};
  py::class_<Memory> type(module, "_Memory",
                          py::custom_type_setup([](PyHeapTypeObject* heap) { heap->ht_type.tp_as_buffer = &procs; }));
}

}  // namespace orrery::python

namespace orrery {

using python::PyValue;

namespace {

uint64_t Padding(uint64_t at) { return python::Aligned(at) - at; }

}  // namespace

void Codec<PyValue>::Encode(const PyValue& value, Writer& out) {
  static constexpr std::array<char, 64> kZeros{};
  out.Raw(uint64_t{value.pickle().size()});
  out.Raw(uint64_t{value.buffers().size()});
  for (const Py_buffer& buffer : value.buffers()) out.Raw(static_cast<uint64_t>(buffer.len));
  out.Bytes(value.pickle().data(), value.pickle().size());
  uint64_t at = python::HeadBytes(value.buffers().size()) + value.pickle().size();
  for (const Py_buffer& buffer : value.buffers()) {
    out.Bytes(kZeros.data(), Padding(at));
    out.Bytes(buffer.buf, static_cast<size_t>(buffer.len));
    at += Padding(at) + static_cast<uint64_t>(buffer.len);
  }
  for (const ObjectRef& ref : value.refs()) out.AddRef(ref);
}

}  // namespace orrery
