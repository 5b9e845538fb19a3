// The extension module orrery._core: the runtime's API as Python sees it. The package around it adds names, defaults
// and documentation, and no state of tasks or objects.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/api/client.h"
#include "runtime/api/context.h"
#include "runtime/api/errors.h"
#include "runtime/api/get.h"
#include "runtime/common/resources.h"
#include "runtime/messages/convert.h"
#include "runtime/messages/orrery.pb.h"
#include "runtime/python/actor.h"
#include "runtime/python/connection.h"
#include "runtime/python/guest.h"
#include "runtime/python/native.h"
#include "runtime/python/placement_group.h"
#include "runtime/python/stream.h"
#include "runtime/python/task.h"
#include "runtime/python/value.h"
#include "runtime/transport/endpoint.h"
#include "runtime/transport/fork_server.h"

namespace py = pybind11;

namespace orrery::python {

namespace {

std::vector<ObjectRef> RefsFrom(const py::sequence& given) {
  std::vector<ObjectRef> refs;
  refs.reserve(given.size());
  for (const py::handle& ref : given) refs.push_back(py::cast<const ObjectRef&>(ref));
  return refs;
}

// `timeout_ns` < 0: for ever.
py::list Get(const py::sequence& given, int64_t timeout_ns) {
  const std::vector<ObjectRef> refs = RefsFrom(given);
  std::vector<std::pair<internal::Incoming, std::shared_ptr<const void>>> found(refs.size());
  py::gil_scoped_release unlocked;
  internal::Values values = internal::GetValues(refs.data(), refs.size(), timeout_ns);
  for (size_t i = 0; i < refs.size(); ++i) {
    found[i].first = values.At(i);
    if (found[i].first.stored) found[i].second = values.TakePin(i);
  }
  const py::gil_scoped_acquire locked;
  py::list objects(refs.size());
  for (size_t i = 0; i < refs.size(); ++i) objects[i] = UnpickleIncoming(found[i].first, std::move(found[i].second));
  return objects;
}

// Positions of ready refs.
std::vector<uint32_t> Wait(const py::sequence& given, size_t num_returns, int64_t timeout_ns) {
  const std::vector<ObjectRef> refs = RefsFrom(given);
  const py::gil_scoped_release unlocked;
  return internal::WaitFor(refs.data(), refs.size(), num_returns, timeout_ns);
}

ObjectRef Put(const py::object& object) {
  const PyValue value = PyValue::Pickle(object);
  const py::gil_scoped_release unlocked;
  std::string bytes;
  internal::Outgoing out(bytes);
  out.Encode(value);
  return ObjectRef(internal::PutValue(out, std::move(bytes)));
}

// The pickle of a function, and whether refs lie inside: then it cannot outlive them.
std::pair<py::bytes, bool> PickleFunction(const py::object& function) {
  std::vector<ObjectRef> refs;
  std::vector<ObjectRef>* const former = NoteRefs(&refs);
  try {
    py::bytes pickle = py::module_::import("cloudpickle").attr("dumps")(function);
    NoteRefs(former);
    return {std::move(pickle), !refs.empty()};
  } catch (...) {
    NoteRefs(former);
    throw;
  }
}

void KvPut(const std::string& space, const std::string& key, const std::string& value) {
  Draft<msg::KvPut> put;
  put->set_space(space);
  put->set_key(key);
  put->set_value(value);
  Message request = std::move(put);
  const py::gil_scoped_release unlocked;
  const Message reply = AskGcs(request);
  const auto status = static_cast<StatusCode>(reply.As<msg::KvReply>().status());
  if (status != StatusCode::kOk && status != StatusCode::kAlreadyExists)
    internal::ThrowError(status, "the GCS refuses to store '" + key + "' (" + std::to_string(value.size()) + " bytes)");
}

std::optional<py::bytes> KvGet(const std::string& space, const std::string& key) {
  Draft<msg::KvGet> get;
  get->set_space(space);
  get->set_key(key);
  Message request = std::move(get);
  Message reply;
  {
    const py::gil_scoped_release unlocked;
    reply = AskGcs(request);
  }
  const auto& answer = reply.As<msg::KvReply>();
  if (answer.status() != 0) return std::nullopt;
  return py::bytes(answer.value());
}

void KvDelete(const std::string& space, const std::string& key) {
  Draft<msg::KvDelete> erase;
  erase->set_space(space);
  erase->set_key(key);
  Message request = std::move(erase);
  const py::gil_scoped_release unlocked;
  AskGcs(request);
}

template <class Amounts>
py::dict AmountsOf(const Amounts& amounts) {
  py::dict result;
  const ResourceSet resources = FromProto(amounts);
  for (size_t i = 0; i < kPredefinedResources; ++i) {
    const auto kind = static_cast<ResourceKind>(i);
    if (resources.Get(kind) != FixedPoint()) result[ResourceKindName(kind)] = resources.Get(kind).value();
  }
  for (const auto& [name, amount] : resources.custom()) result[py::str(name)] = amount.value();
  return result;
}

py::list Nodes() {
  Draft<msg::GetClusterStatus> get;
  get->set_request(1);
  Message request = std::move(get);
  Message reply;
  {
    const py::gil_scoped_release unlocked;
    reply = AskGcs(request);
  }
  py::list nodes;
  for (const msg::NodeStatus& node : reply.As<msg::ClusterStatus>().nodes()) {
    py::dict labels;
    for (const msg::Label& label : node.labels()) labels[py::str(label.key())] = py::str(label.value());
    py::dict entry;
    entry["node"] = node.node();
    entry["name"] = node.name();
    entry["hostname"] = node.hostname();
    entry["address"] = ToString(FromProto(node.address()));
    entry["alive"] = node.alive();
    entry["head"] = node.head();
    entry["total"] = AmountsOf(node.total());
    entry["available"] = AmountsOf(node.available());
    entry["labels"] = labels;
    nodes.append(entry);
  }
  return nodes;
}

py::dict ContextOfThread() {
  const Context context = orrery::context();
  py::dict result;
  result["job"] = context.job.value;
  result["node"] = context.node.value;
  result["worker"] = context.worker.value;
  result["task"] = context.task ? py::object(py::str(ToString(context.task))) : py::none();
  result["attempt"] = context.attempt;
  result["actor"] = context.actor == ActorId() ? py::none() : py::object(py::str(ToString(context.actor)));
  result["group"] = context.placement_group ? py::object(py::str(ToString(context.placement_group))) : py::none();
  result["gpu_ids"] = context.gpu_ids;
  return result;
}

void ConnectDriver(const py::dict& given, std::string executable, std::vector<std::string> arguments,
                   std::map<std::string, std::string> environment) {
  DriverStart start;
  start.session.address = given["address"].cast<std::string>();
  start.session.name = given["name"].cast<std::string>();
  start.session.priority = given["priority"].cast<int>();
  start.session.weight = given["weight"].cast<double>();
  start.session.num_cpus = given["num_cpus"].cast<double>();
  start.session.num_gpus = given["num_gpus"].cast<double>();
  start.session.resources = given["resources"].cast<std::map<std::string, double>>();
  start.session.object_store_memory = given["object_store_memory"].cast<int64_t>();
  start.session.labels = given["labels"].cast<std::map<std::string, std::string>>();
  start.session.settings = given["settings"].cast<std::map<std::string, std::string>>();
  start.worker = {std::move(executable), std::move(arguments), std::move(environment)};
  PythonGuest::Install();
  const py::gil_scoped_release unlocked;
  Connect(std::move(start));
}

// The worker that this process has become, or "" if it is no copy: os.environ does not see what C++ has set.
std::string ServeForksOfInterpreter() {
  ServeForks({.before = PyOS_BeforeFork, .in_parent = PyOS_AfterFork_Parent, .in_child = PyOS_AfterFork_Child});
  const char* worker = getenv("ORRERY_WORKER_ID");
  return worker == nullptr ? "" : worker;
}

int ServeWorker() {
  PythonGuest::Install();
  const py::gil_scoped_release unlocked;
  return Serve();
}

// C++ errors become the classes of orrery.exceptions.
void Translate(std::exception_ptr thrown) {
  const auto raise = [](const char* maker, auto&&... parts) {
    const py::object error = py::module_::import("orrery._errors").attr(maker)(parts...);
    PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(error.ptr())), error.ptr());
  };
  try {
    std::rethrow_exception(std::move(thrown));
  } catch (const internal::InterruptedError&) {
    if (PyErr_Occurred() == nullptr) PyErr_SetNone(PyExc_KeyboardInterrupt);
  } catch (const TaskError& error) {
    raise("task_error", py::bytes(error.what()), py::bytes(error.type_name()), py::bytes(error.stack()));
  } catch (const Error& error) {
    raise("runtime_error", std::string(StatusCodeName(error.code())), py::bytes(error.what()));
  }
}

