#include "sim/engine/process.h"

#include <string_view>
#include <utility>

#include "sim/engine/engine_core.h"

namespace orrery {

namespace {
constexpr std::array<std::string_view, static_cast<size_t>(RandomStream::kCount)> kStreamNames = {
    "scheduling", "worker_pool", "retry", "workload", "faults", "network"};
}  // namespace

Process::Process(EngineCore& engine, uint32_t process_id, Address address, ProcessOptions options)
    : core(engine), costs(options.costs), self(address), id(process_id), name(std::move(options.name)) {}

Time Process::Now() const { return {core.now}; }

void Process::Send(const Address& to, Message message) { core.Send(*this, to, std::move(message)); }

void Process::SetTimer(Duration delay, TimerKind kind, uint64_t timer) {
  ORRERY_ASSERT(delay.ns >= 0);
  SimEvent event{InputType::kTimer, Stage::kReceived, static_cast<uint16_t>(kind), id, timer, 0, 0};
  if (EventId* pending = timers.Find(kind, timer)) {
    core.CancelInput(*this, *pending);
    *pending = core.queue.Push(core.now + delay.ns, event);
    return;
  }
  timers.Insert(kind, timer, core.queue.Push(core.now + delay.ns, event));
}

void Process::CancelTimer(TimerKind kind, uint64_t timer) {
  EventId* pending = timers.Find(kind, timer);
  if (pending == nullptr) return;
  core.CancelInput(*this, *pending);
  timers.Erase(kind, timer);
}

Random& Process::RandomFor(RandomStream stream) {
  if (!streams_) {
    streams_ = std::make_unique<Streams>();
    for (size_t i = 0; i < streams_->size(); ++i) {
      (*streams_)[i] = Random::Named(core.options.seed, name, kStreamNames[i]);
    }
  }
  return (*streams_)[static_cast<size_t>(stream)];
}

void Process::Trace(const TraceEvent& event) { core.OnTrace(*this, event); }

size_t Process::MemoryBytes() const {
  return sizeof(Process) + peers.MemoryBytes() + timers.MemoryBytes() + (streams_ ? sizeof(Streams) : 0) +
         (name.capacity() > 15 ? name.capacity() + 1 : 0);
}

}  // namespace orrery
