// What became of actors, by the GCS's traces.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>

#include "runtime/env/actor_phase.h"
#include "runtime/env/trace.h"
#include "sim/record/summary.h"

namespace orrery {

class ActorCounts {
 public:
  // A kActorState.
  void OnTrace(const TraceEvent& event) {
    Seen& seen = actors_[event.task];
    const auto phase = static_cast<ActorPhase>(event.b);
    if (phase == ActorPhase::kAlive) {
      seen.created = true;
      most_live_ = std::max<uint64_t>(most_live_, seen.live && seen.worker != event.worker ? 2 : 1);
      seen.worker = event.worker;
    }
    seen.live = phase == ActorPhase::kAlive;
    if (phase == ActorPhase::kDead) seen.dead = true;
    seen.restarts = std::max(seen.restarts, event.a);
  }
  // Found by looking at processes.
  void SetMostLive(uint64_t most) { most_live_ = std::max(most_live_, most); }
  // actors: those whose constructor has returned at some time, that are dead, new incarnations of all together, and how
  // many incarnations callers could reach at once. Nothing when there were no actors.
  void Write(Summary& summary) const {
    if (actors_.empty()) return;
    uint64_t created = 0, dead = 0, restarted = 0;
    for (const auto& [id, seen] : actors_) {
      created += seen.created;
      dead += seen.dead;
      restarted += static_cast<uint64_t>(seen.restarts);
    }
    summary.SetUnsigned("actors.created", created);
    summary.SetUnsigned("actors.restarted", restarted);
    summary.SetUnsigned("actors.dead", dead);
    summary.SetUnsigned("actors.max_live_incarnations", most_live_);
  }

 private:
  struct Seen {
    bool created = false, dead = false, live = false;
    WorkerId worker;
    int64_t restarts = 0;
  };
  std::map<TaskId, Seen> actors_;
  uint64_t most_live_ = 0;
};

}  // namespace orrery