void BindRef(py::module_& module) {
  py::class_<ObjectRef>(module, "ObjectRef", py::dynamic_attr(),
                        "Names a value that exists, or will. Pass it to tasks in place of the value; "
                        "orrery.get(ref) waits for it. The value is kept as long as a ref to it is.")
      .def(
          "hex", [](const ObjectRef& ref) { return ToString(ref.id()); },
          "The object's id, as orrery's commands print it.")
      .def(
          "task_id", [](const ObjectRef& ref) { return ToString(ref.task()); }, "Id of the task that makes the value.")
      .def("__repr__", [](const ObjectRef& ref) { return "ObjectRef(" + ToString(ref.id()) + ")"; })
      .def("__hash__",
           [](const ObjectRef& ref) {
             return Mix64(ref.id().task.owner.value ^ Mix64(ref.id().task.index + (uint64_t{ref.id().index} << 48)));
           })
      .def("__eq__",
           [](const ObjectRef& ref, const py::object& other) {
             return py::isinstance<ObjectRef>(other) && ref == py::cast<const ObjectRef&>(other);
           })
      .def("__reduce__", [](const ObjectRef& ref) {
        static const py::handle restore =
            py::object(py::module_::import("orrery._serialize").attr("restore_ref")).release();
        return py::make_tuple(restore, py::make_tuple(py::bytes(ReduceRef(ref))));
      });
  module.def("restore_ref", [](const py::bytes& bytes) { return RestoreRef(std::string_view(bytes)); });
}

}  // namespace

