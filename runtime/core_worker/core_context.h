// What all parts of one core worker share.
#pragma once

#include <utility>
#include <vector>

#include "runtime/common/ids.h"
#include "runtime/common/settings.h"
#include "runtime/env/env.h"
#include "runtime/env/object_reference.h"
#include "runtime/messages/message.h"
#include "runtime/messages/pending_requests.h"

namespace orrery {

struct StoredValue;

// What the parts that learn of objects' fates have done about them.
class ObjectActions {
 public:
  virtual ~ObjectActions() = default;
  // Sets the value of a pending object and wakes who waits for it.
  virtual void Seal(ObjectId object, StoredValue&& value) = 0;
  // All copies of an own object are gone, and somebody wants it.
  virtual void Recover(ObjectId object) = 0;
  // The last handle of an actor that this process has created is gone.
  virtual void HandleGone(ObjectId object) = 0;
  // The actor that this process is wants its end.
  virtual void ExitActor(ActorId actor) = 0;
};

// How a process presents itself to its node manager; given at start.
struct CoreWorkerOptions {
  Address self;
  Address node_manager;
  WorkerId worker;        // as told by the node manager that started us; 0 for a driver
  uint32_t pid = 0;
  Message registration;   // a driver's RegisterDriver (name, command of its workers); unused in a worker
};

struct CoreContext {
  Env& env;
  const Settings settings;
  CoreWorkerOptions options;
  PendingRequests requests;
  WorkerId id;
  JobId job;
  NodeId node;
  Address gcs;             // known from registration on
  uint32_t alive_nodes = 1;
  uint64_t pushes = 0;     // sequence of the last PushTask, to whatever process
  ObjectActions* actions = nullptr;

  CoreContext(Env& e, Settings s, CoreWorkerOptions o)
      : env(e),
        settings(std::move(s)),
        options(std::move(o)),
        requests(env, TimerKind::kRetryRequests, settings.request_retry_interval),
        id(options.worker) {}
  // A ref to an object of this process.
  ObjectReference Own(ObjectId object) const { return {object, options.self}; }
  bool driver() const { return static_cast<bool>(options.registration); }

  // A request to the GCS; it waits while this process is not registered.
  void ToGcs(const RequestKey& key, Message message) {
    if (gcs)
      requests.Send(key, gcs, std::move(message));
    else
      before_registration.emplace_back(key, std::move(message));
  }
  void SetGcs(const Address& address) {
    gcs = address;
    for (auto& [key, message] : std::exchange(before_registration, {})) requests.Send(key, gcs, std::move(message));
  }
  std::vector<std::pair<RequestKey, Message>> before_registration;
};

}  // namespace orrery
