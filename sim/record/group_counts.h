// What became of placement groups, by the GCS's traces.
#pragma once

#include <cstdint>
#include <map>

#include "runtime/common/status.h"
#include "runtime/env/placement_group_phase.h"
#include "runtime/env/trace.h"
#include "sim/record/summary.h"

namespace orrery {

class GroupCounts {
 public:
  // A kGroupState.
  void OnTrace(const TraceEvent& event) {
    Seen& seen = groups_[event.task];
    const auto phase = static_cast<PlacementGroupPhase>(event.b);
    if (phase == PlacementGroupPhase::kCreated) seen.created = true;
    if (phase == PlacementGroupPhase::kRemoved) seen.removed = true;
    if (phase == PlacementGroupPhase::kRescheduling && seen.last != phase) ++rescheduled_;
    if (event.c == static_cast<int64_t>(StatusCode::kInfeasible)) seen.infeasible = true;
    seen.last = phase;
  }
  // placement_groups: groups that were all reserved at some time, that were removed, that no nodes could hold at some
  // time; and how often lost bundles were placed again. Nothing when there were none.
  void Write(Summary& summary) const {
    if (groups_.empty()) return;
    uint64_t created = 0, removed = 0, infeasible = 0;
    for (const auto& [id, seen] : groups_) {
      created += seen.created;
      removed += seen.removed;
      infeasible += seen.infeasible;
    }
    summary.SetUnsigned("placement_groups.created", created);
    summary.SetUnsigned("placement_groups.rescheduled", rescheduled_);
    summary.SetUnsigned("placement_groups.removed", removed);
    summary.SetUnsigned("placement_groups.infeasible", infeasible);
  }

 private:
  struct Seen {
    bool created = false, removed = false, infeasible = false;
    PlacementGroupPhase last = PlacementGroupPhase::kPending;
  };
  std::map<TaskId, Seen> groups_;
  uint64_t rescheduled_ = 0;
};

}  // namespace orrery
