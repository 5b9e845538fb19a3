#include "runtime/api/executor.h"

#include <cxxabi.h>

#include <cstdlib>
#include <deque>
#include <exception>
#include <iterator>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/api/actor_object.h"
#include "runtime/api/errors.h"
#include "runtime/api/function.h"
#include "runtime/api/guest.h"
#include "runtime/api/outgoing.h"
#include "runtime/api/thrown_stack.h"
#include "runtime/messages/convert.h"
#include "runtime/messages/orrery.pb.h"

namespace orrery::internal {

namespace {

std::string TypeNameOfCurrentException() {
  const std::type_info* type = abi::__cxa_current_exception_type();
  if (type == nullptr) return "unknown exception";
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> name(abi::__cxa_demangle(type->name(), nullptr, nullptr, &status),
                                                    std::free);
  return status == 0 ? name.get() : type->name();
}

void Fail(msg::TaskExecuted& result, StatusCode status, const std::string& error, const std::string& stack) {
  result.clear_returns();
  result.clear_stored();
  result.set_status(static_cast<uint32_t>(status));
  result.set_error(error);
  result.set_stack(stack);
}

// Called inside a catch block. The first line of the stack is the exception's type (ThrowError reads it).
void DescribeException(msg::TaskExecuted& result, std::string_view function, bool cancelled) {
  const std::string where = "in " + std::string(function) + ":\n" + FormatThrownStack();
  try {
    throw;
  } catch (const GuestError& error) {
    if (cancelled) return Fail(result, StatusCode::kCancelled, error.what(), "");
    Fail(result, StatusCode::kApplicationError, error.what(), error.stack());
  } catch (const TaskError& inner) {  // of a child: its type and place matter, this task is only on the way
    Fail(result, StatusCode::kApplicationError, inner.what(),
         inner.type_name() + "\n" + inner.stack() + "and from there " + where);
  } catch (const CancelledError& error) {
    if (cancelled) return Fail(result, StatusCode::kCancelled, error.what(), "");
    Fail(result, StatusCode::kApplicationError, "orrery::CancelledError: " + std::string(error.what()),
         "orrery::CancelledError\n" + where);
  } catch (const Error& error) {
    const StatusCode code = error.code();
    if (code == StatusCode::kStoreFull || code == StatusCode::kDiskFull || code == StatusCode::kTooLarge)
      return Fail(result, code, std::string(function) + ": " + error.what(), "");  // of the result, as a rule
    const std::string type = TypeNameOfCurrentException();
    Fail(result, StatusCode::kApplicationError, type + ": " + error.what(), type + "\n" + where);
  } catch (const std::exception& error) {
    const std::string type = TypeNameOfCurrentException();
    Fail(result, StatusCode::kApplicationError, type + ": " + error.what(), type + "\n" + where);
  } catch (const ActorExit&) {
    Fail(result, StatusCode::kActorDied, "the actor has exited by itself", "");
    result.set_exit_actor(true);
  } catch (...) {
    const std::string type = TypeNameOfCurrentException();
    Fail(result, StatusCode::kApplicationError, "an exception of type " + type, type + "\n" + where);
  }
}

void Call(const msg::TaskSpec& spec, const FunctionInfo& function, Client& client, Outgoing& result) {
  static thread_local std::vector<Incoming> args;  // tasks do not nest on a thread
  args.clear();
  for (const msg::TaskArg& arg : spec.args()) {
    if (arg.size() > 0)
      args.push_back({client.Stored(arg.offset(), arg.size()), true});
    else
      args.push_back({arg.value(), false});
  }
  function.thunk(args, result);
}

// Says of a value that was encoded what its bytes do not, and leaves it to the result.
void HandOver(Outgoing& out, uint32_t position, Client& client, Executed& executed, msg::TaskExecuted& result) {
  if (out.size() == 0 && out.refs().empty()) return;
  msg::StoredReturn& stored = *result.add_stored();
  stored.set_position(position);
  stored.set_size(out.size());
  for (const ObjectRef& ref : out.refs()) ToProto(client.ReferenceOf(ref), stored.add_refs());
  std::move(out.refs().begin(), out.refs().end(), std::back_inserter(executed.refs));
  out.Taken();
}

void CallForSeveral(const msg::TaskSpec& spec, const FunctionInfo& function, Client& client, Executed& executed,
                    msg::TaskExecuted& result) {
  std::deque<Outgoing> outs;  // which stay where they are
  for (uint32_t i = 0; i < spec.num_returns(); ++i) {
    outs.emplace_back(*result.add_returns(), ObjectId{{WorkerId{spec.owner()}, spec.index()}, i});
    if (i > 0) outs[i - 1].SetNext(&outs[i]);
  }
  Call(spec, function, client, outs.front());
  for (uint32_t i = 0; i < spec.num_returns(); ++i) HandOver(outs[i], i, client, executed, result);
}

void CallFunction(const msg::TaskSpec& spec, const FunctionInfo& function, Client& client, Executed& executed,
                  msg::TaskExecuted& result) {
  if (spec.num_returns() > 1) return CallForSeveral(spec, function, client, executed, result);
  std::string& value = *result.add_returns();
  if (spec.num_returns() == 0) {  // nobody will ask for it
    Outgoing nothing(value, nullptr);
    Call(spec, function, client, nothing);
    return result.clear_returns();
  }
  Outgoing out(value, {{WorkerId{spec.owner()}, spec.index()}, 0});
  Call(spec, function, client, out);
  HandOver(out, 0, client, executed, result);
}

void CallForResults(const EncodeResults& encode, const msg::TaskSpec& spec, Client& client, Executed& executed,
                    msg::TaskExecuted& result) {
  std::deque<Outgoing> values;
  std::vector<Outgoing*> results;
  for (uint32_t i = 0; i < spec.num_returns(); ++i) {
    values.emplace_back(*result.add_returns(), ObjectId{{WorkerId{spec.owner()}, spec.index()}, i});
    results.push_back(&values.back());
  }
  encode(results);
  for (uint32_t i = 0; i < results.size(); ++i) HandOver(*results[i], i, client, executed, result);
}

void CallGuest(Guest& guest, const Message& request, Client& client, Executed& executed, msg::TaskExecuted& result) {
  const auto run = [&](std::span<Outgoing* const> results) { guest.Run(request, client, results); };
  CallForResults(run, request.As<msg::ExecuteTask>().spec(), client, executed, result);
}

Executed NothingYet(const msg::ExecuteTask& execute) {
  Executed executed{Message::New(MessageKind::kTaskExecuted), {}};
  auto& result = executed.message.As<msg::TaskExecuted>();
  result.set_owner(execute.spec().owner());
  result.set_index(execute.spec().index());
  result.set_execution(execute.execution());
  return executed;
}

// The placement group that this task runs in; {}: in none.
PlacementGroupId GroupOf(const msg::TaskSpec& spec) {
  if (spec.has_actor()) return FromProto(spec.actor().placement().group());
  return spec.has_group() ? FromProto(spec.group()) : FromProto(spec.capture_group());
}

// The placement group that children of this task run in; {}: in none.
PlacementGroupId CapturedBy(const msg::TaskSpec& spec) {
  if (spec.has_capture_group()) return FromProto(spec.capture_group());
  const msg::SchedulingSpec& placement = spec.actor().placement();
  return placement.capture_child_tasks() ? FromProto(placement.group()) : PlacementGroupId{};
}

// What CUDA, and what is built on it, look at, as in Ray. By the main thread, while no code of the program runs.
void ShowGpus(const std::vector<uint32_t>& gpus) {
  static constexpr char kName[] = "CUDA_VISIBLE_DEVICES";
  static const char* const given = getenv(kName);
  static const std::string before = given == nullptr ? "" : given;
  static bool changed = false;
  if (!gpus.empty())
    setenv(kName, GpuList(gpus).c_str(), 1);
  else if (changed)
    given == nullptr ? unsetenv(kName) : setenv(kName, before.c_str(), 1);
  changed = !gpus.empty();
}

}  // namespace

std::string GpuList(const std::vector<uint32_t>& gpus) {
  std::string list;
  for (uint32_t gpu : gpus) list += (list.empty() ? "" : ",") + std::to_string(gpu);
  return list;
}

void PrepareTask(const Message& request, RunningTask& task) {
  const auto& execute = request.As<msg::ExecuteTask>();
  task.task = {WorkerId{execute.spec().owner()}, execute.spec().index()};
  task.execution = execute.execution();
  task.attempt = execute.attempt();
  const msg::TaskSpec& spec = execute.spec();
  task.actor = {};
  if (spec.has_callee()) task.actor = FromProto(spec.callee());
  if (spec.has_actor()) task.actor = {task.task.owner, task.task.index};
  task.cancelled.store(false, std::memory_order_relaxed);
}

Executed ExecuteNow(const Message& request, RunningTask& task, Client& client) {
  const auto& execute = request.As<msg::ExecuteTask>();
  const msg::TaskSpec& spec = execute.spec();
  Executed executed = NothingYet(execute);
  auto& result = executed.message.As<msg::TaskExecuted>();
  const Result<const FunctionInfo*> function = FindFunction(spec.function());
  Guest* const guest = function.ok() ? nullptr : CurrentGuest();
  if (!function.ok() && guest == nullptr) {
    Fail(result, function.status().code(), function.status().message(), "");
    return executed;
  }
  const std::string_view name = guest != nullptr ? std::string_view(spec.name()) : function.value()->name;
  if (guest == nullptr && function.value()->arity != kAnyArity &&
      static_cast<size_t>(spec.args_size()) != function.value()->arity) {
    Fail(result, StatusCode::kInvalidArgument,
         std::string(name) + " takes " + std::to_string(function.value()->arity) + " arguments, not " +
             std::to_string(spec.args_size()),
         "");
    return executed;
  }
  if (!spec.has_callee()) {
    task.in = {{}, GroupOf(spec), CapturedBy(spec)};
    for (const msg::GpuShare& share : execute.gpus()) task.in.gpus.push_back(share.index());
    if (guest == nullptr) ShowGpus(task.in.gpus);
  }
  CurrentTask() = &task;
  CaptureThrownStacks(guest == nullptr);
  try {
    if (guest != nullptr)
      CallGuest(*guest, request, client, executed, result);
    else
      CallFunction(spec, *function.value(), client, executed, result);
  } catch (...) {
    DescribeException(result, name, task.cancelled.load());
  }
  CaptureThrownStacks(false);
  CurrentTask() = nullptr;
  return executed;
}

LaterCall::LaterCall(Message execute, Client& client, Ended ended)
    : execute_(std::move(execute)), client_(client), ended_(std::move(ended)) {
  PrepareTask(execute_, task_);
}

size_t LaterCall::num_returns() const { return execute_.As<msg::ExecuteTask>().spec().num_returns(); }

void LaterCall::End(const EncodeResults& encode) {
  const auto& execute = execute_.As<msg::ExecuteTask>();
  Executed executed = NothingYet(execute);
  auto& result = executed.message.As<msg::TaskExecuted>();
  RunningTask* const outer = std::exchange(CurrentTask(), &task_);
  try {
    CallForResults(encode, execute.spec(), client_, executed, result);
  } catch (...) {
    DescribeException(result, execute.spec().name(), task_.cancelled.load());
  }
  CurrentTask() = outer;
  ended_(*this, std::move(executed));
}

}  // namespace orrery::internal
