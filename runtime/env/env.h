// The seam: everything a state machine may know of, or do to, the world outside.
#pragma once

#include <cstdint>

#include "runtime/common/random.h"
#include "runtime/common/time.h"
#include "runtime/env/address.h"
#include "runtime/env/timer.h"
#include "runtime/env/trace.h"

namespace orrery {

class Message;

// One Env belongs to one process (GCS, node manager, core worker). Calls never block and never re-enter the caller:
// whatever they cause arrives later, as a call of StateMachine.
class Env {
 public:
  virtual ~Env() = default;

  // Nanoseconds since the world's epoch; never goes back within a process; constant during one handler in simulation.
  virtual Time Now() const = 0;

  // At most once, in order per (sender, receiver) pair; lost when the receiver dies or the connection breaks, in which
  // case the sender's OnPeerLost(to) follows. Takes ownership of the message.
  virtual void Send(const Address& to, Message message) = 0;

  // After `delay` (>= 0) OnTimer(kind, id) is called once. Setting a timer that is set re-arms it.
  virtual void SetTimer(Duration delay, TimerKind kind, uint64_t id) = 0;

  // No call follows for a cancelled timer; cancelling one that is not set does nothing.
  virtual void CancelTimer(TimerKind kind, uint64_t id) = 0;

  // This process's generator for one purpose; streams are independent and seeded by the world.
  virtual Random& RandomFor(RandomStream stream) = 0;

  // Records an event; costs no simulated time and draws no randomness.
  virtual void Trace(const TraceEvent& event) = 0;
};

// What a world runs: plain state and one handler per input, run to completion, one at a time.
class StateMachine {
 public:
  virtual ~StateMachine() = default;
  virtual void Start() {}  // called once, before any other handler
  virtual void OnMessage(const Address& from, Message message) = 0;
  virtual void OnTimer(TimerKind kind, uint64_t id) = 0;
  // The connection to `peer` broke or could not be made: messages in flight either way may be lost.
  virtual void OnPeerLost(const Address& peer) = 0;
  // Asserts what must hold between events. Incremental: cost bounded by what the last event touched. `full` audits all.
  virtual void CheckInvariants(bool full) const { (void)full; }
};

}  // namespace orrery
