// The modelled user program of a simulated driver: submits what a workload source says.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "runtime/common/ids.h"
#include "runtime/common/lookup.h"
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
  SimDriver(SimEngine& engine, DriverHost& host, RunRecorder& recorder, std::unique_ptr<WorkloadSource> source,
            int64_t default_retries);

  void SetProcess(ProcessHandle process) { process_ = process; }
  ProcessHandle process() const { return process_; }
  void Begin();
  // Ends the driver in order (its job finishes).
  void Close();
  bool closed() const { return closed_; }
  // It ended without closing: killed, or its node manager was.
  bool killed() const { return killed_; }
  uint64_t submitted() const { return submitted_; }
  uint64_t ended() const { return ended_; }
  const WorkloadSource& source() const { return *source_; }

  // SimLocalEndpoint, as Address::Application() of the driver process
  void OnMessage(ProcessHandle process, Message message) override;
  void OnProcessGone(ProcessHandle process) override;
  // EventHandler: a wake-up of the source, `b` its id.
  void OnEvent(uint64_t a, uint64_t b) override;
  // WorkloadPort
  Duration Elapsed() const override { return engine_.Now() - began_; }
  void Submit(PlannedTask task) override;
  void WakeAt(Duration when, uint64_t id) override;

 private:
  uint32_t ClassOf(const SchedulingRequest& request);
  void MaybeDone();

  SimEngine& engine_;
  DriverHost& host_;
  RunRecorder& recorder_;
  std::unique_ptr<WorkloadSource> source_;
  const int64_t default_retries_;  // of tasks that do not say: the setting task_max_retries
  ProcessHandle process_;
  WorkerId worker_;
  JobId job_;
  Time began_;
  std::map<SchedulingRequest, uint32_t> classes_;
  uint64_t submitted_ = 0;
  uint64_t ended_ = 0;
  bool done_ = false;
  bool closed_ = false;
  bool killed_ = false;
};

}  // namespace orrery
