#include "runtime/python/stream.h"

#include <memory>
#include <utility>

#include "runtime/api/ref.h"
#include "runtime/api/stream.h"

namespace py = pybind11;

namespace orrery::python {

namespace {

using internal::Stream;

// The next ref; None when time has passed. Raises StopIteration at the end.
py::object Next(Stream& stream, int64_t timeout_ns) {
  ObjectRef item;
  Stream::Outcome outcome;
  {
    const py::gil_scoped_release unlocked;
    outcome = stream.Next(timeout_ns, item);
  }
  if (outcome == Stream::Outcome::kEnd) throw py::stop_iteration();
  if (outcome == Stream::Outcome::kTimedOut) return py::none();
  return py::cast(std::move(item));
}

}  // namespace

void BindStream(py::module_& module) {
  py::class_<Stream>(module, "Stream")
      .def(py::init([](const ObjectRef& end) { return std::make_unique<Stream>(end); }))
      .def("next", Next)
      .def("pending",
           [](Stream& stream) {
             const py::gil_scoped_release unlocked;
             return stream.pending();
           })
      .def_property_readonly("end", &Stream::end);
}

}  // namespace orrery::python
