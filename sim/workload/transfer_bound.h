// How few bytes had to move, given where objects were made: what a run's transfers are compared with.
#pragma once

#include <cstdint>
#include <vector>

namespace orrery {

// Objects with the node where each came to be, and tasks that take them. Nodes are small numbers of the caller's.
struct TransferProblem {
  static constexpr int64_t kAnywhere = -1;
  struct Object {
    int64_t bytes = 0;
    int64_t node = 0;  // where it was made; kAnywhere: unknown, it counts as being everywhere
  };
  struct Task {
    std::vector<int64_t> objects;  // indices; repeated ones count once
    int64_t node = kAnywhere;      // the node it is bound to
  };
  std::vector<Object> objects;
  std::vector<Task> tasks;
};

// No placement of the tasks moves fewer bytes than this, when an object moves at most once to each node.
//
// An object that a bound task takes moves to that task's node once. The rest is relaxed, since placing tasks that share
// objects is hard (it contains hypergraph partitioning): each free task pays, on its best node, for every object that
// is not there the object's bytes divided by the number of free tasks that take it. Shares of one object on one node
// never add up to more than its bytes, which the real placement pays there. Nodes take any number of tasks. Exact where
// no two free tasks share an object, as in a shuffle; there the same number is a min-cost flow from tasks to nodes.
int64_t TransferLowerBound(const TransferProblem& problem);

}  // namespace orrery
