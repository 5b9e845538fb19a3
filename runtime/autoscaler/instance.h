// One node of a provider, from the decision to launch it to its end.
#pragma once

#include <cstdint>
#include <string>

#include "runtime/common/ids.h"
#include "runtime/common/time.h"
#include "runtime/env/state_chart.h"

namespace orrery {

// Ray's states (v2/instance_manager/common.py) without those that only say how a state ended: failures are arrows here.
struct Instance {
  // kQueued: decided, being written down. kRequested: asked of the provider. kAllocated: the provider has it, and it
  // boots. kRunning: its node manager has joined. kDraining: its node takes no new work. kTerminating: the provider was
  // told to end it, and still has it.
  enum class State : uint8_t { kQueued, kRequested, kAllocated, kRunning, kDraining, kTerminating };
  uint64_t id = 0;  // the autoscaler's number, and the tag at the provider
  std::string type;  // name of its node type
  State state = State::kQueued;
  Time since;  // when it came to this state
  std::string cloud_id;  // the provider's name for it; "" until allocated
  NodeId node;  // while its node is alive
  int missed = 0;  // lists in a row that did not have it
  int node_missed = 0;  // pictures of the GCS in a row without its node, after it had joined
  bool preempted = false;

  // The drawing of its states.
  static const StateChart& Chart();
};

}  // namespace orrery
