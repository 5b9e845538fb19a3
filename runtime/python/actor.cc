#include "runtime/python/actor.h"

#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "runtime/api/actor.h"
#include "runtime/api/client.h"
#include "runtime/messages/orrery.pb.h"
#include "runtime/python/arguments.h"
#include "runtime/python/options.h"

namespace py = pybind11;

namespace orrery::python {

namespace {

using internal::ActorHandle;

// A handle and the hash under which workers find its class.
struct PyActor {
  ActorHandle handle;
  uint64_t class_hash = 0;
  std::string class_name;
};

ActorOptions OptionsFrom(const py::dict& given) {
  ActorOptions options;
  FillNeeds(given, options);
  if (!given["num_cpus"].is_none()) options.num_cpus = given["num_cpus"].cast<double>();
  options.name_space = given["namespace"].cast<std::string>();
  options.get_if_exists = given["get_if_exists"].cast<bool>();
  options.detached = given["detached"].cast<bool>();
  options.max_restarts = given["max_restarts"].cast<int>();
  options.max_task_retries = given["max_task_retries"].cast<int>();
  options.max_pending_calls = given["max_pending_calls"].cast<int64_t>();
  options.max_concurrency = given["max_concurrency"].cast<int>();
  for (const auto& [name, limit, methods] :
       given["concurrency_groups"].cast<std::vector<std::tuple<std::string, int, std::vector<std::string>>>>())
    options.concurrency_groups.push_back({name, limit, {}, methods});
  options.allow_out_of_order_execution = given["allow_out_of_order_execution"].cast<bool>();
  options.asyncio = given["asyncio"].cast<bool>();
  return options;
}

PyActor Create(uint64_t class_hash, std::string class_name, const py::dict& given, const py::tuple& args,
               const py::dict& kwargs, const py::object& besides) {
  const ActorOptions options = OptionsFrom(given);
  const internal::FunctionInfo function{class_name, class_hash, internal::kAnyArity, nullptr};
  internal::Submission submission(function, 0, nullptr);
  const PyArguments arguments(args, kwargs, besides);
  const py::gil_scoped_release unlocked;
  arguments.AddTo(submission);
  ActorHandle handle = internal::Create(submission, options, class_hash, class_name);
  return {std::move(handle), class_hash, class_name};
}

// `method` travels as the task's name: the object has its methods by name, too.
py::list Call(const PyActor& actor, const std::string& method, uint32_t num_returns,
              std::optional<uint32_t> max_unconsumed, const std::string& group, const py::tuple& args,
              const py::dict& kwargs) {
  const internal::FunctionInfo function{method, actor.class_hash, internal::kAnyArity, nullptr,
                                        max_unconsumed.has_value()};
  const internal::CallOptions options{0, false, method, num_returns, max_unconsumed.value_or(0)};
  internal::Submission submission(function, 0, &options);
  const PyArguments arguments(args, kwargs, py::none());
  internal::ObjectState* first = nullptr;
  {
    const py::gil_scoped_release unlocked;
    arguments.AddTo(submission);
    first = internal::CallActor(submission, actor.handle, group);
  }
  return RefsOf(first, num_returns);
}

PyActor Find(const std::string& name, const std::string& name_space) {
  const py::gil_scoped_release unlocked;
  internal::FoundActor found = internal::Find(name, name_space);
  return {std::move(found.handle), found.class_tag, std::move(found.class_name)};
}

py::bytes Encode(const PyActor& actor) { return ReduceActor(actor.handle, actor.class_hash); }

PyActor Restore(const py::bytes& bytes, uint64_t class_hash, std::string class_name) {
  return {RestoreActor(std::string_view(bytes), class_hash, class_name), class_hash, class_name};
}

}  // namespace

py::object HandleOfSelf(const msg::TaskSpec& creation) {
  const msg::ActorSpec& spec = creation.actor();
  ActorHandle handle;
  handle.id = {WorkerId{creation.owner()}, creation.index()};
  handle.max_task_retries = spec.max_task_retries();
  handle.max_pending_calls = spec.max_pending_calls();
  handle.out_of_order = spec.out_of_order();
  handle.cluster = internal::Client::Current().identity().cluster;
  return py::cast(PyActor{std::move(handle), spec.class_tag(), spec.class_name()});
}

void BindActor(py::module_& module) {
  py::class_<PyActor>(module, "Actor")
      .def("call", Call)
      .def("kill",
           [](const PyActor& actor, bool no_restart) {
             const py::gil_scoped_release unlocked;
             internal::KillActor(actor.handle, no_restart);
           })
      .def("id", [](const PyActor& actor) { return ToString(actor.handle.id); })
      .def_readonly("class_hash", &PyActor::class_hash)
      .def_readonly("class_name", &PyActor::class_name)
      .def("encode", Encode);
  module.def("create_actor", Create);
  module.def("find_actor", Find);
  module.def("restore_actor", Restore);
}

}  // namespace orrery::python
