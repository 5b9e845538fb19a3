#include "runtime/python/task.h"

#include <pybind11/stl.h>

#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "runtime/api/client.h"
#include "runtime/python/value.h"

namespace py = pybind11;

namespace orrery::python {

namespace {

// The arguments as they are pickled: refs taken out, for the runtime to put their values in.
struct Arguments {
  py::object pickled;           // (args, kwargs, places, retry_on)
  std::vector<ObjectRef> refs;  // one for each place: an index into args, or a key of kwargs
};

bool IsRef(py::handle object) { return py::isinstance<ObjectRef>(object); }

Arguments Split(const py::tuple& args, const py::dict& kwargs, const py::object& retry_on) {
  Arguments split;
  py::list places, positional;
  bool any = false;
  for (const py::handle& arg : args) any |= IsRef(arg);
  for (const auto& [key, arg] : kwargs) any |= IsRef(arg);
  if (!any) {
    split.pickled =
        retry_on.is_none() ? py::make_tuple(args, kwargs) : py::make_tuple(args, kwargs, py::list(), retry_on);
    return split;
  }
  py::dict named;
  const auto take = [&](py::handle arg, const py::object& place) {
    split.refs.push_back(py::cast<const ObjectRef&>(arg));
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
  split.pickled = py::make_tuple(positional, named, places, retry_on);
  return split;
}

TaskOptions OptionsFrom(const py::dict& given) {
  TaskOptions options;
  options.num_cpus = given["num_cpus"].cast<double>();
  options.num_gpus = given["num_gpus"].cast<double>();
  options.memory = given["memory"].cast<int64_t>();
  options.resources = given["resources"].cast<std::map<std::string, double>>();
  options.name = given["name"].cast<std::string>();
  if (!given["max_retries"].is_none()) options.max_retries = given["max_retries"].cast<int>();
  options.retry_exceptions = given["retry_exceptions"].cast<bool>();
  if (given["spread"].cast<bool>()) options.strategy = Spread();
  if (!given["node"].is_none())
    options.strategy = NodeAffinity(NodeId{given["node"].cast<uint32_t>()}, given["soft"].cast<bool>());
  for (const auto& [key, values] : given["labels"].cast<std::map<std::string, std::vector<std::string>>>())
    options.label_selector.push_back(LabelIn(key, values));
  return options;
}

}  // namespace

PyTask::PyTask(uint64_t function, std::string name, const TaskOptions& options, uint32_t num_returns)
    : name_(std::move(name)),
      function_{name_, function, internal::kAnyArity, nullptr},
      options_{options.max_retries, options.retry_exceptions, options.name, num_returns},
      class_id_(internal::ClassFor(function, options)) {}

py::list PyTask::Submit(const py::tuple& args, const py::dict& kwargs, const py::object& retry_on) const {
  internal::Submission submission(function_, class_id_, &options_);
  PyValue value;
  Arguments split;
  if (!args.empty() || !kwargs.empty() || !retry_on.is_none()) {
    split = Split(args, kwargs, retry_on);
    value = PyValue::Pickle(split.pickled);
  }
  std::vector<internal::ObjectState*> states(options_.num_returns);
  {
    // Large arguments are copied, and both wait for room.
    const py::gil_scoped_release unlocked;
    if (split.pickled) submission.AddValue(value);
    for (const ObjectRef& ref : split.refs) submission.AddRef(ref);
    states[0] = submission.Send();
  }
  internal::Client* const client = states[0]->client;
  py::list refs;
  refs.append(ObjectRef(states[0]));
  for (uint32_t i = 1; i < options_.num_returns; ++i)
    refs.append(ObjectRef(internal::NewObjectState({states[0]->id.task, i}, client)));
  return refs;
}

void BindTask(py::module_& module) {
  py::class_<PyTask>(module, "Task")
      .def(py::init([](uint64_t function, std::string name, const py::dict& options, uint32_t num_returns) {
        return std::make_unique<PyTask>(function, std::move(name), OptionsFrom(options), num_returns);
      }))
      .def("submit", &PyTask::Submit);
}

}  // namespace orrery::python
