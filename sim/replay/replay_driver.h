// One workload source as a driver of a real cluster.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runtime/api/driver.h"
#include "runtime/api/placement_group.h"
#include "runtime/api/ref.h"
#include "sim/replay/loop.h"
#include "sim/replay/recording.h"
#include "sim/workload/source.h"

namespace orrery {

// What all drivers of a replay share.
struct ReplayContext {
  ReplayLoop& loop;
  Recording& recording;
  std::function<NodeId(int64_t)> node_of_index;
  uint64_t function = 0;
  int64_t default_retries = 3;
  int64_t inline_limit = 0;
};

// Everything but the trace sink runs on the loop's thread.
class ReplayDriver final : public WorkloadPort {
 public:
  ReplayDriver(ReplayContext& context, const SourceSpec& spec, std::unique_ptr<WorkloadSource> source);
  ~ReplayDriver() override;

  Status Connect(internal::DriverOptions options);
  void Begin();
  // As a kill would: connections close without a word, tasks that have not ended never do.
  void Abandon();
  // Ends in order.
  void Close();
  // Drops every ref that is left.
  void LetGo();
  // Why an object could not be put, which ends the program; "" when none failed.
  const std::string& put_error() const { return put_error_; }
  // As the cluster knows it.
  WorkerId worker() const { return worker_; }
  // Nothing more will come and everything has ended; or it was abandoned.
  bool done() const { return abandoned_ || (source_->Exhausted() && ended_ == submitted_); }
  // Workers that have tasks of this driver now.
  std::vector<WorkerId> BusyWorkers() { return driver_ == nullptr ? std::vector<WorkerId>() : driver_->BusyWorkers(); }
  const std::string& name() const { return name_; }
  const WorkloadSource& source() const { return *source_; }

  // WorkloadPort
  Duration Elapsed() const override { return context_.recording.now() - Time{}; }
  void Submit(PlannedTask task) override;
  void Release(uint64_t number, uint32_t position) override { results_.erase({number, position}); }
  void CreateGroup(const PlannedGroup& group) override;
  void RemoveGroup(uint64_t number) override;
  void KillActor(uint64_t number) override;
  void WakeAt(Duration when, uint64_t id) override;

 private:
  class Sink;
  // What makes the message a task, the creation of an actor, or a call. Its class; 0: none.
  uint32_t Classify(const PlannedTask& task, SchedulingRequest& request, Message& message);
  void OnTaskEnded(uint64_t number);
  void Put(const PlannedTask& put);
  // The object is written into the node's shared memory, which may block until there is room.
  ObjectRef PutBytes(ObjectId object, int64_t bytes);

  ReplayContext& context_;
  const std::string name_;
  const JobTerms terms_;
  std::unique_ptr<WorkloadSource> source_;
  std::unique_ptr<Sink> sink_;                 // outlives the driver
  std::unique_ptr<internal::Driver> driver_;
  std::map<std::pair<uint64_t, uint32_t>, ObjectRef> results_;  // by task and position: while others may take them
  std::map<uint64_t, PlacementGroup> groups_;
  std::string put_error_;
  WorkerId worker_;
  uint64_t submitted_ = 0;
  uint64_t ended_ = 0;
  bool abandoned_ = false;
};

}  // namespace orrery
