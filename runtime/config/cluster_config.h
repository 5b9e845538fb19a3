// A cluster as its user describes it in one file: its head, the nodes that the autoscaler may add, and who provides
// them.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "runtime/autoscaler/scheduler_types.h"
#include "runtime/common/settings.h"
#include "runtime/common/status.h"
#include "runtime/common/subnet.h"

namespace orrery {

// Where nodes come from.
struct ProviderConfig {
  // kLocal: processes of this machine. kExec: whatever a program of the user's starts
  // (runtime/providers/exec_provider.h).
  enum class Kind : uint8_t { kLocal, kExec };
  Kind kind = Kind::kLocal;
  std::vector<std::string> program;         // kExec: the program, absolute or on PATH, and its arguments
  Duration timeout = Duration::Seconds(60);  // kExec: of one call
  int64_t max_instances = 0;                // kLocal: at a time; 0: no bound
  std::optional<Subnet> namespaces;         // kLocal: each node in a network namespace of its own, in this subnet
  bool operator==(const ProviderConfig&) const = default;
};

struct ClusterConfig {
  std::string name = "default";
  std::string head_type;
  ResourceSet head_resources;
  Labels head_labels;
  AutoscalerConfig scaling;  // the types of which nodes may be added
  std::map<std::string, std::string> node_config;  // kExec: per type, what its program is given; JSON
  ProviderConfig provider;
  std::map<std::string, std::string> settings;  // of every daemon; as text, checked
};

// Reads a file with the keys of Ray's cluster configuration (README.md lists them), as strictly as scenarios are read:
// every problem found, up to 20, is one line "file:line:col: what; did you mean 'x'?" of a kInvalidArgument. kNotFound
// when the file cannot be read. Relative paths of programs count from the file.
Result<ClusterConfig> LoadClusterConfig(const std::string& path);
// The same from memory. `filename` serves for messages and relative paths.
Result<ClusterConfig> ParseClusterConfig(const std::string& text, const std::string& filename);

// A file that LoadClusterConfig reads back as `config`. `comment`: lines for people at its top.
std::string ClusterConfigText(const ClusterConfig& config, const std::string& comment = "");

}  // namespace orrery
