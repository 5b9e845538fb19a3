#include "runtime/python/guest.h"

#include <signal.h>
#include <unistd.h>

#include <string>
#include <utility>
#include <vector>

#include "runtime/api/actor_object.h"
#include "runtime/api/client.h"
#include "runtime/api/executor.h"
#include "runtime/api/generator.h"
#include "runtime/api/get.h"
#include "runtime/api/outgoing.h"
#include "runtime/messages/convert.h"
#include "runtime/messages/orrery.pb.h"
#include "runtime/python/actor.h"
#include "runtime/python/value.h"

namespace py = pybind11;

namespace orrery::python {

using internal::GuestError;

namespace {

// In shared memory an argument is pinned for the task only, but views of it may outlive the task: they get a hold of
// their own.
py::object Argument(const msg::TaskArg& arg, internal::Client& client) {
  if (arg.size() == 0) return Unpickle(arg.value(), nullptr);
  const ObjectId object{{WorkerId{arg.object_owner()}, arg.object_task()}, arg.object_index()};
  const ObjectRef ref(client.Borrow({object, FromProto(arg.owner_address())}));
  const py::gil_scoped_release unlocked;
  internal::Values values = internal::GetValues(&ref, 1, internal::kForEver);
  const internal::Incoming value = values.At(0);
  std::shared_ptr<const void> keep;
  if (value.stored) keep = values.TakePin(0);
  const py::gil_scoped_acquire locked;
  return UnpickleIncoming(value, std::move(keep));
}

// The module's Python half: called with and answering plain values.
py::object Hook(const char* name) {
  static const py::handle module = py::module_::import("orrery._execute").release();
  return module.attr(name);
}

// What the job's programs expect around them: once, before anything of theirs is unpickled.
void Enter() {
  static bool entered = false;
  if (entered) return;
  Hook("enter")();
  entered = true;
}

GuestError Describe(const py::error_already_set& error) {
  // The interpreter ties the two together only where Python code catches the exception.
  if (error.trace()) PyException_SetTraceback(error.value().ptr(), error.trace().ptr());
  const py::tuple parts = Hook("describe")(error.value());
  return {parts[0].cast<std::string>(), parts[1].cast<std::string>()};
}

py::list Arguments(const msg::TaskSpec& spec, internal::Client& client) {
  py::list args;
  for (const msg::TaskArg& arg : spec.args()) args.append(Argument(arg, client));
  return args;
}

py::str Gpus() { return internal::GpuList(internal::CurrentTask()->in.gpus); }

std::vector<PyValue> Pickled(const py::list& returned) {
  std::vector<PyValue> values;
  values.reserve(returned.size());
  for (const py::handle& value : returned) values.push_back(PyValue::Pickle(py::reinterpret_borrow<py::object>(value)));
  return values;
}

// The items of a generator, each handed over before the next is made.
void Stream(const Message& execute, internal::Client& client) {
  static const py::handle run = Hook("stream").release(), call = Hook("stream_call").release();
  const msg::TaskSpec& spec = execute.As<msg::ExecuteTask>().spec();
  py::list args = Arguments(spec, client);
  const py::object items = spec.has_callee()
                               ? call(py::bytes(spec.name()), std::move(args))
                               : run(spec.function(), spec.job(), py::bytes(spec.name()), std::move(args), Gpus());
  internal::Yielder yielder;
  for (const py::handle& item : py::iter(items)) {
    const PyValue value = PyValue::Pickle(py::reinterpret_borrow<py::object>(item));
    bool wanted = false;
    {
      const py::gil_scoped_release unlocked;
      wanted = yielder.Yield(value);
    }
    if (!wanted) {
      items.attr("close")();
      break;
    }
  }
}

std::vector<PyValue> Execute(const msg::TaskSpec& spec, internal::Client& client, size_t num_returns) {
  static const py::handle run = Hook("run").release(), create = Hook("create").release(), call = Hook("call").release();
  py::list args = Arguments(spec, client);
  py::list returned;
  if (spec.has_actor())
    returned = create(spec.function(), spec.job(), std::move(args), Gpus(), num_returns, spec.actor().asyncio(),
                      HandleOfSelf(spec), py::bytes(spec.actor().name()));
  else if (spec.has_callee())
    returned = call(py::bytes(spec.name()), std::move(args), num_returns);
  else
    returned = run(spec.function(), spec.job(), py::bytes(spec.name()), std::move(args), Gpus(), num_returns);
  return Pickled(returned);
}

// Of an actor's coroutine, as Python's event loop has it. All but the destructor are called on the loop's thread.
struct PyLaterCall {
  std::shared_ptr<internal::LaterCall> call;
  std::shared_ptr<internal::Yielder> yielder =
      std::make_shared<internal::Yielder>(call->client(), call->task().task, call->task().execution);

