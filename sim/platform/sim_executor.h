// The modelled executor of simulated workers: a task takes its work divided by the host's speed.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "runtime/common/ids.h"
#include "runtime/common/lookup.h"
#include "sim/engine/engine.h"

namespace orrery {

// Serves every worker of the run. Results are sizes without bytes: those above the inline limit say how large they are
// and lie in the node's store, the others are empty values. Writing them takes no time. A worker runs one task at a
// time (its core worker sees to that) on a core that its lease holds, so no two tasks share a core; calls of a
// concurrent actor are taken to wait for the outside world, and do not slow each other down.
class SimExecutor final : public SimLocalEndpoint, public EventHandler {
 public:
  SimExecutor(SimEngine& engine, int64_t inline_limit) : engine_(engine), inline_limit_(inline_limit) {}
  void OnMessage(ProcessHandle process, Message message) override;
  void OnProcessGone(ProcessHandle process) override;
  // a: the process, b: the execution. Its time is over.
  void OnEvent(uint64_t a, uint64_t b) override;
  bool Busy(ProcessHandle process) const;
  // How many processes were one and the same incarnation of an actor at once, at most, at any time. A call names the
  // incarnation that it is for and no other one takes it: so many could have answered it.
  uint64_t most_live_incarnations() const { return most_live_; }

 private:
  struct Running {
    TaskId task;
    uint32_t num_returns = 0;
    Time start;
    EventId end;
    std::vector<int64_t> return_bytes;  // empty, or as many as returns
    std::optional<uint32_t> incarnation = {};  // of the actor that it creates
  };
  using Incarnation = std::pair<TaskId, uint32_t>;
  static uint64_t Key(ProcessHandle process, uint32_t execution) { return uint64_t{execution} << 32 | process.value; }
  uint32_t Highest(ProcessHandle process) const;
  void Finish(ProcessHandle process, uint32_t execution, bool interrupted);
  SimEngine& engine_;
  const int64_t inline_limit_;
  Lookup<uint64_t, Running> running_;  // by Key
  std::map<uint32_t, uint32_t> highest_;  // of processes that have run several at once: the greatest execution
  std::map<uint64_t, Incarnation> actors_;  // by process: what it is
  std::map<Incarnation, uint64_t> live_;    // processes of each
  uint64_t most_live_ = 0;
};

}  // namespace orrery
