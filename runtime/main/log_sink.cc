#include "runtime/main/log_sink.h"

#include <cstdio>
#include <ctime>

namespace orrery {

namespace {

// nullptr: not for the log.
const char* Name(TraceKind kind) {
  switch (kind) {
    case TraceKind::kNodeRegistered: return "node registered";
    case TraceKind::kNodeDead: return "node dead";
    case TraceKind::kNodeDraining: return "node draining";
    case TraceKind::kWorkerExited: return "worker exited";
    case TraceKind::kJobStarted: return "job started";
    case TraceKind::kJobFinished: return "job finished";
    case TraceKind::kInfeasible: return "infeasible request";
    case TraceKind::kAutoscalerAction: return "autoscaler";
    default: return nullptr;
  }
}

}  // namespace

void LogSink::OnTrace(Time, const TraceEvent& event) {
  const char* name = Name(event.kind);
  if (name == nullptr) return;
  const std::time_t now = std::time(nullptr);
  char stamp[32];
  std::strftime(stamp, sizeof stamp, "%F %T", std::localtime(&now));
  std::string line = std::string(stamp) + " " + name;
  if (event.node) line += " " + ToString(event.node);
  if (event.worker) line += " " + ToString(event.worker);
  if (event.kind == TraceKind::kJobStarted || event.kind == TraceKind::kJobFinished)
    line += " job-" + std::to_string(event.a);
  if (!event.text.empty()) line += ": " + std::string(event.text);
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

}  // namespace orrery
