// A Python function with its options, ready to be called many times. Internal.
#pragma once

#include <pybind11/pybind11.h>

#include <optional>
#include <string>

#include "runtime/api/function.h"
#include "runtime/api/options.h"
#include "runtime/api/task.h"

namespace orrery::python {

class PyTask {
 public:
  // `function` is the hash under which workers find the code.
  PyTask(const PyTask&) = delete;
  PyTask& operator=(const PyTask&) = delete;
  // `max_unconsumed`: of a generator, 0 for no bound; nullopt: it is none.
  PyTask(uint64_t function, std::string name, const TaskOptions& options, uint32_t num_returns,
         std::optional<uint32_t> max_unconsumed);
  // A list of refs, one for each return. Refs among the arguments stand for their values. `besides`: exception classes
  // that are retried, or None.
  pybind11::list Submit(const pybind11::tuple& args, const pybind11::dict& kwargs,
                        const pybind11::object& besides) const;

 private:
  const std::string name_;
  const internal::FunctionInfo function_;
  const internal::CallOptions options_;
  const uint32_t class_id_;
};

void BindTask(pybind11::module_& module);

}  // namespace orrery::python
