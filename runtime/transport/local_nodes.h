// The living nodes that a local provider has started, as the kernel lists them.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace orrery {

struct LocalNodeProcess {
  int pid = 0;
  std::string node_type;
};

// By instance: every process (no zombies) whose words name this session and an instance. Whoever started them, before
// or after which restart, this is what is there.
std::map<uint64_t, LocalNodeProcess> FindLocalNodes(const std::string& session_dir);

}  // namespace orrery
