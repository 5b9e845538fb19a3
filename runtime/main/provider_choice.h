// The provider that a cluster's configuration names.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "runtime/config/cluster_config.h"
#include "runtime/transport/live_env.h"

namespace orrery {

// Where the new nodes are to join.
struct ProviderSite {
  std::string session_dir;
  std::string gcs;  // HOST:PORT
  std::string host;  // IPv4 on which nodes of this machine listen
  std::string token_file;  // "": that of the session
  std::vector<std::string> settings;  // knob=value, of every node
};

// `env` outlives the provider.
Result<std::unique_ptr<LocalEndpoint>> MakeProvider(LiveEnv& env, const ClusterConfig& config,
                                                    const ProviderSite& site);

}  // namespace orrery
