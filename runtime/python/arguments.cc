#include "runtime/python/arguments.h"

#include <utility>

#include "runtime/api/client.h"

namespace py = pybind11;

namespace orrery::python {

namespace {

bool IsRef(py::handle object) { return py::isinstance<ObjectRef>(object); }

// What is pickled; the refs that were taken out go to `refs`.
py::object Split(const py::tuple& args, const py::dict& kwargs, const py::object& besides,
                 std::vector<ObjectRef>& refs) {
  py::list places, positional;
  bool any = false;
  for (const py::handle& arg : args) any |= IsRef(arg);
  for (const auto& [key, arg] : kwargs) any |= IsRef(arg);
  if (!any && besides.is_none()) return py::make_tuple(args, kwargs);
  if (!any) return py::make_tuple(args, kwargs, py::list(), besides);
  py::dict named;
  const auto take = [&](py::handle arg, const py::object& place) {
    refs.push_back(py::cast<const ObjectRef&>(arg));
    places.append(place);
  };
  for (size_t i = 0; i < args.size(); ++i) {
    const py::object arg = args[i];
    if (IsRef(arg)) take(arg, py::int_(i));
    positional.append(IsRef(arg) ? py::none() : arg);
  }
  for (const auto& [key, arg] : kwargs) {
    if (IsRef(arg))
      take(arg, py::reinterpret_borrow<py::object>(key));
    else
      named[key] = arg;
  }
  return py::make_tuple(positional, named, places, besides);
}

}  // namespace

PyArguments::PyArguments(const py::tuple& args, const py::dict& kwargs, const py::object& besides)
    : any_(!args.empty() || !kwargs.empty() || !besides.is_none()) {
  if (any_) value_ = PyValue::Pickle(Split(args, kwargs, besides, refs_));
}

void PyArguments::AddTo(internal::Submission& submission) const {
  if (any_) submission.AddValue(value_);
  for (const ObjectRef& ref : refs_) submission.AddRef(ref);
}

py::list RefsOf(internal::ObjectState* first, uint32_t num_returns) {
  internal::Client* const client = first->client;
  const TaskId task = first->id.task;
  py::list refs;
  refs.append(ObjectRef(first));
  for (uint32_t i = 1; i < num_returns; ++i) refs.append(ObjectRef(internal::NewObjectState({task, i}, client)));
  return refs;
}

}  // namespace orrery::python
