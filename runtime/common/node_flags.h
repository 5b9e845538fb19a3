// How a node is described to the command that starts it: flags, and the labels of nodes that a provider launches.
#pragma once

#include <string>
#include <vector>

#include "runtime/common/resources.h"

namespace orrery {

// Labels that a provider gives to every node that it launches.
inline constexpr const char* kNodeTypeLabel = "orrery.io/node-type";
inline constexpr const char* kInstanceLabel = "orrery.io/instance";

// "--num-cpus=4", "--labels=zone=a" …, exactly; what the resources do not name is left to the command, except that a
// node without CPU or GPU says so.
std::vector<std::string> NodeFlags(const ResourceSet& resources, const Labels& labels, const std::string& name);

}  // namespace orrery
