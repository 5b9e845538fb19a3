// The modelled executor of simulated workers: a task takes its work divided by the host's speed.
#pragma once

#include <vector>

#include "runtime/common/ids.h"
#include "runtime/common/lookup.h"
#include "sim/engine/engine.h"

namespace orrery {

// Serves every worker of the run. A worker runs one task at a time (its core worker sees to that) on a core that its
// lease holds, so no two tasks share a core.
class SimExecutor final : public SimLocalEndpoint, public EventHandler {
 public:
  explicit SimExecutor(SimEngine& engine) : engine_(engine) {}
  void OnMessage(ProcessHandle process, Message message) override;
  void OnProcessGone(ProcessHandle process) override;
  // a: the process. Its task's time is over.
  void OnEvent(uint64_t a, uint64_t b) override;
  bool Busy(ProcessHandle process) const { return running_.Contains(process.value); }

 private:
  struct Running {
    TaskId task;
    uint32_t num_returns = 0;
    Time start;
    EventId end;
  };
  void Finish(ProcessHandle process, bool interrupted);
  SimEngine& engine_;
  Lookup<uint64_t, Running> running_;
};

}  // namespace orrery
