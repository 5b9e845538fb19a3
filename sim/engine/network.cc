// From Send to the receiver's network card.
#include <algorithm>
#include <cmath>

#include "runtime/messages/message.h"
#include "sim/engine/engine_core.h"

namespace orrery {

namespace {

// Every message occupies a card for at least a nanosecond, so that what leaves in order arrives in order.
int64_t CardTime(uint64_t bytes, double ns_per_byte) {
  return std::max<int64_t>(1, std::llround(std::ceil(static_cast<double>(bytes) * ns_per_byte)));
}

uint32_t SenderId(const SimEvent& event) {
  return static_cast<uint32_t>(event.type == InputType::kPeerLost ? event.z : event.x);
}

}  // namespace

// The living process that `to` names, or 0.
uint32_t EngineCore::Resolve(const Address& to) const {
  if (to.incarnation != 0) {
    if (to.incarnation >= refs.size()) return 0;
    const ProcessRef& ref = refs[to.incarnation];
    return ref.process != nullptr && ref.endpoint == to.endpoint ? static_cast<uint32_t>(to.incarnation) : 0;
  }
  const uint64_t host = to.endpoint >> 16;
  const uint32_t slot = static_cast<uint32_t>(to.endpoint & 0xffff);
  if (host >= hosts.size() || slot < kFirstSlot) return 0;
  const std::vector<uint32_t>& slots = hosts[host].slots;
  return slot - kFirstSlot < slots.size() ? slots[slot - kFirstSlot] : 0;
}

int64_t EngineCore::Latency(const Card& from, const Card& to) const {
  int64_t ns = from.latency_out + to.latency_in;
  if (options.network.rack_bandwidth > 0 && from.rack != to.rack) ns += options.network.rack_latency.ns;
  return ns;
}

void EngineCore::Send(Process& from, const Address& to, Message message) {
  ORRERY_ASSERT_MSG(message, "an empty message was sent");
  const uint16_t kind = static_cast<uint16_t>(message.kind());
  if (to.local()) {
    queue.Push(now, {InputType::kLocal, Stage::kServed, kind, from.id, to.endpoint,
                     reinterpret_cast<uint64_t>(message.Release()), 0});
    return;
  }
  const uint64_t size = message.EncodedSize();
  ++counters.sent;
  counters.bytes += size;
  const uint32_t target = Resolve(to);
  if (target == 0) return Unreachable(from, to);
  Process& receiver = *refs[target].process;
  if (from.peers.Add(target, to.incarnation == 0)) receiver.peers.Add(from.id, false);

  SendFilter::Verdict verdict;
  if (filter != nullptr) verdict = filter->OnSend({now}, {from.id}, {target}, message);
  if (verdict.action != SendFilter::Verdict::Action::kPass) {
    ++counters.dropped;
    if (verdict.action == SendFilter::Verdict::Action::kBreak) BreakPair(from, receiver);
    return;
  }
  for (uint32_t copy = 0; copy < verdict.copies; ++copy) {
    Message mine = copy + 1 < verdict.copies ? message.Clone() : std::move(message);
    const SimEvent event{InputType::kMessage,
                         Stage::kArriving,
                         kind,
                         target,
                         from.id | size << 32,
                         reinterpret_cast<uint64_t>(mine.Release()),
                         0};
    if (TakesBulkPath(from, receiver, size)) {
      SendBulk(from, receiver, event);
    } else if (from.bulk == 0 || !WaitBehindBulk(from.id, target, event)) {
      Transmit(event, verdict.delay, verdict.reorder);
    }
  }
}

void EngineCore::Transmit(SimEvent event, Duration extra, bool reorder) {
  const uint32_t sender = SenderId(event);
  const uint32_t from_host = HostIndexOf(sender), to_host = HostIndexOf(event.target);
  int64_t arrival;
  if (from_host == to_host) {
    event.stage = Stage::kReceived;
    arrival = now + options.network.same_host_latency.ns;
  } else {
    Card& source = cards[from_host];
    int64_t departure = now;
    if (source.out_ns > 0) {
      const uint64_t bytes = (event.x >> 32) + static_cast<uint64_t>(options.network.overhead_bytes);
      departure = std::max(now, source.tx_free) + CardTime(bytes, source.out_ns);
      source.tx_free = departure;
    }
    event.z = static_cast<uint64_t>(departure);
    arrival = departure + Latency(source, cards[to_host]);
  }
  arrival += extra.ns;
  if (filter != nullptr && !reorder) KeepPairOrder(sender, event.target, &arrival);
  queue.Push(arrival, event);
}

// Delays that a filter adds must not let messages of a pair overtake each other.
void EngineCore::KeepPairOrder(uint32_t from, uint32_t to, int64_t* arrival) {
  int64_t& last = last_arrival[uint64_t{from} << 32 | to];
  *arrival = std::max(*arrival, last);
  last = *arrival;
}

void EngineCore::TellPeerLost(uint32_t target, const Address& peer, bool by_endpoint, SimEngine::Notice notice) {
  SimEvent event{InputType::kPeerLost, Stage::kArriving, 0, target, peer.endpoint, peer.incarnation, peer.incarnation};
  if (notice == SimEngine::Notice::kSilent) {
    const int64_t noticed = now + options.network.silent_loss_delay.ns;
    event.stage = Stage::kReceived;
    queue.Push(noticed, event);
    if (!by_endpoint) return;
    event.y = 0;
    queue.Push(noticed, event);
    return;
  }
  PushPeerLost(event);
  if (!by_endpoint) return;
  event.y = 0;
  PushPeerLost(event);
}

// The closing of a connection follows what was sent on it.
void EngineCore::PushPeerLost(SimEvent event) {
  if (!WaitBehindBulk(static_cast<uint32_t>(event.z), event.target, event)) TransmitClosing(event);
}

void EngineCore::TransmitClosing(SimEvent event) {
  const uint32_t peer = static_cast<uint32_t>(event.z);
  const uint32_t from_host = HostIndexOf(peer), to_host = HostIndexOf(event.target);
  int64_t arrival = now + options.network.same_host_latency.ns;
  if (from_host == to_host) {
    event.stage = Stage::kReceived;
  } else {
    const Card& source = cards[from_host];
    const int64_t departure = CutOf(peer) == INT64_MAX ? std::max(now, source.tx_free) : now;
    arrival = departure + Latency(source, cards[to_host]);
  }
  if (filter != nullptr) KeepPairOrder(peer, event.target, &arrival);
  queue.Push(arrival, event);
}

// Nobody lives at `to`: the sender learns it after the way there, or late when the host vanished silently.
void EngineCore::Unreachable(Process& from, const Address& to) {
  ++counters.dropped;
  const uint64_t host = to.endpoint >> 16;
  const Card& source = cards[from.host()];
  int64_t delay = 2 * source.latency_out;
  if (host < hosts.size()) {
    const HostState& target = hosts[host];
    delay = host == from.host() ? options.network.same_host_latency.ns : Latency(source, cards[host]);
    if (!target.alive && target.notice == SimEngine::Notice::kSilent) delay = options.network.silent_loss_delay.ns;
  }
  queue.Push(now + delay, {InputType::kPeerLost, Stage::kReceived, 0, from.id, to.endpoint, to.incarnation, 0});
}

// The connection of two living processes breaks: both are told, and the next message makes a new one.
void EngineCore::BreakPair(Process& from, Process& to) {
  const bool from_flag = from.peers.Remove(to.id);
  const bool to_flag = to.peers.Remove(from.id);
  TellPeerLost(from.id, to.self, from_flag, SimEngine::Notice::kClosed);
  TellPeerLost(to.id, from.self, to_flag, SimEngine::Notice::kClosed);
}

void EngineCore::Deliver(Process& to, const Address& from, Message message, Duration delay) {
  ORRERY_ASSERT(from.local() && from && message && delay.ns >= 0);
  const uint64_t size = message.EncodedSize();
  const uint16_t kind = static_cast<uint16_t>(message.kind());
  queue.Push(now + delay.ns, {InputType::kMessage, Stage::kReceived, kind, to.id, from.endpoint | size << 32,
                              reinterpret_cast<uint64_t>(message.Release()), 0});
}

}  // namespace orrery
