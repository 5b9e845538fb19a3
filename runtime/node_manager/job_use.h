// What a job holds of its node.
#pragma once

#include "runtime/common/resources.h"

namespace orrery {

struct JobUse {
  ResourceSet all;
  ResourceSet by_tasks;  // without actors and placement groups
  bool operator==(const JobUse&) const = default;
};

}  // namespace orrery
