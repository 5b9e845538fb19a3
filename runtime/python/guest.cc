#include "runtime/python/guest.h"

#include <signal.h>
#include <unistd.h>

#include <string>
#include <utility>
#include <vector>

#include "runtime/api/actor_object.h"
#include "runtime/api/client.h"
#include "runtime/api/get.h"
#include "runtime/api/outgoing.h"
#include "runtime/messages/convert.h"
#include "runtime/messages/orrery.pb.h"
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

GuestError Describe(const py::error_already_set& error) {
  const py::tuple parts = Hook("describe")(error.value());
  return {parts[0].cast<std::string>(), parts[1].cast<std::string>()};
}

std::vector<PyValue> Execute(const msg::TaskSpec& spec, internal::Client& client, size_t num_returns) {
  static const py::handle run = Hook("run").release(), create = Hook("create").release(), call = Hook("call").release();
  py::list args;
  for (const msg::TaskArg& arg : spec.args()) args.append(Argument(arg, client));
  py::list returned;
  if (spec.has_actor())
    returned = create(spec.function(), spec.job(), std::move(args), num_returns);
  else if (spec.has_callee())
    returned = call(py::bytes(spec.name()), std::move(args), num_returns);
  else
    returned = run(spec.function(), spec.job(), py::bytes(spec.name()), std::move(args), num_returns);
  std::vector<PyValue> values;
  values.reserve(num_returns);
  for (size_t i = 0; i < num_returns; ++i) values.push_back(PyValue::Pickle(returned[i]));
  return values;
}

}  // namespace

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
    values = Execute(execute.As<msg::ExecuteTask>().spec(), client, results.size());
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

// A real signal, so that it ends a sleep, too; Python's handler looks whether the running task is the cancelled one.
void PythonGuest::Interrupt() { pthread_kill(main_thread_, SIGINT); }

bool PythonGuest::Interrupted() {
  const py::gil_scoped_acquire locked;
  return PyErr_CheckSignals() != 0;
}

}  // namespace orrery::python
