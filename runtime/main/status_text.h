// The state of a cluster for people (in Ray's order and words) and for programs.
#pragma once

#include <string>

#include "runtime/messages/kinds.h"

namespace orrery {

// `when`: the time of day in the title.
std::string StatusText(const msg::ClusterStatus& status, const std::string& when);
std::string StatusJson(const msg::ClusterStatus& status);

}  // namespace orrery
