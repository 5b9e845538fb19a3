// The lower bound on bytes moved, for a run that has ended, in either world.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "runtime/common/ids.h"
#include "sim/workload/source.h"

namespace orrery {

struct TransferBoundRun {
  struct Driver {
    const WorkloadSource* source;
    WorkerId worker;  // its process
  };
  std::vector<Driver> drivers;
  NodeId head;  // where drivers put
  int64_t inline_limit = 0;
  std::function<NodeId(int64_t index)> node_of_index;
  std::function<NodeId(TaskId task)> ran_on;  // 0: unknown
};

// The fewest bytes that any placement of the tasks would have moved; none where a source that makes objects is not a
// graph that is known beforehand. Objects were made where their tasks ended (puts: on the head); those within the
// inline limit travel in messages and do not count.
std::optional<int64_t> TransferBoundOfRun(const TransferBoundRun& run);

}  // namespace orrery
