// What the cheapest nodes would cost that could carry a load, if work were a fluid: below it no scheduler can help.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace orrery {

// Equal tasks, and how many of them run at a time on average.
struct FluidLoad {
  double cpus = 0, gpus = 0;  // of one task
  double running = 0;
};

// Nodes that may be had, all equal.
struct FluidNodes {
  double cpus = 0, gpus = 0;  // of one node
  double price = 0;           // of one node, per hour
  int64_t most = 0;
};

// The least price per hour of parts of nodes with as many CPUs, and with as many GPUs, as the tasks that fit them keep
// busy; nothing when all of the nodes are too few. A bound for whole nodes and tasks, too: these only cost more. For
// each resource it is a min-cost flow from tasks through the nodes that they fit; the dearer one counts.
std::optional<double> FlowBound(const std::vector<FluidLoad>& loads, const std::vector<FluidNodes>& nodes);

}  // namespace orrery
