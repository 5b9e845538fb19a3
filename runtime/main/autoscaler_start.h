// The autoscaler's daemon in a session, and what depends on it.
#pragma once

#include <vector>

#include "runtime/transport/session.h"

namespace orrery {

// SIGTERM to `daemons`, SIGKILL to what is left after `grace` seconds. Returns how many had to be killed.
int EndDaemons(const std::vector<DaemonRecord>& daemons, double grace);

// The one that runs in this session, or none.
std::vector<DaemonRecord> Autoscalers(const Session& session);
// Ends the autoscaler that runs in this session, if one does. Its nodes stay.
void EndAutoscaler(const Session& session);

// Node daemons that a local provider has started.
std::vector<DaemonRecord> LaunchedNodes(const Session& session);
// Those of them that have not made their records yet.
std::vector<DaemonRecord> StartingNodes(const Session& session);

}  // namespace orrery
