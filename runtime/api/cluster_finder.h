// Which cluster a program joins: the one named, the one running on this machine, or one of its own. Internal.
#pragma once

#include <memory>
#include <string>

#include "runtime/api/local_cluster.h"
#include "runtime/api/session_options.h"
#include "runtime/common/status.h"
#include "runtime/env/address.h"

namespace orrery::internal {

// How to reach a cluster from this machine.
struct FoundCluster {
  Address node_manager;          // of this machine, with incarnation
  std::string gcs_address;       // "host:port"
  std::string socket_dir;
  std::string token;
  std::unique_ptr<LocalCluster> own;  // set when it was started for this program
};

// kUnavailable says what to start; kPermissionDenied names the file that may not be read.
Result<FoundCluster> FindCluster(const SessionOptions& options);
// The node manager of `session_dir` to connect to: of the cluster at `gcs_address` ("" for any), the head's if it is
// here.
Result<FoundCluster> FindInSession(const std::string& session_dir, const std::string& gcs_address);

}  // namespace orrery::internal
