// What the executor must know of actors. Internal.
#pragma once

namespace orrery::internal {

// This process has constructed its object.
bool IsActor();
// Thrown by exit_actor; not an std::exception, so that methods do not catch it by mistake.
struct ActorExit {};

}  // namespace orrery::internal
