// A provider whose instances are processes of this machine: for trying out, for tests, and for one large machine.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/common/resources.h"
#include "runtime/common/status.h"
#include "runtime/common/time.h"
#include "runtime/providers/node_network.h"
#include "runtime/transport/live_env.h"

namespace orrery {

struct LocalProviderOptions {
  std::string executable;           // the orrery command
  std::string session_dir;          // whose token the nodes use, and where their logs go
  std::vector<std::string> common;  // words of every node: address of the GCS, settings
  std::string host;                 // IPv4 on which they listen, unless there is a network:
  std::optional<NodeNetwork> network = {};  // each in a network namespace of its own there
  struct Type {
    ResourceSet resources;
    Labels labels;
  };
  std::map<std::string, Type> types;
  int64_t max_instances = 0;  // at a time; 0: no bound
  Duration grace = Duration::Seconds(5);  // between SIGTERM and SIGKILL
};

// Each node is a session of its own (setsid), so that it outlives the provider, which may be killed at any instant. Two
// things make that safe. A successor finds the living ones in /proc, by the words of their command. And a file with the
// instance's number is made before the process is started: a number that has a file is never started again, whether its
// process lives, has died, or was never begun because we died in between; then its launch is answered, and the list,
// which does not have it, says the rest.
class LocalProvider final : public LocalEndpoint {
 public:
  // kUnavailable when the folder of the instances' files cannot be made. `env` outlives the provider.
  static Result<std::unique_ptr<LocalProvider>> Create(LiveEnv& env, LocalProviderOptions options);
  // Leaves the nodes alone.
  ~LocalProvider() override;
  void OnMessage(Message message) override;

 private:
  class Impl;
  explicit LocalProvider(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace orrery
