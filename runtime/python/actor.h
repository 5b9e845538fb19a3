// Actors of Python classes: creating them, their handles, calls. Internal.
#pragma once

#include <pybind11/pybind11.h>

namespace orrery {
namespace msg {
class TaskSpec;
}
}  // namespace orrery

namespace orrery::python {

void BindActor(pybind11::module_& module);
// For an actor itself: a handle that does not keep it. `creation`: what made it.
pybind11::object HandleOfSelf(const msg::TaskSpec& creation);

}  // namespace orrery::python
