// The commands of `orrery`. Each returns the process's exit code.
#pragma once

#include <cstdint>
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

struct UpOptions {
  std::string file{};
  std::string host{};
  int port = 6379;
  bool block = false;
  bool dry_run = false;
};

struct DownOptions {
  std::string file{};
  double timeout = 300;  // seconds until the provider must have ended all instances
};

struct RequestResourcesOptions {
  uint64_t num_cpus = 0;
  std::string bundles{};  // JSON list
  uint32_t job = 0;       // 0: the user's own request
  std::string expires{};  // duration; "": until replaced
  bool clear = false;
  std::string address{};
  std::string token_file{};
};

struct ExplainOptions {
  std::string folder{};  // of results; "": this session's cluster
  std::string at{};      // duration: since the run began, or, of a cluster, so long ago; "": the end, or now
  std::string format = "text";
};

int StartCommand(StartOptions options);
int UpCommand(const UpOptions& options);
int DownCommand(const DownOptions& options);
int RequestResourcesCommand(const RequestResourcesOptions& options);
int ExplainAutoscalerCommand(const ExplainOptions& options);
int StatusCommand(const StatusOptions& options);
// `watch` is not used.
int MemoryCommand(const StatusOptions& options);
int StopCommand(const StopOptions& options);
int SettingsCommand(const std::string& format);

}  // namespace orrery
