// What RunRecorder holds. Internal to sim/record: recorder.cc fills it, report.cc computes from it, files.cc writes it.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/messages/autoscaler_rows.h"
#include "sim/record/actor_counts.h"
#include "sim/record/csv_writer.h"
#include "sim/record/group_counts.h"
#include "sim/record/object_log.h"
#include "sim/record/recorder.h"
#include "sim/record/statistics.h"
#include "sim/record/task_table.h"

namespace orrery {

struct NodeRow {
  NodeDescription what;
  std::optional<Time> left;
  double busy_cpu_seconds = 0;  // of ended tasks
  double window_cpu_seconds = 0;  // CPU seconds of tasks within the window of the statistics
  double window_gpu_seconds = 0;
  double present_seconds = 0;  // of its presence within that window
};

struct FaultRow {
  Time time;
  std::string name;
  NodeId node;
  WorkerId worker;
};

struct RunRecorder::State {
  RecorderOptions options;
  TaskTable tasks;
  std::map<NodeId, NodeRow> nodes;
  std::map<JobId, std::string> jobs;  // names
  std::map<JobId, uint64_t> preempted;  // attempts of their tasks that made room for others
  std::vector<FaultRow> faults;
  std::vector<AutoscalerRow> autoscaler;
  ObjectLog objects;
  GroupCounts groups;
  ActorCounts actors;
  OccupancyIntegral occupancy;  // of counted tasks
  std::unique_ptr<FileWriter> log;  // events.jsonl
  Status log_status;
  uint64_t finished = 0, failed = 0, retries = 0, ended_twice = 0;
  Summary summary;

  // The row of a task, made if new; it counts for the statistics unless it falls into the warm-up.
  TaskRow& Row(TaskId id, Time submitted);
  void OnTaskFinished(Time now, const TraceEvent& event);
  bool Writes(const std::string& stem) const;

  // ---- report.cc ----
  void WriteFacts(const RunFacts& facts);
  void WriteTaskFigures();
  void WriteUtilization(Time end);
  void WriteLittlesLaw();
  void WriteJobs();

  // ---- files.cc ----
  Status WriteTasks(const std::string& path) const;
  Status WriteNodes(const std::string& path) const;
  Status WriteFaults(const std::string& path) const;
  Status WriteAutoscaler(const std::string& path) const;
  Status WriteTimeline(const std::string& path) const;
};

// Whether start and finish of an ended task are known: a task that failed before it ran has neither.
inline bool Ran(const TaskRow& row) { return row.start != TaskRow::kUnknown && row.finish != TaskRow::kUnknown; }

}  // namespace orrery
