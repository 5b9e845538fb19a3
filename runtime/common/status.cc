#include "runtime/common/status.h"

namespace orrery {

const char* StatusCodeName(StatusCode code) {
  switch (code) {
    case StatusCode::kOk: return "Ok";
    case StatusCode::kInvalidArgument: return "InvalidArgument";
    case StatusCode::kNotFound: return "NotFound";
    case StatusCode::kAlreadyExists: return "AlreadyExists";
    case StatusCode::kUnavailable: return "Unavailable";
    case StatusCode::kTimedOut: return "TimedOut";
    case StatusCode::kCancelled: return "Cancelled";
    case StatusCode::kInfeasible: return "Infeasible";
    case StatusCode::kTooLarge: return "TooLarge";
    case StatusCode::kApplicationError: return "ApplicationError";
    case StatusCode::kWorkerDied: return "WorkerDied";
    case StatusCode::kNodeDied: return "NodeDied";
    case StatusCode::kOwnerDied: return "OwnerDied";
    case StatusCode::kPermissionDenied: return "PermissionDenied";
    case StatusCode::kInternal: return "Internal";
    case StatusCode::kObjectLost: return "ObjectLost";
    case StatusCode::kStoreFull: return "StoreFull";
    case StatusCode::kDiskFull: return "DiskFull";
    case StatusCode::kActorDied: return "ActorDied";
    case StatusCode::kActorUnavailable: return "ActorUnavailable";
    case StatusCode::kPlacementGroupRemoved: return "PlacementGroupRemoved";
    case StatusCode::kPreempted: return "Preempted";
    case StatusCode::kEndOfStream: return "EndOfStream";
  }
  return "Unknown";
}

std::string Status::ToString() const { return ok() ? "Ok" : std::string(StatusCodeName(code_)) + ": " + message_; }

}  // namespace orrery
