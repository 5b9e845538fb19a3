// Exit codes of the orrery command.
#pragma once

#include "runtime/common/status.h"

namespace orrery {

enum ExitCode : int { kExitOk = 0, kExitFailed = 1, kExitUsage = 2, kExitUnreachable = 3, kExitTimedOut = 4 };

// kInvalidArgument → 2, kUnavailable and kNotFound → 3, kTimedOut → 4, the rest → 1.
int ExitCodeOf(const Status& status);

// Prints "orrery: <message>" to stderr and returns the code.
int Fail(const Status& status);
int Fail(int code, const std::string& message);

}  // namespace orrery
