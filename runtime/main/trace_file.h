// All that a daemon traces, as lines of JSON, for whoever wants to know afterwards.
#pragma once

#include <cstdio>
#include <memory>
#include <string>

#include "runtime/transport/live_env.h"

namespace orrery {

// Passes every event on, and writes it to a file; times are those of CLOCK_MONOTONIC, which all processes of a machine
// share. A process that is killed loses what it traced since its last Flush.
class TraceFile final : public TraceSink {
 public:
  // The file "<folder>/<role>-<pid>.jsonl". nullptr when it cannot be made (said on stderr).
  static std::unique_ptr<TraceFile> Open(const std::string& folder, const std::string& role, TraceSink& next);
  ~TraceFile() override;
  void OnTrace(Time time, const TraceEvent& event) override;
  void Flush();

 private:
  TraceFile(std::FILE* file, TraceSink& next) : file_(file), next_(next) {}
  std::FILE* const file_;
  TraceSink& next_;
  std::string lines_;  // not written yet
};

}  // namespace orrery
