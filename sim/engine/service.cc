// From the receiver's network card through the process's queue to its handler.
#include <algorithm>
#include <cmath>

#include "runtime/messages/message.h"
#include "sim/engine/engine_core.h"
#include "sim/engine/event_log.h"

namespace orrery {

namespace {
Message TakeMessage(const SimEvent& event) {
  return Message(static_cast<MessageKind>(event.data), reinterpret_cast<Message::Proto*>(event.y));
}
uint64_t SizeOf(const SimEvent& event) { return event.x >> 32; }
}  // namespace

Address EngineCore::SenderOf(const SimEvent& event) const {
  const uint32_t sender = static_cast<uint32_t>(event.x);
  if (sender < kFirstIncarnation) return {sender, 0};
  return {refs[sender].endpoint, sender};
}

int64_t EngineCore::CostOf(const Process& process, const SimEvent& event) const {
  if (process.costs == nullptr) return 0;
  int64_t ns = 0;
  switch (event.type) {
    case InputType::kMessage: ns = process.costs->message_ns[event.data]; break;
    case InputType::kTimer: ns = process.costs->timer_ns; break;
    case InputType::kPeerLost: ns = process.costs->peer_lost_ns; break;
    default: break;
  }
  const double speed = cards[process.host()].speed;
  return ns == 0 || speed == 1 ? ns : std::llround(static_cast<double>(ns) / speed);
}

// Releases what an event owns, when nobody is left to take it.
void EngineCore::Discard(const SimEvent& event) {
  if (event.type != InputType::kMessage && event.type != InputType::kLocal) return;
  ++counters.dropped;
  TakeMessage(event);
}

// The process lives. An input that must wait goes back into the queue with its next stage; the order of inputs that
// arrive together is kept, because a waiting one is never overtaken (`waiting`).
void EngineCore::OnInput(SimEvent event) {
  Process& process = *refs[event.target].process;
  if (event.stage == Stage::kArriving) {
    Card& host = cards[process.host()];
    event.stage = Stage::kReceived;
    if (host.in_ns > 0) {
      const double bytes = event.type == InputType::kMessage ? static_cast<double>(SizeOf(event)) +
                                                                   static_cast<double>(options.network.overhead_bytes)
                                                             : 0;
      const int64_t card = std::max<int64_t>(1, std::llround(std::ceil(bytes * host.in_ns)));
      // The card works while the bytes arrive, so it adds nothing unless it was busy with others.
      host.rx_free = std::max(now, host.rx_free + card);
      if (host.rx_free > now) {
        queue.Push(host.rx_free, event);
        return;
      }
    }
  }
  if (event.stage == Stage::kReceived) {
    const int64_t cost = CostOf(process, event);
    if (cost > 0 || process.waiting > 0) {
      ++process.waiting;
      process.busy_until = std::max(now, process.busy_until) + cost;
      event.stage = Stage::kServed;
      const EventId id = queue.Push(process.busy_until, event);
      if (event.type == InputType::kTimer) *process.timers.Find(static_cast<TimerKind>(event.data), event.x) = id;
      return;
    }
  } else {
    --process.waiting;
  }
  Execute(process, event);
}

void EngineCore::CancelInput(Process& process, EventId id) {
  SimEvent event;
  const bool pending = queue.Cancel(id, &event);
  ORRERY_ASSERT(pending);
  if (event.stage == Stage::kServed) --process.waiting;
}

void EngineCore::Execute(Process& process, const SimEvent& event) {
  ++counters.events;
  const uint32_t id = process.id;
  switch (event.type) {
    case InputType::kMessage: HandleMessage(process, event); break;
    case InputType::kTimer:
      ++counters.timers;
      Record(uint64_t{id} << 8 | 2, event.data, event.x);
      if (event_log != nullptr) event_log->OnTimer(now, id, static_cast<TimerKind>(event.data), event.x);
      process.timers.Erase(static_cast<TimerKind>(event.data), event.x);
      process.machine->OnTimer(static_cast<TimerKind>(event.data), event.x);
      break;
    case InputType::kPeerLost:
      Record(uint64_t{id} << 8 | 3, event.x, event.y);
      if (event_log != nullptr) event_log->OnPeerLost(now, id, {event.x, event.y});
      process.machine->OnPeerLost({event.x, event.y});
      break;
    default:
      Record(uint64_t{id} << 8 | 4, 0, 0);
      process.machine->Start();
      break;
  }
  if (options.check_invariants && refs[id].process != nullptr) process.machine->CheckInvariants(false);
}

void EngineCore::HandleMessage(Process& process, const SimEvent& event) {
  ++counters.messages;
  Record(uint64_t{process.id} << 8 | 1, event.x, event.data);
  const MessageKind kind = static_cast<MessageKind>(event.data);
  if (event_log != nullptr) {
    event_log->OnMessage(now, process.id, static_cast<uint32_t>(event.x), kind, SizeOf(event));
  }
  Message message = TakeMessage(event);
  if (options.through_codec) {
    scratch.clear();
    message.AppendTo(scratch);
    ORRERY_ASSERT_MSG(scratch.size() == SizeOf(event), "a message changed after it was sent");
    Result<Message> parsed = Message::Parse(kind, scratch);
    ORRERY_ASSERT_MSG(parsed.ok(), parsed.status().message().c_str());
    std::string again;
    parsed.value().AppendTo(again);
    ORRERY_ASSERT_MSG(again == scratch, "a message is not the same after encoding and parsing");
    message = std::move(parsed.value());
  }
  process.machine->OnMessage(SenderOf(event), std::move(message));
}

void EngineCore::OnLocal(const SimEvent& event) {
  ++counters.events;
  Record(uint64_t{event.target} << 8 | 5, event.x, event.data);
  if (event_log != nullptr) event_log->OnLocal(now, event.target, event.x, static_cast<MessageKind>(event.data));
  SimLocalEndpoint* server = refs[event.target].process->local[event.x - 1];
  Message message = TakeMessage(event);
  ORRERY_ASSERT_MSG(server != nullptr, "nothing is modelled behind this local endpoint");
  server->OnMessage({event.target}, std::move(message));
}

void EngineCore::OnHandler(const SimEvent& event) {
  ++counters.events;
  Record(6, event.y, event.z);
  if (event_log != nullptr) event_log->OnHandler(now, event.y, event.z);
  reinterpret_cast<EventHandler*>(event.x)->OnEvent(event.y, event.z);
}

void EngineCore::Record(uint64_t a, uint64_t b, uint64_t c) { digest.AddEvent(now, a, b, c); }

void EngineCore::OnTrace(Process& process, const TraceEvent& event) {
  digest.AddTrace(now, process.id, event);
  if (event_log != nullptr) event_log->OnTrace(now, process.id, event);
  if (trace_sink != nullptr) trace_sink->OnTrace({now}, {process.id}, event);
}

}  // namespace orrery
