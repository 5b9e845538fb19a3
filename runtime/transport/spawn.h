// Starting processes: the one place that knows posix_spawn.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

namespace orrery {

struct SpawnRequest {
  // Where a started process finds `ready`.
  static constexpr int kReadyFd = 3;

  std::vector<std::string> words;                       // the program (looked for on PATH), then its arguments
  std::map<std::string, std::string> environment = {};  // beside this process's own, or in place of its values
  std::string folder = {};                              // to run in; "": this process's
  std::string log = {};  // both outputs are appended here and there is no input; "": the three descriptors below
  int input = -1, output = -1, errors = -1;
  int ready = -1;        // becomes kReadyFd, and must be above it; -1: none
  bool session = false;  // leads a session of its own; otherwise a process group: Ctrl-C is for this program alone
};

// Starts the process with no other descriptor open, no signal blocked and none ignored. 0, or posix_spawn's error
// number.
int Spawn(const SpawnRequest& request, pid_t* pid);

}  // namespace orrery
