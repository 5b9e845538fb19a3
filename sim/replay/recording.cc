#include "sim/replay/recording.h"

#include <algorithm>
#include <string>

#include "sim/record/object_log.h"

namespace orrery {

void Recording::DescribeTask(const TaskDescription& task) {
  std::lock_guard lock(mutex_);
  TaskDescription timed = task;
  timed.submitted = now();  // under the lock: the recorder wants its events in order of time
  recorder_.DescribeTask(timed);
}

void Recording::DescribeJob(JobId job, std::string name) {
  std::lock_guard lock(mutex_);
  recorder_.DescribeJob(job, std::move(name));
}

void Recording::DescribeNode(const NodeDescription& node) {
  std::lock_guard lock(mutex_);
  recorder_.DescribeNode(node);
}

void Recording::NodeLeft(NodeId node) {
  std::lock_guard lock(mutex_);
  recorder_.NodeLeft(node, now());
  objects_.push_back({MonotonicNow(), {.kind = TraceKind::kNodeDead, .node = node}});
}

void Recording::Fault(const std::string& what) {
  std::lock_guard lock(mutex_);
  recorder_.OnTrace(now(), {.kind = TraceKind::kFaultFired, .text = what});
}

void Recording::OnTrace(Time time, TraceEvent event) {
  std::lock_guard lock(mutex_);
  ++events_;
  if (ObjectLog::Reads(event.kind)) {
    event.text = {};
    objects_.push_back({time, event});
    return;
  }
  // A task that never ran has no times.
  const bool timed = event.kind == TraceKind::kTaskFinished || event.kind == TraceKind::kTaskRetried;
  if (timed && event.b > 0) {
    event.a -= begin_.ns;
    event.b -= begin_.ns;
  }
  recorder_.OnTrace(now(), event);
}

void Recording::AddObjects(std::vector<TimedEvent> events) {
  std::lock_guard lock(mutex_);
  events_ += events.size();
  objects_.insert(objects_.end(), events.begin(), events.end());
  const auto earlier = [](const TimedEvent& a, const TimedEvent& b) { return a.when < b.when; };
  std::stable_sort(objects_.begin(), objects_.end(), earlier);
  for (const TimedEvent& timed : objects_)
    recorder_.OnTrace(Time{std::max<int64_t>(0, timed.when.ns - begin_.ns)}, timed.event);
  objects_.clear();
}

Recording::Counts Recording::counts() {
  std::lock_guard lock(mutex_);
  return {recorder_.submitted(), recorder_.finished(), recorder_.failed(), events_};
}

}  // namespace orrery
