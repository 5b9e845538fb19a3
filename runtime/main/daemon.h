// The daemons: composition roots that put a state machine, a LiveEnv and a LiveHost together.
#pragma once

#include <string>

#include "runtime/main/start_options.h"

namespace orrery {

struct DaemonOptions {
  StartOptions start;
  std::string session_dir{};
  int ready_fd = -1;     // gets "ok <address>\n", or one line that says what went wrong
  int parent_pid = 0;    // not 0: end when this process ends
};

// Run until told to end (SIGTERM, Shutdown, Exit); the process's exit code.
int RunGcsDaemon(const DaemonOptions& options);
int RunNodeDaemon(const DaemonOptions& options);
int RunAutoscalerDaemon(const DaemonOptions& options);

}  // namespace orrery
