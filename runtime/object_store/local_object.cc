#include "runtime/object_store/local_object.h"

namespace orrery {

std::string_view LocalObject::Name(State state) {
  constexpr std::string_view kNames[] = {"creating", "pulling", "sealed", "spilling", "spilled", "restoring"};
  return kNames[static_cast<size_t>(state)];
}

const StateChart& LocalObject::Chart() {
  constexpr auto kCreating = static_cast<uint8_t>(State::kCreating), kPulling = static_cast<uint8_t>(State::kPulling),
                 kSealed = static_cast<uint8_t>(State::kSealed), kSpilling = static_cast<uint8_t>(State::kSpilling),
                 kSpilled = static_cast<uint8_t>(State::kSpilled), kRestoring = static_cast<uint8_t>(State::kRestoring),
                 kNone = StateChart::kNone;
  static const StateChart chart("LocalObject", {"Creating", "Pulling", "Sealed", "Spilling", "Spilled", "Restoring"},
                                {{kNone, kCreating, "CreateObject, and there is room"},
                                 {kNone, kPulling, "somebody here wants it, and there is room"},
                                 {kCreating, kSealed, "SealObject"},
                                 {kCreating, kNone, "AbortObject, client gone"},
                                 {kPulling, kSealed, "the last chunk is there"},
                                 {kPulling, kNone, "no source, or nobody wants it any more"},
                                 {kSealed, kSpilling, "a primary copy, and room is or will be short"},
                                 {kSpilling, kSealed, "written, or refused by the disk"},
                                 {kSealed, kSpilled, "room is short: dropped from memory, still on disk"},
                                 {kSpilled, kRestoring, "somebody wants it, and there is room"},
                                 {kRestoring, kSealed, "read back"},
                                 {kRestoring, kNone, "freed, or the file is not what was written"},
                                 {kSealed, kNone, "evicted, freed"},
                                 {kSpilled, kNone, "freed"}});
  return chart;
}

}  // namespace orrery
