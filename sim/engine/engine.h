// The simulated world: hosts, processes that run state machines, a network between them, and one total order of events.
//
// Events are ordered by (integer nanoseconds, order of creation). Messages up to a threshold take
//   latency + a FIFO queue at the network card of either end,
// larger ones are flows that share bandwidth in SimGrid. Each process serves its inputs one at a time; an input's
// handler runs when its service time is over, so that what it sends leaves then. Nothing here reads a clock or draws
// randomness except from the seed. Not thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/env/env.h"
#include "sim/engine/types.h"

namespace orrery {

class Digest;
class EngineCore;
class EventLog;
class Message;

// Something modelled behind a local Address (Host(), Executor(), Application(), Memory(), Storage()) of processes. One
// object may serve many.
class SimLocalEndpoint {
 public:
  virtual ~SimLocalEndpoint() = default;
  // `process` sent this to the endpoint. Answer with SimEngine::Deliver.
  virtual void OnMessage(ProcessHandle process, Message message) = 0;
  // `process` was killed: nothing more comes from it, and Deliver to it does nothing. Called within Kill; do not spawn
  // or kill here.
  virtual void OnProcessGone(ProcessHandle process) { (void)process; }
};

// Receives events made with SimEngine::At and StartFlow; `a` and `b` are the caller's own numbers (never pointers).
class EventHandler {
 public:
  virtual ~EventHandler() = default;
  virtual void OnEvent(uint64_t a, uint64_t b) = 0;
};

// Receives what state machines trace. Must not call the engine.
class SimTraceSink {
 public:
  virtual ~SimTraceSink() = default;
  virtual void OnTrace(Time now, ProcessHandle process, const TraceEvent& event) = 0;
};

// Looks at each message between two processes as it is sent; fault injection implements it.
class SendFilter {
 public:
  struct Verdict {
    enum class Action : uint8_t {
      kPass,
      kDrop,  // vanishes; nobody is told
      kBreak,  // vanishes, and both ends get OnPeerLost
    };
    Action action = Action::kPass;
    bool reorder = false;  // may overtake, or be overtaken by, other messages of the pair
    uint32_t copies = 1;  // 2: delivered twice
    Duration delay;  // added to the network's
  };
  virtual ~SendFilter() = default;
  virtual Verdict OnSend(Time now, ProcessHandle from, ProcessHandle to, const Message& message) = 0;
};

class SimEngine {
 public:
  using Factory = std::function<std::unique_ptr<StateMachine>(Env& env, Address self)>;
  enum class RunEnd : uint8_t { kIdle, kStopped, kTimeLimit, kBudget };
  // What the peers of a host that dies notice: closed connections, or nothing until silent_loss_delay has passed.
  enum class Notice : uint8_t { kClosed, kSilent };

  explicit SimEngine(const EngineOptions& options = {});
  ~SimEngine();
  SimEngine(const SimEngine&) = delete;
  SimEngine& operator=(const SimEngine&) = delete;

  // ---- hosts ----
  // Hosts that boot later are best added first and kept dead until then: SimGrid's platform is fixed by the first bulk
  // transfer, and those of hosts added after it only queue at the network cards.
  HostId AddHost(const HostSpec& spec);
  const HostSpec& host(HostId host) const;
  size_t host_count() const;
  bool HostAlive(HostId host) const;
  // Kills every process of the host, in order of slots. What had not left its network card is lost.
  void KillHost(HostId host, Notice notice = Notice::kClosed);
  // The host can be spawned on again; it is empty.
  void ReviveHost(HostId host);
  // From now on; what is already being served or sent is not changed.
  void SetHostSpeed(HostId host, double speed);
  void SetHostBandwidth(HostId host, double bandwidth_out, double bandwidth_in);
  // One-way latency between two hosts as a small message sees it.
  Duration LatencyBetween(HostId a, HostId b) const;

  // ---- processes ----
  // The process exists when this returns; its Start() runs as an event of the current instant. The host must be alive.
  ProcessHandle Spawn(HostId host, const Factory& factory, ProcessOptions options);
  // Ends a process at once: its timers and what is on its way to it are dropped. What it has sent still arrives; after
  // that every process it exchanged messages with gets OnPeerLost: with the exact address, and with incarnation 0 if it
  // used that form to send. A dead handle is ignored. May be called from any handler, also the process's own.
  void Kill(ProcessHandle process);
  bool Alive(ProcessHandle process) const;
  Address AddressOf(ProcessHandle process) const;  // also of the dead
  HostId HostOf(ProcessHandle process) const;  // also of the dead
  const std::string& NameOf(ProcessHandle process) const;  // "" for the dead
  ProcessHandle ProcessAt(const Address& address) const;  // the living process there, or none
  StateMachine* Machine(ProcessHandle process);  // owned by the engine; nullptr for the dead
  std::vector<ProcessHandle> ProcessesOn(HostId host) const;  // the living, by slot

  // ---- modelled things ----
  // Who serves the local `endpoint` of a process; not owned. A message to an endpoint without server is a bug and
  // asserts.
  void SetLocalEndpoint(ProcessHandle process, const Address& endpoint, SimLocalEndpoint* server);
  // After `delay` the process gets `message` from its local endpoint `from`. In order for equal instants.
  void Deliver(ProcessHandle process, const Address& from, Message message, Duration delay = {});
  // handler->OnEvent(a, b) at `when` (not in the past). The handler must live until then or until the cancel.
  EventId At(Time when, EventHandler* handler, uint64_t a = 0, uint64_t b = 0);
  void CancelEvent(EventId event);  // nothing when it has happened or been cancelled
  // A bulk transfer between two living hosts; OnEvent(a, b | kFlowFailed) at its end. bytes > 0.
  static constexpr uint64_t kFlowFailed = uint64_t{1} << 63;
  void StartFlow(HostId from, HostId to, int64_t bytes, EventHandler* handler, uint64_t a, uint64_t b);

  // ---- observers; not owned, may be nullptr ----
  void SetTraceSink(SimTraceSink* sink);
  void SetEventLog(EventLog* log);
  void SetSendFilter(SendFilter* filter);  // before the first message

  // ---- running ----
  Time Now() const;
  // Runs events up to and including `limit`. kIdle: nothing is left (the clock stays at the last event).
  RunEnd RunUntil(Time limit);
  // The same, but at most `budget` events: for progress output between chunks.
  RunEnd RunSome(uint64_t budget, Time limit);
  RunEnd RunToIdle();
  // The current run returns after the current event.
  void Stop();
  // CheckInvariants(true) of every living process.
  void Audit() const;

  const EngineCounters& counters() const;
  uint64_t events() const { return counters().events; }
  const Digest& digest() const;
  const EngineOptions& options() const;
  // For modelled things that draw: the same stream for the same (name, purpose) in every run of this seed.
  Random NamedRandom(std::string_view name, std::string_view purpose) const;
  // Bytes held by the engine itself, without state machines and message bodies. For benchmarks.
  size_t MemoryBytes() const;

 private:
  std::unique_ptr<EngineCore> core_;
};

}  // namespace orrery
