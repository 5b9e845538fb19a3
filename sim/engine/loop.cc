// The loop: the earliest of our own events and SimGrid's.
#include <algorithm>

#include "sim/engine/engine_core.h"

namespace orrery {

SimEngine::RunEnd EngineCore::Run(uint64_t budget, int64_t limit) {
  stop = false;
  while (!stop) {
    CollectFlows();
    const int64_t own = queue.PeekTime();
    const int64_t flow = solver ? solver->NextTime() : FlowSolver::kNever;
    const int64_t next = std::min(own, flow);
    if (next == queue.kNever) {
      queue.Rewind(now);  // what surfaced last may have been cancelled events of later times
      return SimEngine::RunEnd::kIdle;
    }
    if (next > limit) {
      now = std::max(now, limit);
      return SimEngine::RunEnd::kTimeLimit;
    }
    if (budget == 0) return SimEngine::RunEnd::kBudget;
    if (flow <= own) {
      now = flow;
      solver->AdvanceTo(flow);
      continue;
    }
    if (options.permute_ties && permuted == 0) {
      const uint64_t salt = options.seed ^ Mix64(static_cast<uint64_t>(own));
      permuted = queue.ReorderFirst([salt](const SimEvent& event) { return Mix64(salt + event.target); });
    }
    if (Step()) --budget;
  }
  return SimEngine::RunEnd::kStopped;
}

// At 10,000 nodes an event costs less than the waiting for its memory. So while one is handled, the first lines of what
// it will need next are fetched, and the process of the event that follows it.
void EngineCore::Prefetch(const SimEvent& event) const {
  if (event.target != 0) {
    const Process* process = refs[event.target].process;
    __builtin_prefetch(process->machine.get());
    __builtin_prefetch(&cards[process->host()]);
    __builtin_prefetch(reinterpret_cast<const char*>(process) + 64);
    if (event.type == InputType::kMessage) {
      __builtin_prefetch(&refs[static_cast<uint32_t>(event.x)]);
      __builtin_prefetch(reinterpret_cast<const char*>(event.y));
    }
  }
  const SimEvent* next = queue.PeekPayload();
  if (next != nullptr && next->target != 0) __builtin_prefetch(refs[next->target].process);
}

bool EngineCore::Step() {
  SimEvent event;
  int64_t time;
  if (permuted > 0) --permuted;
  if (!queue.Pop(&time, &event)) return false;
  if (event.target != 0) {
    // Of the dead nothing is served any more; nor does what had not left the card of a host that died ever arrive.
    const bool lost = event.type == InputType::kMessage && event.stage == Stage::kArriving &&
                      static_cast<int64_t>(event.z) > CutOf(static_cast<uint32_t>(event.x));
    if (refs[event.target].process == nullptr || lost) {
      Discard(event);
      return false;
    }
  }
  now = time;
  Prefetch(event);
  const uint64_t before = counters.events;
  switch (event.type) {
    case InputType::kLocal: OnLocal(event); break;
    case InputType::kHandler: OnHandler(event); break;
    case InputType::kFlow: StartFlow(static_cast<uint32_t>(event.x)); break;
    default: OnInput(event); break;
  }
  if (!graveyard.empty()) graveyard.clear();
  if (counters.events == before) return false;
  if (options.audit_every != 0 && counters.events % options.audit_every == 0) Audit();
  return true;
}

void EngineCore::Audit() const {
  for (const ProcessRef& ref : refs) {
    if (ref.process != nullptr) ref.process->machine->CheckInvariants(true);
  }
}

}  // namespace orrery
