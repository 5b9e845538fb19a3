#include "sim/replay/recording.h"

#include <string>

namespace orrery {

void Recording::DescribeTask(const TaskDescription& task) {
  std::lock_guard lock(mutex_);
  TaskDescription timed = task;
  timed.submitted = now();  // under the lock: the recorder wants its events in order of time
  recorder_.DescribeTask(timed);
}

void Recording::DescribeNode(const NodeDescription& node) {
  std::lock_guard lock(mutex_);
  recorder_.DescribeNode(node);
}

void Recording::NodeLeft(NodeId node) {
  std::lock_guard lock(mutex_);
  recorder_.NodeLeft(node, now());
}

void Recording::Fault(const std::string& what) {
  std::lock_guard lock(mutex_);
  recorder_.OnTrace(now(), {.kind = TraceKind::kFaultFired, .text = what});
}

void Recording::OnTrace(Time, TraceEvent event) {
  std::lock_guard lock(mutex_);
  ++events_;
  // A task that never ran has no times.
  const bool timed = event.kind == TraceKind::kTaskFinished || event.kind == TraceKind::kTaskRetried;
  if (timed && event.b > 0) {
    event.a -= begin_.ns;
    event.b -= begin_.ns;
  }
  recorder_.OnTrace(now(), event);
}

Recording::Counts Recording::counts() {
  std::lock_guard lock(mutex_);
  return {recorder_.submitted(), recorder_.finished(), recorder_.failed(), events_};
}

}  // namespace orrery
