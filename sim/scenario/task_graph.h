// Task graphs: cycles with their path, topological order, critical path, work bound. Boost.Graph inside.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "runtime/common/status.h"
#include "runtime/common/time.h"

namespace orrery {

// A directed acyclic graph over tasks 0 … n-1; immutable after Build, cheap to copy (copies share it).
class TaskGraph {
 public:
  struct Edge {
    int64_t before;
    int64_t after;
    auto operator<=>(const Edge&) const = default;
  };

  // The longest chain of durations: no schedule on equal machines is shorter.
  struct CriticalPath {
    Duration length;
    std::vector<int64_t> tasks;  // from first to last; of several equal ones, that of the smallest indices from the end
  };

  // `names` serve for messages and drawings. kInvalidArgument when an edge names no task, and for a cycle:
  // "the tasks wait for each other: a -> b -> c -> a". Repeated edges count once.
  static Result<TaskGraph> Build(std::vector<std::string> names, std::vector<Edge> edges);

  int64_t size() const;
  // Every task after all it waits for; of those that could come next always the smallest index.
  const std::vector<int64_t>& TopologicalOrder() const;
  // `durations`: one per task.
  CriticalPath FindCriticalPath(const std::vector<Duration>& durations) const;
  // Total work / cores, rounded up: the other lower bound on any makespan. cores > 0.
  static Duration WorkBound(const std::vector<Duration>& durations, int64_t cores);
  // GraphViz text, with durations when given.
  std::string ToGraphviz(const std::vector<Duration>& durations = {}) const;

 private:
  struct Impl;
  explicit TaskGraph(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<const Impl> impl_;
};

}  // namespace orrery
