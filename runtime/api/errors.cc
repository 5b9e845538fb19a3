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
    case StatusCode::kObjectLost: throw ObjectLostError(message);
    case StatusCode::kStoreFull: throw StoreFullError(message);
    case StatusCode::kDiskFull: throw DiskFullError(message);
    case StatusCode::kActorDied: throw ActorDiedError(message);
    case StatusCode::kActorUnavailable: throw ActorUnavailableError(message);
    case StatusCode::kPlacementGroupRemoved: throw PlacementGroupRemovedError(message);
    case StatusCode::kPreempted: throw PreemptedError(message);
    default: throw Error(code, message);
  }
}

}  // namespace orrery::internal
