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

// A result of an earlier task, or put, of the same source.
struct TaskInput {
  uint64_t number = 0;    // of that task
  uint32_t position = 0;  // among its results
  int64_t bytes = 0;
  auto operator<=>(const TaskInput&) const = default;
};

// What makes a task the creation of an actor. One that asks for no CPUs is placed where one is free and holds none, as
// actors of programs are by default.
struct PlannedActor {
  int64_t max_restarts = 0;
  int64_t max_concurrency = 1;
};

// One task to submit, or one object to put. `number` counts the source's tasks and puts from 0.
struct PlannedTask {
  uint64_t number = 0;
  std::string name;
  Duration work;                  // on a node of speed 1
  ResourceSet resources;
  SchedulingStrategy strategy;    // affinity_node: index among the scenario's nodes, as in TaskSpec
  int64_t max_retries = -1;       // -1: the setting task_max_retries
  TaskSpec::Work kind = TaskSpec::Work::kSleep;
  int64_t allocate_bytes = 0;
  std::vector<TaskInput> inputs;  // what it takes
  std::vector<int64_t> results;   // sizes in bytes of what it makes; 0: an empty value
  bool put = false;               // no task: the driver makes results[0] itself
  std::optional<PlannedActor> actor = {};  // its one result is the handle: Release of that ends the actor
  std::optional<uint64_t> callee = {};     // a call of the actor that this task created
};

// A placement group to create. `number` counts the source's groups from 0; tasks name it as strategy.group.index.
struct PlannedGroup {
  uint64_t number = 0;
  BundleStrategy strategy = BundleStrategy::kPack;
  std::vector<ResourceSet> bundles;
};

// What a source may do; implemented by the simulated driver and by the live replayer.
class WorkloadPort {
 public:
  virtual ~WorkloadPort() = default;
  // Since the source began.
  virtual Duration Elapsed() const = 0;
  // OnTaskEnded follows. Puts that others take must have ended before those are submitted.
  virtual void Submit(PlannedTask task) = 0;
  // The program lets go of this result: nothing that is submitted from now on takes it.
  virtual void Release(uint64_t number, uint32_t position) = 0;
  // OnGroupMade follows: tasks may be submitted inside from then on, and wait there for its bundles.
  virtual void CreateGroup(const PlannedGroup& group) = 0;
  virtual void RemoveGroup(uint64_t number) = 0;
  // Ends the actor that this task created, for good, whoever has handles.
  virtual void KillActor(uint64_t number) = 0;
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
  // The task has its one end, good or bad; the put is there.
  virtual void OnTaskEnded(WorkloadPort& port, uint64_t number) = 0;
  // The cluster knows the group.
  virtual void OnGroupMade(WorkloadPort&, uint64_t) {}
  // Nothing more will be submitted, once what was submitted has ended.
  virtual bool Exhausted() const = 0;
  // Tasks it will submit in all (puts are none), where that is known.
  virtual std::optional<uint64_t> Total() const = 0;
  // Some results have bytes.
  virtual bool MakesObjects() const { return false; }
  virtual bool MakesGroups() const { return false; }
  virtual bool MakesActors() const { return false; }
  virtual std::optional<WorkloadBounds> Bounds() const { return std::nullopt; }
  // Every task and put by its number, where they are known beforehand.
  virtual const std::vector<PlannedTask>* Graph() const { return nullptr; }
  // How long the original of a trace took, in seconds.
  virtual std::optional<double> RecordedMakespan() const { return std::nullopt; }
};

// Makes the source of `spec`, reading its trace file if it has one. `random` drives arrivals and durations.
Result<std::unique_ptr<WorkloadSource>> MakeSource(const SourceSpec& spec, Random random);

// Rows that a trace source dropped because it was asked to; 0 for others.
int64_t DroppedRows(const WorkloadSource& source);

}  // namespace orrery
