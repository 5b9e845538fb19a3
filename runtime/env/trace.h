// Structured events: what happened, for result folders, timelines and digests. Tracing never changes a run.
#pragma once

#include <cstdint>
#include <string_view>

#include "runtime/common/ids.h"

namespace orrery {

enum class TraceKind : uint8_t {
  kTaskSubmitted,    // task, attempt 0; text: name
  kTaskFinished,     // task, attempt; node, worker; a: start ns, b: finish ns, c: StatusCode; text: name
  kTaskRetried,      // task, attempt that failed; c: StatusCode; text: reason
  kLeaseRequested,   // lease; node asked
  kLeaseGranted,     // lease; node, worker
  kLeaseSpilled,     // lease; node that should be asked instead
  kLeaseReturned,    // lease; node, worker
  kLeasePreempted,   // lease; node, worker; a: its job; text: for whom
  kNodeRegistered,   // node
  kNodeDead,         // node; text: reason
  kNodeDraining,     // node
  kWorkerStarting,   // worker
  kWorkerRegistered, // worker
  kWorkerExited,     // worker; a: exit code, b: signal; text: reason
  kJobStarted,       // a: job
  kJobFinished,      // a: job; c: 0 when the driver ended well
  kStaleMessage,     // text: message name; a late answer or duplicate that found nobody waiting
  kTransition,       // text: machine (StateChart); a: id, b: from, c: to
  kInfeasible,       // lease; text: resources that no node can ever hold
  kFaultFired,       // text: name of the fault
  kActorState,       // task: the actor; node, worker; a: incarnation, b: ActorPhase; c: StatusCode of its end
  kGroupState,  // task: the placement group; a: bundles without a node, b: PlacementGroupPhase; c: StatusCode; text:
                // why
  // objects: `task` and c name the object (c: its index)
  kObjectCreated,  // sealed as a primary copy; node; a: bytes
  kObjectCopied,  // a copy arrived; node; a: bytes, b: node it came from
  kObjectEvicted,  // a copy went; node; a: bytes
  kObjectSpilled,  // written to disk; node; a: bytes
  kObjectRestored,  // read back; node; a: bytes
  kObjectFreed,  // the owner lets go of it
  kObjectLost,  // the owner knows of no copy; text: what will be done
  kObjectRebuilt,  // the value is there again; b: attempt
  kChunkFetched,  // node; a: bytes, b: node it came from
  kArgumentsLocal,  // a lease's arguments were in the store already; node; a: bytes that needed no transfer
  // autoscaler
  kAutoscalerRound,  // a: round, b: demands that wait, c: nodes of instances, running or on their way
  kAutoscalerAction,  // a: round, b: count; text: "ACTION NODE_TYPE: reason"
  kNodeDrained,  // node; c: 1 when its deadline ended its work
};

struct TraceEvent {
  TraceKind kind;
  TaskId task = {};  // or the lease, whose id has the same shape
  uint32_t attempt = 0;
  NodeId node = {};
  WorkerId worker = {};
  int64_t a = 0, b = 0, c = 0;
  std::string_view text = {};  // valid during the call only
};

}  // namespace orrery
