// C++ functions called by name. Internal.
#pragma once

#include <pybind11/pybind11.h>

namespace orrery::python {

void BindNative(pybind11::module_& module);

}  // namespace orrery::python
