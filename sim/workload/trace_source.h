// The tasks of a trace at their recorded times.
#pragma once

#include "sim/workload/source.h"

namespace orrery {

class TraceSource final : public WorkloadSource {
 public:
  TraceSource(TaskSpec task_template, Trace trace);
  void Begin(WorkloadPort& port) override;
  void OnWake(WorkloadPort& port, uint64_t id) override;
  void OnTaskEnded(WorkloadPort&, uint64_t) override {}
  bool Exhausted() const override { return next_ == trace_.tasks.size(); }
  std::optional<uint64_t> Total() const override { return trace_.tasks.size(); }
  // Critical path: the latest that any task could end if each started when submitted.
  std::optional<WorkloadBounds> Bounds() const override { return bounds_; }
  int64_t dropped() const { return trace_.report.dropped; }

 private:
  TaskSpec template_;
  Trace trace_;
  WorkloadBounds bounds_;
  size_t next_ = 0;
};

Result<std::unique_ptr<WorkloadSource>> MakeTraceSource(const TraceSpec& spec);

}  // namespace orrery
