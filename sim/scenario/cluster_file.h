// The cluster of a scenario as a file for `orrery up`.
#pragma once

#include <map>
#include <string>

#include "runtime/config/cluster_config.h"
#include "sim/scenario/scenario.h"

namespace orrery {

// Settings that differ from their defaults, as text.
std::map<std::string, std::string> ChangedSettings(const Settings& settings);

// With the local provider. Nodes of a fixed count become types whose minimum is their maximum; the head is a node of
// its type. kInvalidArgument for a cluster that comes from a trace, which has no node types.
Result<ClusterConfig> ClusterConfigOf(const Scenario& scenario);

}  // namespace orrery
