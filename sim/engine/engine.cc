#include "sim/engine/engine.h"

#include <algorithm>
#include <utility>

#include "runtime/messages/message.h"
#include "sim/engine/engine_core.h"
#include "sim/engine/event_log.h"

namespace orrery {

EngineCore::EngineCore(const EngineOptions& engine_options)
    : options(engine_options), digest(engine_options.seed, engine_options.checkpoint_log2), refs(kFirstIncarnation) {}

EngineCore::~EngineCore() {
  queue.VisitPending([this](const SimEvent& event) { Discard(event); });
  for (const Flow& flow : flows) {
    if (flow.used) Discard(flow.event);
  }
  for (const auto& [key, pair] : bulk_pairs) {
    for (const SimEvent& event : pair.waiting) Discard(event);
  }
  for (const ProcessRef& ref : refs) delete ref.process;
}

uint32_t EngineCore::TakeSlot(HostState& host, uint32_t wanted) {
  // A freed slot rests while others are used, so that an endpoint is not taken over at once by a stranger.
  constexpr size_t kResting = 32;
  uint32_t slot = wanted;
  if (slot == 0) {
    while (!host.free_slots.empty() && host.slots[host.free_slots.front() - kFirstSlot] != 0) {
      host.free_slots.erase(host.free_slots.begin());
    }
    const size_t next = host.slots.size() + kFirstSlot;
    if (host.free_slots.size() > kResting || (next > kMaxSlot && !host.free_slots.empty())) {
      slot = host.free_slots.front();
      host.free_slots.erase(host.free_slots.begin());
    } else {
      slot = static_cast<uint32_t>(next);
    }
  }
  ORRERY_ASSERT_MSG(slot >= kFirstSlot && slot <= kMaxSlot, "no endpoint slot left on this host");
  if (slot - kFirstSlot >= host.slots.size()) {
    for (size_t i = host.slots.size(); i < slot - kFirstSlot; ++i) {
      host.free_slots.push_back(static_cast<uint32_t>(i) + kFirstSlot);
    }
    host.slots.resize(slot - kFirstSlot + 1);
  }
  ORRERY_ASSERT_MSG(host.slots[slot - kFirstSlot] == 0, "this endpoint slot is taken");
  return slot;
}

ProcessHandle EngineCore::Spawn(uint32_t host_index, const SimEngine::Factory& factory,
                                ProcessOptions process_options) {
  HostState& host = hosts[host_index];
  ORRERY_ASSERT_MSG(host.alive, "spawn on a dead host");
  const uint32_t slot = TakeSlot(host, process_options.slot);
  const uint32_t id = static_cast<uint32_t>(refs.size());
  ORRERY_ASSERT(id < 0x80000000u);
  const Address self{uint64_t{host_index} << 16 | slot, id};
  auto* process = new Process(*this, id, self, std::move(process_options));
  refs.push_back({self.endpoint, process});
  host.slots[slot - kFirstSlot] = id;
  if (event_log != nullptr) event_log->OnSpawn(now, id, process->name, self);
  process->machine = factory(*process, self);
  ORRERY_ASSERT(process->machine != nullptr);
  queue.Push(now, {InputType::kStart, Stage::kReceived, 0, id, 0, 0, 0});
  return {id};
}

void EngineCore::Kill(uint32_t id, SimEngine::Notice notice) {
  Process* process = Find(id);
  if (process == nullptr) return;
  graveyard.emplace_back(process);
  refs[id].process = nullptr;
  HostState& host = hosts[process->host()];
  const uint32_t slot = static_cast<uint32_t>(process->self.endpoint & 0xffff);
  host.slots[slot - kFirstSlot] = 0;
  host.free_slots.push_back(slot);
  digest.AddEvent(now, uint64_t{id} << 8 | 7, 0, 0);
  if (event_log != nullptr) event_log->OnKill(now, id);
  DropFlowsOf(id);
  for (const PeerSet::Peer& peer : process->peers.Sorted()) {
    if (peer.id == id) continue;  // it sent to itself
    const bool by_endpoint = refs[peer.id].process->peers.Remove(id);
    TellPeerLost(peer.id, process->self, by_endpoint, notice);
  }
  for (size_t i = 0; i < process->local.size(); ++i) {
    SimLocalEndpoint* server = process->local[i];
    if (server == nullptr || std::count(process->local.begin(), process->local.begin() + i, server) > 0) continue;
    server->OnProcessGone({id});
  }
}

void EngineCore::KillHost(uint32_t index, SimEngine::Notice notice) {
  HostState& host = hosts[index];
  if (!host.alive) return;
  host.alive = false;
  host.notice = notice;
  if (solver && index < solver->hosts()) {
    solver->FailHost({index}, now);
    CollectFlows();
  }
  // Also of processes that ended earlier, bytes may still wait in the network card; they are lost with it.
  for (uint32_t id = kFirstIncarnation; id < refs.size(); ++id) {
    if (HostIndexOf(id) == index) cuts.emplace(id, now);
  }
  const std::vector<uint32_t> slots = host.slots;
  for (uint32_t id : slots) {
    if (id != 0) Kill(id, notice);
  }
  cards[index].tx_free = cards[index].rx_free = now;
}

int64_t EngineCore::CutOf(uint32_t process) const {
  if (cuts.empty() || refs[process].process != nullptr) return INT64_MAX;
  const auto cut = cuts.find(process);
  return cut == cuts.end() ? INT64_MAX : cut->second;
}

void EngineCore::SetBandwidth(uint32_t host, double out, double in) {
  hosts[host].spec.bandwidth_out = out;
  hosts[host].spec.bandwidth_in = in;
  cards[host].out_ns = out > 0 ? 1e9 / out : 0;
  cards[host].in_ns = in > 0 ? 1e9 / in : 0;
}

// ---- the public face ----

SimEngine::SimEngine(const EngineOptions& options) : core_(std::make_unique<EngineCore>(options)) {}
SimEngine::~SimEngine() = default;

HostId SimEngine::AddHost(const HostSpec& spec) {
  const uint32_t index = static_cast<uint32_t>(core_->hosts.size());
  core_->hosts.emplace_back().spec = spec;
  EngineCore::Card& card = core_->cards.emplace_back();
  card.latency_out = spec.latency_out.ns;
  card.latency_in = spec.latency_in.ns;
  card.speed = spec.speed;
  card.rack = spec.rack;
  core_->SetBandwidth(index, spec.bandwidth_out, spec.bandwidth_in);
  return {index};
}

const HostSpec& SimEngine::host(HostId host) const { return core_->hosts.at(host.value).spec; }
size_t SimEngine::host_count() const { return core_->hosts.size(); }
bool SimEngine::HostAlive(HostId host) const { return core_->hosts.at(host.value).alive; }
void SimEngine::KillHost(HostId host, Notice notice) { core_->KillHost(host.value, notice); }

void SimEngine::ReviveHost(HostId host) {
  EngineCore::HostState& state = core_->hosts.at(host.value);
  if (state.alive) return;
  state.alive = true;
  if (core_->solver && host.value < core_->solver->hosts()) core_->solver->ReviveHost(host, core_->now);
}

void SimEngine::SetHostSpeed(HostId host, double speed) {
  ORRERY_ASSERT(speed > 0);
  core_->hosts.at(host.value).spec.speed = core_->cards.at(host.value).speed = speed;
}

void SimEngine::SetHostBandwidth(HostId host, double bandwidth_out, double bandwidth_in) {
  core_->SetBandwidth(host.value, bandwidth_out, bandwidth_in);
  if (core_->solver && host.value < core_->solver->hosts()) {
    core_->solver->SetBandwidth(host, bandwidth_out, bandwidth_in, core_->now);
  }
}

Duration SimEngine::LatencyBetween(HostId a, HostId b) const {
  if (a == b) return core_->options.network.same_host_latency;
  return {core_->Latency(core_->cards.at(a.value), core_->cards.at(b.value))};
}

ProcessHandle SimEngine::Spawn(HostId host, const Factory& factory, ProcessOptions options) {
  ORRERY_ASSERT(host.value < core_->hosts.size());
  return core_->Spawn(host.value, factory, std::move(options));
}

void SimEngine::Kill(ProcessHandle process) { core_->Kill(process.value, Notice::kClosed); }
bool SimEngine::Alive(ProcessHandle process) const { return core_->Find(process.value) != nullptr; }
Address SimEngine::AddressOf(ProcessHandle process) const {
  return {core_->refs.at(process.value).endpoint, process.value};
}
HostId SimEngine::HostOf(ProcessHandle process) const { return {core_->HostIndexOf(process.value)}; }

const std::string& SimEngine::NameOf(ProcessHandle process) const {
  static const std::string none;
  const Process* found = core_->Find(process.value);
  return found == nullptr ? none : found->name;
}

ProcessHandle SimEngine::ProcessAt(const Address& address) const { return {core_->Resolve(address)}; }

StateMachine* SimEngine::Machine(ProcessHandle process) {
  Process* found = core_->Find(process.value);
  return found == nullptr ? nullptr : found->machine.get();
}

std::vector<ProcessHandle> SimEngine::ProcessesOn(HostId host) const {
  std::vector<ProcessHandle> processes;
  for (uint32_t id : core_->hosts.at(host.value).slots) {
    if (id != 0) processes.push_back({id});
  }
  return processes;
}

void SimEngine::SetLocalEndpoint(ProcessHandle process, const Address& endpoint, SimLocalEndpoint* server) {
  Process* found = core_->Find(process.value);
  ORRERY_ASSERT(found != nullptr && endpoint.endpoint >= 1 && endpoint.endpoint <= found->local.size());
  found->local[endpoint.endpoint - 1] = server;
}

void SimEngine::Deliver(ProcessHandle process, const Address& from, Message message, Duration delay) {
  if (Process* found = core_->Find(process.value)) core_->Deliver(*found, from, std::move(message), delay);
}

EventId SimEngine::At(Time when, EventHandler* handler, uint64_t a, uint64_t b) {
  ORRERY_ASSERT_MSG(when.ns >= core_->now, "an event in the past");
  return core_->queue.Push(when.ns,
                           {InputType::kHandler, Stage::kServed, 0, 0, reinterpret_cast<uint64_t>(handler), a, b});
}

void SimEngine::CancelEvent(EventId event) { core_->queue.Cancel(event); }

void SimEngine::StartFlow(HostId from, HostId to, int64_t bytes, EventHandler* handler, uint64_t a, uint64_t b) {
  ORRERY_ASSERT(bytes > 0 && from != to && HostAlive(from) && HostAlive(to) && (b & kFlowFailed) == 0);
  const SimEvent event{InputType::kHandler, Stage::kServed, 0, 0, reinterpret_cast<uint64_t>(handler), a, b};
  ORRERY_ASSERT_MSG(!core_->solver || std::max(from.value, to.value) < core_->solver->hosts(),
                    "a host added after the first flow cannot have flows");
  core_->QueueFlow(from.value, to.value, bytes, event, core_->now);
}

void SimEngine::SetTraceSink(SimTraceSink* sink) { core_->trace_sink = sink; }
void SimEngine::SetEventLog(EventLog* log) { core_->event_log = log; }
void SimEngine::SetSendFilter(SendFilter* filter) { core_->filter = filter; }

Time SimEngine::Now() const { return {core_->now}; }
SimEngine::RunEnd SimEngine::RunUntil(Time limit) { return core_->Run(UINT64_MAX, limit.ns); }
SimEngine::RunEnd SimEngine::RunSome(uint64_t budget, Time limit) { return core_->Run(budget, limit.ns); }
SimEngine::RunEnd SimEngine::RunToIdle() { return core_->Run(UINT64_MAX, INT64_MAX); }
void SimEngine::Stop() { core_->stop = true; }
void SimEngine::Audit() const { core_->Audit(); }

const EngineCounters& SimEngine::counters() const { return core_->counters; }
const Digest& SimEngine::digest() const { return core_->digest; }
const EngineOptions& SimEngine::options() const { return core_->options; }
Random SimEngine::NamedRandom(std::string_view name, std::string_view purpose) const {
  return Random::Named(core_->options.seed, name, purpose);
}

size_t SimEngine::MemoryBytes() const {
  size_t bytes = sizeof(EngineCore) + core_->queue.MemoryBytes() +
                 core_->refs.capacity() * sizeof(EngineCore::ProcessRef) +
                 core_->hosts.capacity() * (sizeof(EngineCore::HostState) + sizeof(EngineCore::Card)) +
                 core_->flows.capacity() * sizeof(EngineCore::Flow);
  for (const EngineCore::HostState& host : core_->hosts) {
    bytes += (host.slots.capacity() + host.free_slots.capacity()) * sizeof(uint32_t);
  }
  for (const EngineCore::ProcessRef& ref : core_->refs) {
    if (ref.process != nullptr) bytes += ref.process->MemoryBytes();
  }
  return bytes;
}

}  // namespace orrery
