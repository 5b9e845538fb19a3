#include "runtime/api/errors.h"

namespace orrery::internal {

void ThrowError(StatusCode code, const std::string& message, const std::string& stack) {
  switch (code) {
    case StatusCode::kApplicationError: {
      const size_t line = stack.find('\n');
      throw TaskError(message, stack.substr(0, line), line == std::string::npos ? "" : stack.substr(line + 1));
    }
    case StatusCode::kWorkerDied: throw WorkerDiedError(message);
    case StatusCode::kNodeDied: throw NodeDiedError(message);
    case StatusCode::kCancelled: throw CancelledError(message);
    case StatusCode::kTimedOut: throw TimeoutError(message);
    case StatusCode::kTooLarge: throw TooLargeError(message);
    case StatusCode::kInfeasible: throw InfeasibleError(message);
    case StatusCode::kUnavailable: throw UnavailableError(message);
    case StatusCode::kOwnerDied: throw OwnerDiedError(message);
    default: throw Error(code, message);
  }
}

std::string TooLargeMessage(const std::string& what, uint64_t size, uint64_t limit) {
  return what + " has " + std::to_string(size) + " bytes, above inline_limit (" + std::to_string(limit) +
         " bytes); larger values need the object store, which is to come";
}

void ThrowTooLarge(const std::string& what, uint64_t size, uint64_t limit) {
  throw TooLargeError(TooLargeMessage(what, size, limit));
}

}  // namespace orrery::internal
