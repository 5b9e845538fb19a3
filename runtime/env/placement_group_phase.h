// The states of a placement group, as Ray's gcs.proto names them: the GCS decides them, programs are told.
#pragma once

#include <cstdint>
#include <string_view>

namespace orrery {

enum class PlacementGroupPhase : uint8_t {
  kPending,       // waits for nodes with room, or for nodes at all
  kPreparing,     // nodes were found, and asked to reserve
  kPrepared,      // all have; they are told that leases may be granted inside
  kCreated,
  kRescheduling,  // was created; bundles lost their nodes, and wait as in kPending
  kRemoved,
};

constexpr std::string_view PlacementGroupPhaseName(PlacementGroupPhase phase) {
  switch (phase) {
    case PlacementGroupPhase::kPending: return "PENDING";
    case PlacementGroupPhase::kPreparing: return "PREPARING";
    case PlacementGroupPhase::kPrepared: return "PREPARED";
    case PlacementGroupPhase::kCreated: return "CREATED";
    case PlacementGroupPhase::kRescheduling: return "RESCHEDULING";
    case PlacementGroupPhase::kRemoved: return "REMOVED";
  }
  return "?";
}

}  // namespace orrery
