// What `orrery start` was asked for; the daemons get the same flags.
#pragma once

#include <string>
#include <vector>

#include "runtime/common/resources.h"
#include "runtime/common/settings.h"
#include "runtime/common/status.h"

namespace CLI {
class App;
}

namespace orrery {

struct StartOptions {
  bool head = false;
  std::string address{};     // HOST:PORT of the GCS to join
  std::string host{};        // IPv4 to listen on; empty: 127.0.0.1, or the one that reaches the GCS
  int port = 6379;           // of the GCS
  double num_cpus = -1;      // -1: as the machine has
  double num_gpus = -1;
  std::string memory{};      // "8GiB"; empty: 70 % of the machine's
  std::string object_store_memory{};  // "4GiB"; empty: 30 % of the machine's, at most 200 GB
  std::string resources{};   // JSON object of custom ones
  std::string labels{};      // k=v,k2=v2
  std::string name{};
  std::vector<std::string> settings{};  // knob=value
  std::string token_file{};
  std::string network_namespace{};  // of a node's daemon: see NamespaceFlag; "": none
  std::string autoscaling_config{};  // file of the cluster whose autoscaler runs on this head
  bool block = false;
};

// Registers the flags that describe a node and its settings.
void AddNodeFlags(CLI::App& app, StartOptions& options);
// The same flags as words, for the daemon's command line.
std::vector<std::string> NodeFlags(const StartOptions& options);

// kInvalidArgument names the flag and what is wrong.
Result<ResourceSet> TotalResources(const StartOptions& options);
Result<Labels> ParseLabels(const std::string& text);
// Where the node spills to (setting spill_directories): `session_folder` unless told otherwise; none: nowhere.
// kInvalidArgument names a folder that cannot be written to.
Result<std::vector<std::string>> SpillParents(const Settings& settings, const std::string& session_folder);
Result<Settings> ParseSettings(const std::vector<std::string>& words);
// "8GiB", "500MB", "1073741824" → bytes.
Result<int64_t> ParseBytes(const std::string& text);

}  // namespace orrery
