// Where the tasks of a scenario come from: state machines that say what is submitted when, in either world.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/common/random.h"
#include "runtime/common/resources.h"
#include "runtime/common/time.h"
#include "sim/scenario/scenario.h"

namespace orrery {

// One task to submit. `number` counts the source's tasks from 0.
struct PlannedTask {
  uint64_t number = 0;
  std::string name;
  Duration work;                  // on a node of speed 1
  ResourceSet resources;
  SchedulingStrategy strategy;    // affinity_node: index among the scenario's nodes, as in TaskSpec
  int64_t max_retries = -1;       // -1: the setting task_max_retries
  TaskSpec::Work kind = TaskSpec::Work::kSleep;
  int64_t allocate_bytes = 0;
  std::vector<uint64_t> after;    // tasks of this source whose results it takes
};

// What a source may do; implemented by the simulated driver and by the live replayer.
class WorkloadPort {
 public:
  virtual ~WorkloadPort() = default;
  // Since the source began.
  virtual Duration Elapsed() const = 0;
  virtual void Submit(PlannedTask task) = 0;
  // OnWake(id) follows when Elapsed() reaches `when`.
  virtual void WakeAt(Duration when, uint64_t id) = 0;
};

// Lower bounds that hold for every schedule of the source's tasks, when they are known beforehand.
struct WorkloadBounds {
  Duration critical_path;
  Duration work;            // total core time at speed 1
};

class WorkloadSource {
 public:
  virtual ~WorkloadSource() = default;
  virtual void Begin(WorkloadPort& port) = 0;
  virtual void OnWake(WorkloadPort& port, uint64_t id) = 0;
  // The task has its one end, good or bad.
  virtual void OnTaskEnded(WorkloadPort& port, uint64_t number) = 0;
  // Nothing more will be submitted, once what was submitted has ended.
  virtual bool Exhausted() const = 0;
  // Tasks it will submit in all, where that is known.
  virtual std::optional<uint64_t> Total() const = 0;
  // Tasks take the results of others (PlannedTask::after).
  virtual bool ResultsUsed() const { return false; }
  virtual std::optional<WorkloadBounds> Bounds() const { return std::nullopt; }
};

// Makes the source of `spec`, reading its trace file if it has one. `random` drives arrivals and durations.
Result<std::unique_ptr<WorkloadSource>> MakeSource(const SourceSpec& spec, Random random);

// Rows that a trace source dropped because it was asked to; 0 for others.
int64_t DroppedRows(const WorkloadSource& source);

}  // namespace orrery
