// How clients get at their node's object memory: the node manager hands out the memfd through a UNIX socket,
// "<socket_dir>/<port>.store", to whoever proves to know the cluster token.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "runtime/common/status.h"
#include "runtime/common/time.h"
#include "runtime/env/address.h"
#include "runtime/transport/arena_map.h"

namespace orrery {

// The door of the node manager that listens at `node_manager`.
std::string ArenaDoorPath(const std::string& socket_dir, const Address& node_manager);

struct ArenaClient {
  std::string socket_dir{};
  std::string token{};
  Address self;          // the asking process, with incarnation
  Address node_manager;  // with incarnation: a successor's memory holds other objects
};
// Maps the object memory of `client.node_manager`. Blocks up to `limit`. kUnavailable (nobody there), kPermissionDenied
// (token), kNotFound (a successor answered), kTimedOut, kStoreFull (no address space).
Result<std::shared_ptr<ArenaMap>> OpenArena(const ArenaClient& client, Duration limit = Duration::Seconds(10));

// For the door's keeper: sends the descriptor. False when the socket has no room now or is broken (`status`).
bool SendArena(int socket, const ArenaMap& arena, Status* status);

}  // namespace orrery
