// Timers are messages with a kind and an id; the kinds of all state machines in one list.
#pragma once

#include <cstdint>

namespace orrery {

enum class TimerKind : uint8_t {
  // GCS
  kHealthCheck,         // id: node
  kActorRetry,          // unanswered requests about actors
  kGroupRetry,          // unanswered requests about placement groups
  kGroupsWait,          // there is more room: groups that wait may fit now
  kPreemption,          // a lease may have waited long enough for jobs of lower priority to make room
  // node manager
  kRegisterNode,        // retry of registration
  kResourceReport,      // coalesced report to the GCS is due
  kIdleReap,            // scan for idle workers
  kKillGrace,           // id: worker; SIGTERM was not enough
  kWorkerRegister,      // id: worker; the process never registered
  kGcsReconnect,        // the GCS has been away too long
  kPickRetry,           // unanswered requests to the GCS
  kPromise,             // leases for whose arguments nothing arrives keep no resources back
  kPullRetry,           // id: pull; no chunk has come for a while
  kOwnerCheck,          // id: index of an owner whose connection broke: ask it again
  kSpill,               // time to look at what could be spilled
  kRoomsAhead,          // look for clients that do not use the room they were given ahead
  kCreateTimeout,       // a value has waited for room that only programs can give back
  // core worker
  kRetryRequests,       // unanswered lease requests, returns, cancels
  kLeaseExpiry,         // idle or old leases are due for return
  kTaskRetry,           // id: task index; delayed retry
  kGetTimeout,          // id: request
  kGroupTimeout,        // id: request; a placement group was awaited for long enough
  kBorrowerCheck,       // id: index of a borrower whose connection broke: is it still there?
  kRegister,            // retry of registration at the node manager
  kGcsAgain,            // the connection to the GCS broke: ask it again
  kBacklog,             // tasks that wait beyond the leases asked for are reported
  // autoscaler
  kAutoscalerRound,     // look at the cluster and act
  kAutoscalerRetry,     // unanswered requests to GCS and provider
  kDrainDeadline,       // node manager: what runs on a draining node has had its time
  // simulated and test drivers
  kWorkload,            // id: workload's own
  kCount
};

}  // namespace orrery
