// What the daemons share: session, environment, signals, record, readiness.
#pragma once

#include <memory>
#include <string>

#include "runtime/main/daemon.h"
#include "runtime/main/log_sink.h"
#include "runtime/main/trace_file.h"
#include "runtime/transport/host.h"
#include "runtime/transport/live_env.h"
#include "runtime/transport/session.h"

namespace orrery {

class DaemonBase {
 public:
  // Opens the session and binds. The caller then makes its state machine and calls Run.
  static Result<std::unique_ptr<DaemonBase>> Open(const DaemonOptions& options, const std::string& role, int port);
  ~DaemonBase();

  LiveEnv& env() { return *env_; }
  const Session& session() const { return session_; }
  // What is traced, as lines on standard output.
  TraceSink& log() { return log_; }
  // Tells who started us that it failed, prints it, and returns exit code 1.
  static int GiveUp(const DaemonOptions& options, const Status& status);
  // Writes the record and tells the starter "ok".
  void Ready(DaemonRecord record);
  // Drives until stopped; `each_turn` after every turn. SIGTERM and SIGINT become a Shutdown message. Where
  // $ORRERY_TRACE_DIR names a folder, all that is traced goes to a file there; it goes on to `sink`, or to the log.
  int Run(StateMachine& machine, const std::function<void()>& each_turn, TraceSink* sink = nullptr);

 private:
  DaemonBase(DaemonOptions options, Session session) : options_(std::move(options)), session_(std::move(session)) {}
  const DaemonOptions options_;
  const Session session_;
  LogSink log_;
  std::unique_ptr<TraceFile> trace_file_;
  std::unique_ptr<LiveEnv> env_;
  std::unique_ptr<LiveHost> host_;
};

}  // namespace orrery
