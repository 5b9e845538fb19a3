#include "runtime/api/executor.h"

#include <cxxabi.h>

#include <cstdlib>
#include <exception>
#include <memory>
#include <string_view>
#include <vector>

#include "runtime/api/errors.h"
#include "runtime/api/function.h"
#include "runtime/api/thrown_stack.h"
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
  result.set_status(static_cast<uint32_t>(status));
  result.set_error(error);
  result.set_stack(stack);
}

// Called inside a catch block. The first line of the stack is the exception's type (ThrowError reads it).
void DescribeException(msg::TaskExecuted& result, std::string_view function, bool cancelled) {
  const std::string where = "in " + std::string(function) + ":\n" + FormatThrownStack();
  try {
    throw;
  } catch (const TaskError& inner) {  // of a child: its type and place matter, this task is only on the way
    Fail(result, StatusCode::kApplicationError, inner.what(),
         inner.type_name() + "\n" + inner.stack() + "and from there " + where);
  } catch (const CancelledError& error) {
    if (cancelled) return Fail(result, StatusCode::kCancelled, error.what(), "");
    Fail(result, StatusCode::kApplicationError, "orrery::CancelledError: " + std::string(error.what()),
         "orrery::CancelledError\n" + where);
  } catch (const std::exception& error) {
    const std::string type = TypeNameOfCurrentException();
    Fail(result, StatusCode::kApplicationError, type + ": " + error.what(), type + "\n" + where);
  } catch (...) {
    const std::string type = TypeNameOfCurrentException();
    Fail(result, StatusCode::kApplicationError, "an exception of type " + type, type + "\n" + where);
  }
}

void CallFunction(const msg::TaskSpec& spec, const FunctionInfo& function, uint64_t inline_limit,
                  msg::TaskExecuted& result) {
  static thread_local std::vector<std::string_view> args;  // tasks do not nest on a thread
  args.clear();
  for (const msg::TaskArg& arg : spec.args()) args.emplace_back(arg.value());
  std::string& value = *result.add_returns();
  function.thunk(args, value);
  if (spec.num_returns() == 0) {
    result.clear_returns();  // nobody will ask for it
  } else if (value.size() > inline_limit) {
    Fail(result, StatusCode::kTooLarge,
         TooLargeMessage("the result of " + std::string(function.name), value.size(), inline_limit), "");
  }
}

}  // namespace

Message ExecuteNow(const Message& request, RunningTask& task, uint64_t inline_limit) {
  const auto& execute = request.As<msg::ExecuteTask>();
  const msg::TaskSpec& spec = execute.spec();
  Draft<msg::TaskExecuted> result;
  result->set_owner(spec.owner());
  result->set_index(spec.index());
  const Result<const FunctionInfo*> function = FindFunction(spec.function());
  if (!function.ok()) {
    Fail(*result, function.status().code(), function.status().message(), "");
    return result;
  }
  const FunctionInfo& info = *function.value();
  if (info.arity != kAnyArity && static_cast<size_t>(spec.args_size()) != info.arity) {
    Fail(*result, StatusCode::kInvalidArgument,
         std::string(info.name) + " takes " + std::to_string(info.arity) + " arguments, not " +
             std::to_string(spec.args_size()),
         "");
    return result;
  }
  CurrentTask() = &task;
  CaptureThrownStacks(true);
  try {
    CallFunction(spec, info, inline_limit, *result);
  } catch (...) {
    DescribeException(*result, info.name, task.cancelled.load());
  }
  CaptureThrownStacks(false);
  CurrentTask() = nullptr;
  return result;
}

}  // namespace orrery::internal
