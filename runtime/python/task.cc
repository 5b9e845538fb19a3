#include "runtime/python/task.h"

#include <pybind11/stl.h>

#include <memory>
#include <optional>
#include <utility>

#include "runtime/api/client.h"
#include "runtime/python/arguments.h"
#include "runtime/python/options.h"

namespace py = pybind11;

namespace orrery::python {

namespace {

TaskOptions OptionsFrom(const py::dict& given) {
  TaskOptions options;
  FillNeeds(given, options);
  options.num_cpus = given["num_cpus"].cast<double>();
  if (!given["max_retries"].is_none()) options.max_retries = given["max_retries"].cast<int>();
  options.retry_exceptions = given["retry_exceptions"].cast<bool>();
  return options;
}

}  // namespace

PyTask::PyTask(uint64_t function, std::string name, const TaskOptions& options, uint32_t num_returns,
               std::optional<uint32_t> max_unconsumed)
    : name_(std::move(name)),
      function_{name_, function, internal::kAnyArity, nullptr, max_unconsumed.has_value()},
      options_{options.max_retries, options.retry_exceptions, options.name, num_returns, max_unconsumed.value_or(0)},
      class_id_(internal::ClassFor(function, options)) {}

py::list PyTask::Submit(const py::tuple& args, const py::dict& kwargs, const py::object& besides) const {
  internal::Submission submission(function_, class_id_, &options_);
  const PyArguments arguments(args, kwargs, besides);
  internal::ObjectState* first = nullptr;
  {
    const py::gil_scoped_release unlocked;
    arguments.AddTo(submission);
    first = submission.Send();
  }
  return RefsOf(first, options_.num_returns);
}

void BindTask(py::module_& module) {
  py::class_<PyTask>(module, "Task")
      .def(py::init([](uint64_t function, std::string name, const py::dict& options, uint32_t num_returns,
                       std::optional<uint32_t> max_unconsumed) {
        return std::make_unique<PyTask>(function, std::move(name), OptionsFrom(options), num_returns, max_unconsumed);
      }))
      .def("submit", &PyTask::Submit);
}

}  // namespace orrery::python
