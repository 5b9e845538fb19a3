// What all parts of one node's object store share.
#pragma once

#include <compare>
#include <cstdint>

#include "runtime/common/ids.h"
#include "runtime/common/settings.h"
#include "runtime/env/address.h"
#include "runtime/env/env.h"

namespace orrery {

struct StoreContext {
  Env& env;
  const Settings& settings;
  Address self;    // of the node manager
  Address memory;  // the node's bulk endpoint, from which others fetch chunks
  NodeId node;     // 0 until registered
};

// How soon an object is needed in memory; the order in which room and transfers are given out.
enum class Urgency : uint8_t { kGet, kCreate, kWait, kArgument };

// Somebody on this node who needs an object in memory.
struct ObjectWaiter {
  enum class Kind : uint8_t { kClient, kLease, kPeers };
  Kind kind = Kind::kPeers;  // kPeers: nodes that want chunks of it
  Address client;
  LeaseId lease;
  static ObjectWaiter Client(const Address& address) { return {Kind::kClient, address, {}}; }
  static ObjectWaiter Lease(LeaseId lease) { return {Kind::kLease, {}, lease}; }
  static ObjectWaiter Peers() { return {}; }
  auto operator<=>(const ObjectWaiter&) const = default;
};

}  // namespace orrery