  const msg::TaskSpec& spec() const { return call->execute().As<msg::ExecuteTask>().spec(); }
  void Finish(const py::list& returned) const {
    std::vector<PyValue> values = Pickled(returned);  // raises before the call has ended
    call->End([&](std::span<internal::Outgoing* const> results) {
      const py::gil_scoped_release unlocked;
      for (size_t i = 0; i < results.size(); ++i) results[i]->Encode(values[i]);
    });
  }
  bool Yield(const py::object& item) const {
    const PyValue value = PyValue::Pickle(item);
    const py::gil_scoped_release unlocked;
    internal::RunningTask* const outer = std::exchange(internal::CurrentTask(), &call->task());
    struct Restore {
      internal::RunningTask* outer;
      ~Restore() { internal::CurrentTask() = outer; }
    } restore{outer};
    return yielder->Yield(value);
  }
  void Fail(const std::string& message, const std::string& stack) const {
    call->End([&](auto) { throw GuestError(message, stack); });
  }
  void Exit() const {
    call->End([](auto) { throw internal::ActorExit{}; });
  }
};

}  // namespace

void BindLaterCall(py::module_& module) {
  py::class_<PyLaterCall>(module, "LaterCall")
      .def_property_readonly("key", [](const PyLaterCall& self) { return ToString(self.call->task().task); })
      .def_property_readonly("method", [](const PyLaterCall& self) { return py::bytes(self.spec().name()); })
      .def_property_readonly("streaming", [](const PyLaterCall& self) { return self.spec().streaming(); })
      // Hands over an item of a generator; False when nobody wants more. Any thread; may wait.
      .def("yield_item", &PyLaterCall::Yield)
      .def_property_readonly("num_returns", [](const PyLaterCall& self) { return self.call->num_returns(); })
      .def("arguments", [](const PyLaterCall& self) { return Arguments(self.spec(), self.call->client()); })
      // Around each step of the coroutine: this thread runs that task.
      .def("enter", [](const PyLaterCall& self) { internal::CurrentTask() = &self.call->task(); })
      .def("leave", [](const PyLaterCall&) { internal::CurrentTask() = nullptr; })
      .def("finish", &PyLaterCall::Finish)
      .def("fail", &PyLaterCall::Fail)
      .def("exit", &PyLaterCall::Exit);
}

PythonGuest& PythonGuest::Install() {
  static auto* guest = new PythonGuest;  // the runtime's threads may outlive the module's statics
  internal::SetGuest(guest);
  return *guest;
}

void PythonGuest::Run(const Message& execute, internal::Client& client, std::span<internal::Outgoing* const> results) {
  const py::gil_scoped_acquire locked;
  const pid_t process = getpid();
  std::vector<PyValue> values;
  try {
    Enter();
    const msg::TaskSpec& spec = execute.As<msg::ExecuteTask>().spec();
    if (spec.streaming()) {
      Stream(execute, client);
      values = Pickled(py::list(py::make_tuple(py::none())));
    } else {
      values = Execute(spec, client, results.size());
    }
  } catch (const py::error_already_set& error) {
    // A child that the task forked and that ran on to the task's end: the parent alone answers.
    if (getpid() != process) _exit(1);
    if (error.matches(Hook("ActorExit"))) throw internal::ActorExit{};
    throw Describe(error);
  }
  if (getpid() != process) _exit(0);
  try {
    const py::gil_scoped_release unlocked;
    for (size_t i = 0; i < results.size(); ++i) results[i]->Encode(values[i]);
  } catch (const Error& error) {
    values.clear();
    throw;
  }
}

void PythonGuest::Start(std::shared_ptr<internal::LaterCall> call) {
  const py::gil_scoped_acquire locked;
  try {
    static const py::handle start = py::object(py::module_::import("orrery._async").attr("start")).release();
    start(PyLaterCall{call});
  } catch (const py::error_already_set& error) {
    call->End([&](auto) { throw Describe(error); });
  }
}

void PythonGuest::Cancel(TaskId call) {
  const py::gil_scoped_acquire locked;
  try {
    py::module_::import("orrery._async").attr("cancel")(ToString(call));
  } catch (const py::error_already_set&) {
    // The loop has ended, and the call with it.
  }
}

// A real signal, so that it ends a sleep, too; Python's handler looks whether the running task is the cancelled one.
void PythonGuest::Interrupt() { pthread_kill(main_thread_, SIGINT); }

bool PythonGuest::Interrupted() {
  const py::gil_scoped_acquire locked;
  return PyErr_CheckSignals() != 0;
}

}  // namespace orrery::python
