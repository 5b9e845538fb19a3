// Starts `orrery daemon …` as a child and waits for its first word. Internal.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "runtime/common/status.h"

namespace orrery::internal {

struct StartedDaemon {
  int pid = 0;
  std::string address;  // with incarnation
};

// `role`: "gcs" or "node". Its log goes to SESSION_DIR/logs. kNotFound without an orrery command, kUnavailable with the
// daemon's own words when it gives up, kTimedOut when it says nothing for 30 s; then it has been killed.
Result<StartedDaemon> SpawnDaemon(const std::string& role, const std::vector<std::string>& words,
                                  const std::map<std::string, std::string>& environment,
                                  const std::string& session_dir);

}  // namespace orrery::internal
