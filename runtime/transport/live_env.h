// The live world: one StateMachine behind sockets, clocks and timers of the operating system.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <vector>

#include "runtime/common/status.h"
#include "runtime/env/env.h"
#include "runtime/messages/message.h"
#include "runtime/transport/live_options.h"

namespace orrery {

// Something in this process that messages are sent to: the process launcher, the executor, the application.
class LocalEndpoint {
 public:
  virtual ~LocalEndpoint() = default;
  // Called by the thread that drives at that time, between handlers of the state machine, never from within Send.
  // May call Post, Send and Stop, and may give the token away and take it back (Release, Acquire).
  virtual void OnMessage(Message message) = 0;
};

// Receives what state machines trace. Called by the driving thread.
class TraceSink {
 public:
  virtual ~TraceSink() = default;
  virtual void OnTrace(Time time, const TraceEvent& event) = 0;
};

// One blocked call of an application thread. Lives on that thread's stack; its request's answer completes it.
class Waiter {
 public:
  Waiter() = default;
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;
  bool done() const { return done_.load(std::memory_order_acquire); }

 private:
  friend class LiveEnv;
  std::atomic<bool> done_{false};
};

// Runs ONE state machine. All of its handlers, and all LocalEndpoints, run while the caller holds the *token*: the
// exclusive right to drive. Who holds it:
//
//   daemon   Run() on the main thread; nothing else is needed.
//   driver   StartBackgroundThread() once. A call such as get() does Post(Address::Application(), request), then
//            Await(waiter, timeout): the calling thread itself becomes the driver of sockets and handlers until
//            Complete(waiter) was called by its LocalEndpoint (leader/follower; further threads sleep meanwhile). The
//            background thread drives only when no application thread did so for `takeover_delay`. Fire-and-forget
//            calls just Post: posted messages travel with the next Await, or within `takeover_delay`.
//   worker   the main thread runs  while (!env.stopped()) { env.RunOne(Duration::Seconds(1)); RunQueuedTasks(); } where
//            the Executor endpoint only queues tasks, and RunQueuedTasks does, per task: env.Release(false);
//            UserFunction(); env.Acquire(); env.Post(Address::Executor(), TaskExecuted). With StartBackgroundThread()
//            the background thread takes over when a task runs longer than `takeover_delay`, so that output, cancels
//            and health checks never wait for user code; short tasks cost no thread switch at all.
//
// Writes are coalesced: Send appends to the peer's buffer, which goes out when the driver has nothing else to do
// (before it polls the sockets), when it is older than 100 us or larger than 64 KiB, and at Release(true).
//
// A peer is named by its Address. Incarnation 0 means whoever listens there. Messages arrive with the sender's full
// address. OnPeerLost is called with the full address when the handshake had been completed, and also with
// {endpoint, 0} when messages were sent to that form. A peer whose incarnation differs from the one sent to is refused
// in the handshake: OnPeerLost. After OnPeerLost the next Send connects anew.
class LiveEnv final : public Env {
 public:
  // Binds the TCP port and the UNIX socket. kUnavailable with the reason when the port is taken, kInvalidArgument for
  // unusable options.
  static Result<std::unique_ptr<LiveEnv>> Create(LiveOptions options);
  // Stops the background thread, flushes what peers accept within 500 ms, closes, removes the socket file.
  ~LiveEnv() override;

  // --- set-up, before the first call that drives ---
  // Not owned; must outlive the drive. Its Start() is called by the first call that drives.
  void SetStateMachine(StateMachine* machine);
  // `address` is one of Address::Host(), Executor(), Application(). Not owned.
  void SetLocalEndpoint(const Address& address, LocalEndpoint* endpoint);
  void SetTraceSink(TraceSink* sink);

  // Blocks `signals` in this thread (and those it starts later), and calls `handler` on the driving thread for each
  // that comes. Before other threads are started.
  void CatchSignals(const std::vector<int>& signals, std::function<void(int)> handler);

  // --- Env: for the state machine and LocalEndpoints, holding the token ---
  Time Now() const override;  // CLOCK_MONOTONIC; any thread. Equal on all processes of one machine.
  void Send(const Address& to, Message message) override;
  void SetTimer(Duration delay, TimerKind kind, uint64_t id) override;
  void CancelTimer(TimerKind kind, uint64_t id) override;
  Random& RandomFor(RandomStream stream) override;
  void Trace(const TraceEvent& event) override;

  // --- any thread ---
  // Delivers `message` to the state machine as if sent by `from` (a local address). In order per posting thread.
  // A sleeping driver is woken once per batch; no system call when somebody is driving or about to.
  void Post(const Address& from, Message message);
  // The same for what nobody waits for: a sleeping driver is not woken. The message stays in order with others that are
  // posted, and travels with the next of them, or with whatever wakes the driver.
  void PostQuietly(const Address& from, Message message);
  // Runs `call` on the driving thread, in order with Post.
  void PostCall(std::function<void()> call);
  // Own endpoint and incarnation.
  Address address() const;
  // Makes Run() and RunOne() return, and Await() fail, soon. Final.
  void Stop();
  bool stopped() const;

  // --- driving ---
  // Takes the token if it is free. / Makes the present driver give way, and waits for the token.
  bool TryAcquire();
  void Acquire();
  // Gives the token back. With `flush`, pending output is sent first; without, the next driver (or the background
  // thread within takeover_delay) sends it.
  void Release(bool flush = true);
  // One turn, holding the token: posted and local messages, due timers, else one batch of ready connections; waits at
  // most `max_wait` for something to do. True when something was done.
  bool RunOne(Duration max_wait);
  bool Poll() { return RunOne(Duration{}); }
  // Only what was posted and what state machine and endpoints have sent to one another, holding the token: no timers,
  // no sockets, no clock. For an executor with a row of short tasks, which calls RunOne every 50 us or so.
  bool DeliverLocal();
  // Acquires, drives until Stop(), releases.
  void Run();
  // A thread of its own that drives when nobody else does. Idempotent; stopped by the destructor.
  void StartBackgroundThread();
  void StopBackgroundThread();

  // Drives, or sleeps while another thread drives, until the waiter is completed. `timeout` < 0: for ever. False when
  // the time passed or Stop() was called first. Must not be called by a thread that holds the token.
  bool Await(Waiter& waiter, Duration timeout);
  // Ends the Await of `waiter`; called holding the token (from a LocalEndpoint).
  void Complete(Waiter& waiter);

  // --- observation, holding the token or after the drive ---
  // Why the connection to `peer` was last lost or refused: kPermissionDenied (token, version, incarnation),
  // kUnavailable (nobody there, closed), kTimedOut. Ok when it never was. Kept for the last 64 peers.
  Status LastError(const Address& peer) const;
  LiveStats stats() const;
  const LiveOptions& options() const;

  class Impl;
  // For runtime/transport only.
  Impl& impl() { return *impl_; }

 private:
  explicit LiveEnv(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace orrery
