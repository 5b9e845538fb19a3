// Placement groups for Python.
#pragma once

#include <pybind11/pybind11.h>

namespace orrery::python {

void BindPlacementGroup(pybind11::module_& module);

}  // namespace orrery::python
