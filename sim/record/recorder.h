// Turns what a run traces into a result folder; the same for the simulated and the live world.
//
// Feed it nodes, tasks and trace events in order of time, then call Finish once and Write. Memory: under 200 bytes per
// task.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/common/status.h"
#include "runtime/common/time.h"
#include "runtime/env/trace.h"
#include "runtime/messages/autoscaler_rows.h"
#include "sim/record/summary.h"

namespace orrery {

// Opens a task's row. Tasks that are only traced (kTaskSubmitted) get a row without resources.
struct TaskDescription {
  TaskId task;
  std::string_view name;  // copied
  JobId job;
  double cpus = 0, gpus = 0;
  Time submitted;
  bool creates_actor =
      false;  // it runs from when its owner hears that the actor takes calls: its wait is what that took
};

// Opens a node's row. Times of the node are those the workload sees: when it could first be used.
struct NodeDescription {
  NodeId node;
  std::string name, type;
  double cpus = 0, gpus = 0;
  int64_t memory_bytes = 0;
  Time joined;
};

struct RecorderOptions {
  // Stems of the files to write ("tasks", "timeline", "events" …); empty: every file except events. summary and columns
  // are always written.
  std::vector<std::string> outputs;
  std::string events_path;  // events.jsonl is streamed here while the run goes on; "": not written
  int64_t warmup_tasks = 0;  // this many first submitted tasks are left out of the statistics (not of tasks.csv)
  Time warmup_until;  // so are tasks submitted before
  size_t max_timeline_spans = 100'000;  // later tasks are left out of timeline.json, with a note in it
  Duration slowdown_bound = Duration::Seconds(10);  // bounded slowdown divides by at least this (Feitelson 2001)
};

// What only the caller knows of a run.
struct RunFacts {
  std::string world;  // "sim" or "live"
  std::string scenario;
  uint64_t seed = 0;
  uint64_t digest = 0;  // 0 in the live world, written as ""
  uint64_t events = 0, messages = 0;
  Time end;  // of the world's clock
  double wall_seconds = 0;
  std::optional<double> critical_path_s, work_s;  // lower bounds of the workload, when known
  std::optional<double> recorded_makespan_s;  // of the original of a replayed trace
};

class RunRecorder {
 public:
  explicit RunRecorder(RecorderOptions options = {});
  ~RunRecorder();
  RunRecorder(const RunRecorder&) = delete;
  RunRecorder& operator=(const RunRecorder&) = delete;

  // Describing a task or node a second time replaces what was said, except a task's submit time.
  void DescribeTask(const TaskDescription& task);
  void DescribeJob(JobId job, std::string name);
  void DescribeNode(const NodeDescription& node);
  void NodeLeft(NodeId node, Time when);  // also read from kNodeDead
  void OnTrace(Time now, const TraceEvent& event);
  // Rows of an autoscaler that wrote them itself, in order.
  void AddAutoscaler(const std::vector<AutoscalerRow>& rows);

  uint64_t submitted() const;
  uint64_t finished() const;  // ended well
  uint64_t failed() const;  // ended with an error
  // Tasks submitted and not ended.
  uint64_t in_system() const;

  // How many incarnations of an actor were there for callers at once, by their processes. Before Finish.
  void SetMostLiveIncarnations(uint64_t most);
  // Bytes of objects that arrived at other nodes.
  int64_t moved_bytes() const;
  // Where the task's last attempt ran; none when it is unknown.
  NodeId NodeOf(TaskId task) const;

  // Computes the statistics. Call once, after the last event; the summary can be extended before Write.
  Summary& Finish(const RunFacts& facts);
  Summary& summary();

  // Writes the files into `folder`, which is made if missing. kUnavailable names the file that could not be written.
  Status Write(const std::string& folder) const;
  // Bytes held by the tables. For tests and benchmarks.
  size_t MemoryBytes() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace orrery
