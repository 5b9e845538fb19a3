// Actors of Python classes: creating them, their handles, calls. Internal.
#pragma once

#include <pybind11/pybind11.h>

namespace orrery::python {

void BindActor(pybind11::module_& module);

}  // namespace orrery::python
