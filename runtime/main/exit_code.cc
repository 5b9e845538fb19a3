#include "runtime/main/exit_code.h"

#include <cstdio>

namespace orrery {

int ExitCodeOf(const Status& status) {
  switch (status.code()) {
    case StatusCode::kOk: return kExitOk;
    case StatusCode::kInvalidArgument: return kExitUsage;
    case StatusCode::kNotFound:
    case StatusCode::kUnavailable: return kExitUnreachable;
    case StatusCode::kTimedOut: return kExitTimedOut;
    default: return kExitFailed;
  }
}

int Fail(int code, const std::string& message) {
  std::fprintf(stderr, "orrery: %s\n", message.c_str());
  return code;
}

int Fail(const Status& status) { return Fail(ExitCodeOf(status), status.message()); }

}  // namespace orrery
