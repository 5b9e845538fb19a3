// Placement groups that come one after the other: in each, one task per bundle, and then it is removed.
#pragma once

#include <memory>

#include "sim/workload/source.h"

namespace orrery {

std::unique_ptr<WorkloadSource> MakeGroupsSource(const GroupsSpec& spec, Random random);

}  // namespace orrery
