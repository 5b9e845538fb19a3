// The items of a generator, for Python. Internal.
#pragma once

#include <pybind11/pybind11.h>

namespace orrery::python {

void BindStream(pybind11::module_& module);

}  // namespace orrery::python
