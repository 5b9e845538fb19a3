// One object of which this node has, makes or receives a copy.
#pragma once

#include <cstdint>
#include <string_view>

#include "runtime/common/ids.h"
#include "runtime/env/object_reference.h"
#include "runtime/env/state_chart.h"

namespace orrery {

struct LocalObject {
  // kCreating: a client writes it. kPulling: chunks arrive from another node. kSealed: immutable, in memory, perhaps on
  // disk as well. kSpilling: in memory, and being written to disk. kSpilled: on disk only. kRestoring: being read back.
  enum class State : uint8_t { kCreating, kPulling, kSealed, kSpilling, kSpilled, kRestoring };
  // Where it stands when room is needed.
  enum class Standing : uint8_t { kStays, kEvictable, kSpillable };
  // Who keeps it in memory: clients that map it, leases whose argument it is, other nodes that fetch it.
  enum class Pin : uint8_t { kClient, kLease, kPeer, kCount };

  ObjectReference ref;
  int64_t size = 0;  // bytes, > 0
  int64_t offset = -1;  // in the arena; -1: no bytes in memory
  uint64_t file = 0;  // spill file that holds a copy; 0: none
  int64_t file_offset = 0;
  uint64_t turn = 0;  // when it was last used, for LRU
  uint32_t pins[static_cast<size_t>(Pin::kCount)] = {};
  State state = State::kCreating;
  Standing standing = Standing::kStays;
  bool primary = false;  // the owner counts on this copy: it is spilled rather than evicted
  bool orphan = false;  // doomed because its owner is dead
  bool doomed = false;  // freed, or its owner is dead: it goes as soon as nobody uses it

  ObjectId id() const { return ref.id; }
  bool pinned() const { return pins[0] + pins[1] + pins[2] != 0; }
  bool in_memory() const { return offset >= 0; }
  bool on_disk() const { return file != 0; }
  // Its bytes are complete and may be looked at.
  bool readable() const { return state == State::kSealed || state == State::kSpilling; }
  // Its room can be had back only by writing it to disk.
  bool dirty() const { return primary && in_memory() && !on_disk(); }

  // The drawing of its states.
  static const StateChart& Chart();
  static std::string_view Name(State state);
};

}  // namespace orrery
