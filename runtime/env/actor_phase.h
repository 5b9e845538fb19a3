// The five states of an actor, as Ray's gcs.proto names them: the GCS decides them, callers are told.
#pragma once

#include <cstdint>
#include <string_view>

namespace orrery {

// In the order in which one incarnation goes through them; the first is kPendingCreation, later ones begin with
// kRestarting.
enum class ActorPhase : uint8_t { kDependenciesUnready, kPendingCreation, kRestarting, kAlive, kDead };

constexpr std::string_view ActorPhaseName(ActorPhase phase) {
  switch (phase) {
    case ActorPhase::kDependenciesUnready: return "DEPENDENCIES_UNREADY";
    case ActorPhase::kPendingCreation: return "PENDING_CREATION";
    case ActorPhase::kRestarting: return "RESTARTING";
    case ActorPhase::kAlive: return "ALIVE";
    case ActorPhase::kDead: return "DEAD";
  }
  return "?";
}

// What is known of an actor grows: later news has the greater rank.
constexpr uint64_t ActorRank(uint32_t incarnation, ActorPhase phase) {
  return (uint64_t{incarnation} << 3) + static_cast<uint64_t>(phase);
}

}  // namespace orrery
