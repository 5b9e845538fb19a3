// The inside of SimEngine: what its parts share. Internal to sim/engine.
//
// Where things are: engine.cc hosts, processes and the public face; network.cc from Send to the receiver's network
// card; service.cc from there through the process's queue to its handler; bulk.cc messages that are flows; loop.cc the
// loop.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "sim/engine/digest.h"
#include "sim/engine/engine.h"
#include "sim/engine/event_queue.h"
#include "sim/engine/flow_solver.h"
#include "sim/engine/process.h"

namespace orrery {

enum class InputType : uint8_t {
  kMessage,   // data: message kind; x: sender | encoded size << 32; y: body; z: when it left the sender's card, or 0
  kPeerLost,  // x, y: the peer's address; z: the peer's incarnation, also where y is 0
  kTimer,     // data: timer kind; x: id
  kStart,
  kLocal,     // `target` sent it to an endpoint of its own: data: message kind; x: endpoint; y: body
  kHandler,   // target 0; x: EventHandler*; y, z: its arguments
  kFlow,      // target 0; x: index of a flow that starts now
};

// How far an input of a process has come.
enum class Stage : uint8_t {
  kArriving,  // at the receiver's network card
  kReceived,  // at the process
  kServed,    // its service time is over
};

struct SimEvent {
  InputType type;
  Stage stage;
  uint16_t data;
  uint32_t target;
  uint64_t x, y, z;
};

class EngineCore {
 public:
  explicit EngineCore(const EngineOptions& engine_options);
  ~EngineCore();

  // What every message reads of a host: one cache line, apart from the rest. Kept equal to HostState::spec.
  struct alignas(64) Card {
    int64_t tx_free = 0, rx_free = 0;      // when the network card is done with what it has
    double out_ns = 0, in_ns = 0;          // per byte; 0: no queue
    int64_t latency_out = 0, latency_in = 0;
    double speed = 1;
    uint64_t rack = 0;
  };
  struct HostState {
    HostSpec spec;
    bool alive = true;
    SimEngine::Notice notice = SimEngine::Notice::kClosed;  // how it died last
    std::vector<uint32_t> slots;           // process at slot kFirstSlot + i, or 0
    std::vector<uint32_t> free_slots;      // reused oldest first; rarely longer than what rests
  };
  struct ProcessRef {
    uint64_t endpoint = 0;
    Process* process = nullptr;
  };
  // A bulk transfer: of a message, or of StartFlow's caller.
  struct Flow {
    bool used = false, started = false;
    uint32_t from_host = 0, to_host = 0;
    int64_t bytes = 0;
    SimEvent event{};                      // a message to hand on, or a kHandler event
    FlowSolver::FlowId id = 0;
    uint32_t serial = 0;                   // of the use of this place
  };
  // Messages of one pair wait behind its bulk transfer.
  struct BulkPair {
    std::deque<SimEvent> waiting;
  };
  static constexpr uint32_t kFirstIncarnation = 16;  // below: local endpoints, as senders
  static constexpr uint32_t kFirstSlot = 16;
  static constexpr uint32_t kMaxSlot = 0xffff;

  // ---- engine.cc ----
  ProcessHandle Spawn(uint32_t host, const SimEngine::Factory& factory, ProcessOptions process_options);
  uint32_t TakeSlot(HostState& host, uint32_t wanted);
  void Kill(uint32_t id, SimEngine::Notice notice);
  void KillHost(uint32_t host, SimEngine::Notice notice);
  Process* Find(uint32_t id) const { return id < refs.size() ? refs[id].process : nullptr; }
  uint32_t Resolve(const Address& to) const;
  void SetBandwidth(uint32_t host, double out, double in);

  // ---- network.cc ----
  void Send(Process& from, const Address& to, Message message);
  void Deliver(Process& to, const Address& from, Message message, Duration delay);
  // A small message enters the sender's card now.
  void Transmit(SimEvent event, Duration extra = {}, bool reorder = false);
  // The loss of `peer` becomes known to `target`, with the exact address and, if `by_endpoint`, without incarnation
  // too.
  void TellPeerLost(uint32_t target, const Address& peer, bool by_endpoint, SimEngine::Notice notice);
  void PushPeerLost(SimEvent event);
  void TransmitClosing(SimEvent event);
  void Unreachable(Process& from, const Address& to);
  void BreakPair(Process& from, Process& to);
  int64_t Latency(const Card& from, const Card& to) const;
  // When the host of a dead process died: what had not left the network card then is lost. Never for the others.
  int64_t CutOf(uint32_t process) const;
  void KeepPairOrder(uint32_t from, uint32_t to, int64_t* arrival);
  uint32_t HostIndexOf(uint32_t process) const { return static_cast<uint32_t>(refs[process].endpoint >> 16); }

  // ---- service.cc ----
  void OnInput(SimEvent event);
  void Execute(Process& process, const SimEvent& event);
  void HandleMessage(Process& process, const SimEvent& event);
  void CancelInput(Process& process, EventId id);
  void Discard(const SimEvent& event);
  int64_t CostOf(const Process& process, const SimEvent& event) const;
  Address SenderOf(const SimEvent& event) const;
  void OnTrace(Process& process, const TraceEvent& event);
  void OnLocal(const SimEvent& event);
  void OnHandler(const SimEvent& event);
  void Record(uint64_t a, uint64_t b, uint64_t c);

  // ---- bulk.cc ----
  bool TakesBulkPath(const Process& from, const Process& to, uint64_t size) const;
  void SendBulk(Process& from, Process& to, const SimEvent& event);
  bool WaitBehindBulk(uint32_t from, uint32_t to, const SimEvent& event);
  uint32_t QueueFlow(uint32_t from_host, uint32_t to_host, int64_t bytes, const SimEvent& event, int64_t when);
  void StartFlow(uint32_t index);
  void EndFlow(uint32_t index, bool failed);
  void EndPairFlow(const SimEvent& event, bool failed);
  void DropFlowsOf(uint32_t process);
  void CollectFlows();

  // ---- loop.cc ----
  SimEngine::RunEnd Run(uint64_t budget, int64_t limit);
  // Takes the first event and runs its handler; false when it concerned nobody any more.
  bool Step();
  void Prefetch(const SimEvent& event) const;
  void Audit() const;

  EngineOptions options;
  EventQueue<SimEvent> queue;
  int64_t now = 0;
  bool stop = false;
  EngineCounters counters;
  Digest digest;
  std::vector<HostState> hosts;
  std::vector<Card> cards;                            // by host
  std::vector<ProcessRef> refs;                       // by incarnation
  std::map<uint32_t, int64_t> cuts;                   // see CutOf; entries that no message can need any more stay
  std::vector<std::unique_ptr<Process>> graveyard;    // killed during the current event; freed after it
  SimTraceSink* trace_sink = nullptr;
  EventLog* event_log = nullptr;
  SendFilter* filter = nullptr;
  Lookup<uint64_t, int64_t> last_arrival;  // per pair, only with a filter: keeps the pair's order under delays
  std::string scratch;  // for the codec check
  size_t permuted = 0;  // permute_ties: events at the queue's front that have been permuted

  std::unique_ptr<FlowSolver> solver;  // made at the first flow
  std::vector<Flow> flows;
  std::vector<uint32_t> free_flows;
  std::map<std::pair<uint32_t, uint32_t>, BulkPair> bulk_pairs;
};

}  // namespace orrery
