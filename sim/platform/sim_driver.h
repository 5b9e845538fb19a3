// The modelled user program of a simulated driver: submits what a workload source says.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/common/ids.h"
#include "runtime/common/lookup.h"
#include "runtime/common/settings.h"
#include "runtime/core_worker/room_cache.h"
#include "sim/engine/engine.h"
#include "sim/record/recorder.h"
#include "sim/workload/source.h"

namespace orrery {

// What drivers ask of the cluster around them.
class DriverHost {
 public:
  virtual ~DriverHost() = default;
  // The id that the GCS gave the scenario's node of this index; 0 when it has none.
  virtual NodeId NodeOfIndex(int64_t index) const = 0;
  // The driver is registered; Begin follows when all are.
  virtual void OnDriverReady() = 0;
  // Everything submitted has ended and nothing more comes; or the driver has lost its cluster.
  virtual void OnDriverDone() = 0;
};

class SimDriver final : public SimLocalEndpoint, public EventHandler, public WorkloadPort {
 public:
  SimDriver(SimEngine& engine, DriverHost& host, RunRecorder& recorder, std::string name,
            std::unique_ptr<WorkloadSource> source, const Settings& settings);

  void SetProcess(ProcessHandle process) { process_ = process; }
  ProcessHandle process() const { return process_; }
  WorkerId worker() const { return worker_; }  // none before it is registered
  void Begin();
  // Ends the driver in order (its job finishes).
  void Close();
  bool closed() const { return closed_; }
  // It ended without closing: killed, or its node manager was.
  bool killed() const { return killed_; }
  uint64_t submitted() const { return submitted_; }
  uint64_t ended() const { return ended_; }
  const WorkloadSource& source() const { return *source_; }
  // Values that its core worker still knew when it closed, a second after its program had let go of everything.
  size_t left_values() const { return left_values_; }
  // Why an object could not be put, which ends the program; "" when none failed.
  const std::string& put_error() const { return put_error_; }

  // SimLocalEndpoint, as Address::Application() of the driver process
  void OnMessage(ProcessHandle process, Message message) override;
  void OnProcessGone(ProcessHandle process) override;
  // EventHandler. a: wake the source, b its id; or close.
  void OnEvent(uint64_t a, uint64_t b) override;
  // WorkloadPort
  Duration Elapsed() const override { return engine_.Now() - began_; }
  void Submit(PlannedTask task) override;
  void Release(uint64_t number, uint32_t position) override { released_.push_back({{worker_, number + 1}, position}); }
  void CreateGroup(const PlannedGroup& group) override;
  void RemoveGroup(uint64_t number) override;
  void KillActor(uint64_t number) override;
  void WakeAt(Duration when, uint64_t id) override;

 private:
  uint32_t ClassOf(const SchedulingRequest& request);
  // What makes the message a task, the creation of an actor, or a call.
  void Classify(const PlannedTask& task, SchedulingRequest& request, Message& message);
  void Put(const PlannedTask& put);
  void OnAllocated(const Message& message);
  void OnGroupReply(const Message& message);
  PlacementGroupId GroupOf(uint64_t number) const { return {worker_, kFirstGroup + number}; }
  void PutValue(uint64_t number, int64_t size, std::optional<int64_t> room = {});
  void ReturnRooms();
  // After each call of the source: tells the core worker what was released, and closes when all has ended.
  void Settle();

  // Beyond the numbers of tasks and puts.
  static constexpr uint64_t kFirstGroup = uint64_t{1} << 40;

  SimEngine& engine_;
  DriverHost& host_;
  RunRecorder& recorder_;
  const std::string name_;
  std::unique_ptr<WorkloadSource> source_;
  const Settings& settings_;
  ProcessHandle process_;
  WorkerId worker_;
  JobId job_;
  Time began_;
  std::map<SchedulingRequest, uint32_t> classes_;
  std::map<uint64_t, int64_t> allocating_;  // puts that wait for room in the store: number → bytes
  RoomCache rooms_;  // for the next puts
  std::vector<ObjectId> released_;          // not yet told
  std::string put_error_;
  size_t left_values_ = 0;
  uint64_t submitted_ = 0;
  uint64_t ended_ = 0;
  bool done_ = false;
  bool closed_ = false;
  bool killed_ = false;
};

}  // namespace orrery
