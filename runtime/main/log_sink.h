// A daemon's log: the rare events of its trace, one line each, with the time of day.
#pragma once

#include "runtime/transport/live_env.h"

namespace orrery {

// Prints membership, worker exits, jobs and infeasible requests to stdout; tasks and leases are too many for a log.
class LogSink final : public TraceSink {
 public:
  void OnTrace(Time time, const TraceEvent& event) override;
};

}  // namespace orrery
