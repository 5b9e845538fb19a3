// The commands of `orrery`. Each returns the process's exit code.
#pragma once

#include <string>

#include "runtime/main/start_options.h"

namespace orrery {

struct StatusOptions {
  std::string address{};
  std::string token_file{};
  std::string format = "text";
  double watch = 0;      // seconds between repetitions; 0: once
  double timeout = 10;
};

struct StopOptions {
  bool all = false;      // the daemons of other machines, too
  std::string node{};    // only this node
  double grace = 10;     // seconds between SIGTERM and SIGKILL
};

int StartCommand(StartOptions options);
int StatusCommand(const StatusOptions& options);
// `watch` is not used.
int MemoryCommand(const StatusOptions& options);
int StopCommand(const StopOptions& options);
int SettingsCommand(const std::string& format);

}  // namespace orrery