PYBIND11_MODULE(_core, module) {
  py::register_exception_translator(Translate);
  BindRef(module);
  BindBuffers(module);
  BindTask(module);
  BindActor(module);
  BindStream(module);
  BindNative(module);
  BindLaterCall(module);
  BindPlacementGroup(module);
  module.def("connect", ConnectDriver);
  module.def("disconnect", Disconnect, py::call_guard<py::gil_scoped_release>());
  module.def("after_fork", AfterFork);
  module.def("connected", [] { return internal::Client::CurrentOrNull() != nullptr; });
  module.def("gcs_address", GcsAddress);
  module.def("session_folder", SessionFolder);
  module.def("serve_forks", ServeForksOfInterpreter);
  module.def("serve", ServeWorker);
  module.def("get", Get);
  module.def("wait", Wait);
  module.def("put", Put);
  module.def("cancel", [](const ObjectRef& ref, bool force, bool recursive) {
    const py::gil_scoped_release unlocked;
    cancel(ref, {force, recursive});
  });
  module.def("cancelled", cancelled);
  module.def("context", ContextOfThread);
  module.def("nodes", Nodes);
  module.def("pickle_function", PickleFunction);
  module.def("kv_put", KvPut);
  module.def("kv_get", KvGet);
  module.def("kv_delete", KvDelete);
}

}  // namespace orrery::python
