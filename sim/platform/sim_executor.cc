#include "sim/platform/sim_executor.h"

#include <algorithm>
#include <utility>

#include "runtime/messages/message.h"
#include "runtime/messages/orrery.pb.h"

namespace orrery {

uint32_t SimExecutor::Highest(ProcessHandle process) const {
  const auto it = highest_.find(process.value);
  return it == highest_.end() ? 1 : it->second;
}

bool SimExecutor::Busy(ProcessHandle process) const {
  for (uint32_t i = 1; i <= Highest(process); ++i) {
    if (running_.Contains(Key(process, i))) return true;
  }
  return false;
}

void SimExecutor::OnMessage(ProcessHandle process, Message message) {
  if (message.kind() == MessageKind::kInterruptTask) {
    const auto& interrupt = message.As<msg::InterruptTask>();
    for (uint32_t i = 1; i <= Highest(process); ++i) {
      const Running* running = running_.Find(Key(process, i));
      if (running != nullptr && running->task == TaskId{{interrupt.owner()}, interrupt.index()})
        return Finish(process, i, true);
    }
    return;
  }
  const auto& execute = message.As<msg::ExecuteTask>();
  const uint32_t execution = execute.execution();
  if (execution > Highest(process)) highest_[process.value] = execution;
  const auto& spec = execute.spec();
  const double speed = engine_.host(engine_.HostOf(process)).speed;
  const Time now = engine_.Now();
  const Duration takes{speed == 1 ? spec.work_ns() : static_cast<int64_t>(static_cast<double>(spec.work_ns()) / speed)};
  Running running{{{spec.owner()}, spec.index()},
                  spec.num_returns(),
                  now,
                  engine_.At(now + takes, this, process.value, execution),
                  {}};
  running.return_bytes.assign(spec.return_bytes().begin(), spec.return_bytes().end());
  if (spec.has_actor()) running.incarnation = execute.attempt();
  const bool inserted = running_.Insert(Key(process, execution), std::move(running)).second;
  ORRERY_ASSERT(inserted);
}

void SimExecutor::OnProcessGone(ProcessHandle process) {
  for (uint32_t i = 1; i <= Highest(process); ++i) {
    if (const Running* running = running_.Find(Key(process, i))) engine_.CancelEvent(running->end);
    running_.Erase(Key(process, i));
  }
  highest_.erase(process.value);
  const auto actor = actors_.find(process.value);
  if (actor == actors_.end()) return;
  const auto live = live_.find(actor->second);
  if (--live->second == 0) live_.erase(live);
  actors_.erase(actor);
}

void SimExecutor::OnEvent(uint64_t a, uint64_t b) {
  Finish(ProcessHandle{static_cast<uint32_t>(a)}, static_cast<uint32_t>(b), false);
}

void SimExecutor::Finish(ProcessHandle process, uint32_t execution, bool interrupted) {
  const Running running = std::move(*running_.Find(Key(process, execution)));
  running_.Erase(Key(process, execution));
  if (interrupted) engine_.CancelEvent(running.end);
  if (running.incarnation && !interrupted) {
    const Incarnation made{running.task, *running.incarnation};
    actors_[process.value] = made;
    most_live_ = std::max(most_live_, ++live_[made]);
  }
  Draft<msg::TaskExecuted> result;
  result->set_owner(running.task.owner.value);
  result->set_index(running.task.index);
  result->set_execution(execution);
  result->set_start_ns(running.start.ns);
  result->set_finish_ns(engine_.Now().ns);
  if (interrupted) {
    result->set_status(static_cast<uint32_t>(StatusCode::kCancelled));
    result->set_error("interrupted");
  } else {
    for (uint32_t i = 0; i < running.num_returns; ++i) {
      result->add_returns();
      if (i >= running.return_bytes.size() || running.return_bytes[i] <= inline_limit_) continue;
      msg::StoredReturn* stored = result->add_stored();
      stored->set_position(i);
      stored->set_size(running.return_bytes[i]);
    }
  }
  engine_.Deliver(process, Address::Executor(), std::move(result));
}

}  // namespace orrery
