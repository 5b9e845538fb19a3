// The end of all that a provider has launched for a cluster.
#pragma once

#include <cstddef>

#include "runtime/common/time.h"
#include "runtime/config/cluster_config.h"
#include "runtime/main/provider_choice.h"

namespace orrery {

// Lists and terminates until the provider lists no instance of an autoscaler that is not on its way out. The number of
// instances terminated; kTimedOut or kUnavailable with the provider's words when it does not come to that within
// `limit`. The autoscaler must have ended.
Result<size_t> TerminateAll(const ClusterConfig& config, const ProviderSite& site, Duration limit);

}  // namespace orrery
