// The session's autoscaler.csv: what `orrery explain autoscaler` reads.
#pragma once

#include <cstdio>
#include <memory>
#include <string>

#include "runtime/common/status.h"
#include "runtime/transport/live_env.h"

namespace orrery {

// Passes every event on, and appends the autoscaler's as rows, with times since the Unix epoch. Each row is written at
// once: what a killed autoscaler decided is there for its successor's users.
class AutoscalerCsv final : public TraceSink {
 public:
  // `next` outlives this. kUnavailable when the file cannot be written.
  static Result<std::unique_ptr<AutoscalerCsv>> Open(const std::string& path, TraceSink& next);
  ~AutoscalerCsv() override;
  void OnTrace(Time time, const TraceEvent& event) override;

 private:
  AutoscalerCsv(std::FILE* file, TraceSink& next) : file_(file), next_(next) {}
  std::FILE* const file_;
  TraceSink& next_;
};

}  // namespace orrery
