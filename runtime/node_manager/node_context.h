// What all parts of one node manager share.
#pragma once

#include <string>

#include "runtime/common/ids.h"
#include "runtime/common/resources.h"
#include "runtime/common/settings.h"
#include "runtime/env/env.h"
#include "runtime/messages/pending_requests.h"

namespace orrery {

// How a node presents itself; given at start.
struct NodeOptions {
  Address self;
  Address gcs;
  Address memory;        // the node's bulk endpoint, told to other nodes that fetch objects; none: no transfers
  std::string name;      // empty: the GCS names it after its id
  std::string hostname;
  uint32_t pid = 0;
  bool head = false;
  ResourceSet total;
  Labels labels;
};

struct NodeContext {
  Env& env;
  const Settings settings;
  const NodeOptions options;
  PendingRequests requests;  // to the GCS
  NodeId id;                 // 0 until registered
  uint32_t alive_nodes = 1;  // as last heard from the GCS
  bool gcs_places_all = false;  // jobs compete by claims that only the GCS knows: it places every lease

  NodeContext(Env& e, Settings s, NodeOptions o)
      : env(e),
        settings(std::move(s)),
        options(std::move(o)),
        requests(env, TimerKind::kPickRetry, settings.request_retry_interval) {}
};

}  // namespace orrery
