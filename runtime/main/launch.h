// Starting daemons: a process of its own session, with its log in the session folder, that says when it is ready.
#pragma once

#include <string>
#include <vector>

#include "runtime/common/status.h"
#include "runtime/common/time.h"

namespace orrery {

struct Launched {
  int pid = 0;
  std::string address;    // with incarnation
  std::string node_name;
};

// Runs `orrery daemon ROLE ARGUMENTS…` (this executable) detached, and waits until it is ready. When it fails, the
// status holds its own words, or the end of its log. kTimedOut after `limit`; then it has been killed.
Result<Launched> LaunchDaemon(const std::string& role, const std::vector<std::string>& arguments,
                              const std::string& session_dir, Duration limit);

// Absolute path of this executable, and of another one beside it.
std::string OwnExecutable();
std::string Beside(const std::string& name);

}  // namespace orrery
