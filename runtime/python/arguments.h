// The arguments of a call on their way from Python into a submission. Internal.
#pragma once

#include <pybind11/pybind11.h>

#include <vector>

#include "runtime/api/ref.h"
#include "runtime/api/task.h"
#include "runtime/python/value.h"

namespace orrery::python {

// One pickled value, (args, kwargs, places, besides), with the refs among the arguments taken out: the runtime puts
// their values in their places.
class PyArguments {
 public:
  // With the GIL. `besides`: what else travels with the call, for _execute.py, or None. Throws Python's error for what
  // cannot be pickled.
  PyArguments(const pybind11::tuple& args, const pybind11::dict& kwargs, const pybind11::object& besides);
  // Without the GIL: large arguments are copied, and wait for room.
  void AddTo(internal::Submission& submission) const;

 private:
  bool any_ = false;
  PyValue value_;
  std::vector<ObjectRef> refs_;  // one for each place: an index into args, or a key of kwargs
};

// The refs of a call's returns, the first of which is `first`.
pybind11::list RefsOf(internal::ObjectState* first, uint32_t num_returns);

}  // namespace orrery::python
