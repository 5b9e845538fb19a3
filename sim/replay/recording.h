// The recorder as many threads may use it, on the replay's clock: 0 is when the workload began.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "runtime/common/ids.h"
#include "sim/record/recorder.h"
#include "sim/replay/loop.h"

namespace orrery {

// What another process traced: on CLOCK_MONOTONIC, without text.
struct TimedEvent {
  Time when;
  TraceEvent event;
};

class Recording {
 public:
  explicit Recording(RecorderOptions options) : recorder_(std::move(options)) {}

  // The workload begins now. Nothing is recorded before.
  void Begin() { begin_ = MonotonicNow(); }
  Time begin() const { return begin_; }
  Time now() const { return Time{MonotonicNow().ns - begin_.ns}; }

  void DescribeTask(const TaskDescription& task);
  void DescribeJob(JobId job, std::string name);
  void DescribeNode(const NodeDescription& node);
  void NodeLeft(NodeId node);
  void Fault(const std::string& what);
  // An event of a driver's core worker, whose times are those of CLOCK_MONOTONIC. Those of objects wait for AddObjects.
  void OnTrace(Time time, TraceEvent event);
  // The workload has ended, and this is what other processes traced of objects: all of it is recorded now, in order of
  // time.
  void AddObjects(std::vector<TimedEvent> events);

  struct Counts {
    uint64_t submitted = 0, finished = 0, failed = 0, events = 0;
  };
  Counts counts();
  // When every other thread has stopped.
  RunRecorder& recorder() { return recorder_; }

 private:
  std::mutex mutex_;
  RunRecorder recorder_;
  Time begin_;
  uint64_t events_ = 0;
  std::vector<TimedEvent> objects_;  // of the drivers, and deaths of nodes
};

}  // namespace orrery
