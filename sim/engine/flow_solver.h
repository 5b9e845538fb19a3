// Bulk transfers that share bandwidth: SimGrid's max-min solver, stepped from outside.
//
// SimGrid runs no actors, timers or mailboxes here. Only what concerns live flows advances its clock; the engine asks
// for the next date and moves it there when nothing of its own comes first.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "sim/engine/types.h"

namespace orrery {

// At most one per operating system process (SimGrid's Engine is a singleton that cannot be made twice): runs with bulk
// transfers that follow one another are forked from a common parent. Times are the engine's nanoseconds and never go
// back.
class FlowSolver {
 public:
  struct Options {
    double rack_bandwidth = 0;  // bytes/s of each rack's uplink, each direction; 0: a flat star, racks are ignored
    Duration rack_latency;      // added one way between racks
    Duration precision;         // events this close together are merged (SimGrid's surf/precision); 0: exact
  };
  struct Completion {
    uint64_t token;
    bool failed;  // a host at either end died
  };
  using FlowId = uint64_t;
  static constexpr int64_t kNever = INT64_MAX;

  // All hosts in order of their HostId, all alive; none can be added later, as SimGrid seals its platform. Asserts when
  // this process has, or had, another solver.
  FlowSolver(const Options& options, const std::vector<HostSpec>& hosts);
  ~FlowSolver();
  FlowSolver(const FlowSolver&) = delete;
  FlowSolver& operator=(const FlowSolver&) = delete;
  // True once a solver has been made in this process.
  static bool Used();

  // Begins at `now` (not before any time given earlier); bytes > 0, both hosts alive and different.
  FlowId Start(HostId from, HostId to, int64_t bytes, uint64_t token, int64_t now);
  // The flow ends without completion. Nothing when it is over.
  void Cancel(FlowId flow, int64_t now);
  // Flows of the host fail: they are in completions() when this returns.
  void FailHost(HostId host, int64_t now);
  void ReviveHost(HostId host, int64_t now);
  void SetBandwidth(HostId host, double out, double in, int64_t now);

  // When SimGrid has something to do next, not before the last time given; kNever without live flows.
  int64_t NextTime();
  // Moves SimGrid's clock to `now` <= NextTime(), or to that date itself. Ended flows are appended to completions().
  void AdvanceTo(int64_t now);
  // In order of their start, for each instant; the caller empties it.
  std::vector<Completion>& completions();
  size_t live() const;
  size_t hosts() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace orrery
