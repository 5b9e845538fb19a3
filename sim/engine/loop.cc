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

bool EngineCore::Step() {
  SimEvent event;
  int64_t time;
  if (permuted > 0) --permuted;
  if (!queue.Pop(&time, &event)) return false;
  if (event.target != 0) {
    // Of the dead nothing is served any more; nor does what had not left the card of a host that died ever arrive.
    const bool lost = event.type == InputType::kMessage && event.stage == Stage::kArriving &&
                      static_cast<int64_t>(event.z) > refs[static_cast<uint32_t>(event.x)].cut;
    if (refs[event.target].process == nullptr || lost) {
      Discard(event);
      return false;
    }
  }
  now = time;
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
