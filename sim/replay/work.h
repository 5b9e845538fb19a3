// What a replayed task does in its worker process: sleeps or spins for its time, holding its memory.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace orrery {

// The first argument of a replayed task; any number of results of other tasks may follow.
struct ReplayWork {
  int64_t work_ns = 0;   // on a node of speed 1
  bool spin = false;     // else sleep
  int64_t bytes = 0;     // memory to touch and hold meanwhile
  std::vector<int64_t> results = {};  // bytes of each; 0: an empty value
};

// A node manager passes its node's speed to its workers in this variable.
inline constexpr const char* kSpeedVariable = "ORRERY_REPLAY_SPEED";

// Enters the function into the process's table; returns its id. Driver and workers call it before anything else.
uint64_t RegisterReplayFunction();

std::string EncodeWork(const ReplayWork& work);

}  // namespace orrery
