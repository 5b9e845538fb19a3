// The table of a node's objects, their room in the arena, and the order in which they give it up.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "runtime/common/ids.h"
#include "runtime/env/env.h"
#include "runtime/object_store/arena.h"
#include "runtime/object_store/local_object.h"

namespace orrery {

// Least recently used first. Every change of an object that matters for its standing goes through here.
class LocalObjects {
 public:
  using Map = std::map<ObjectId, LocalObject>;  // ordered by owner; entries never move

  // `capacity` in bytes.
  LocalObjects(Env& env, int64_t capacity) : env_(env), arena_(capacity) {}

  LocalObject* Find(ObjectId id) {
    const auto it = objects_.find(id);
    return it == objects_.end() ? nullptr : &it->second;
  }
  const LocalObject* Find(ObjectId id) const { return const_cast<LocalObjects*>(this)->Find(id); }
  const Map& all() const { return objects_; }
  const Arena& arena() const { return arena_; }

  // A new object, kCreating (a primary copy) or kPulling; nullptr when there is no free range for it.
  LocalObject* Add(const ObjectReference& ref, int64_t size, LocalObject::State state);
  // Room for an object that is not there yet: its offset, or nothing when there is no free range for it.
  std::optional<int64_t> Reserve(int64_t size);
  // Gives back what Reserve returned.
  void Unreserve(int64_t room);
  // A new object, kCreating, at the beginning of a reserved room; what is left of the room is free again.
  LocalObject* AddInRoom(const ObjectReference& ref, int64_t size, int64_t room);
  // Of a reserved room, in bytes; 0: there is none at this offset.
  int64_t SizeOfRoom(int64_t room) const {
    const auto it = rooms_.find(room);
    return it == rooms_.end() ? 0 : it->second;
  }
  size_t rooms() const { return rooms_.size(); }
  // What they take.
  int64_t reserved_bytes() const { return reserved_bytes_; }
  // Room again for a spilled object, now kRestoring; false when there is none.
  bool Restore(LocalObject& object);
  // Takes an arrow between two states that have bytes in memory.
  void Move(LocalObject& object, LocalObject::State to);
  // kSealed to kSpilled: its room is free.
  void DropFromMemory(LocalObject& object);
  // Forgets an object that nobody has pinned; its room is free. Its part of a spill file is the caller's business.
  void Remove(LocalObject& object);

  void AddPin(LocalObject& object, LocalObject::Pin kind);
  void DropPin(LocalObject& object, LocalObject::Pin kind);
  void SetPrimary(LocalObject& object);
  // A copy lies in a spill file, or (0) does not any more.
  void SetFile(LocalObject& object, uint64_t file, int64_t offset);

  LocalObject* OldestEvictable() { return Oldest(evictable_); }
  LocalObject* OldestSpillable() { return Oldest(spillable_); }
  // Bytes in memory of which there is no copy on disk, of primary copies.
  int64_t dirty_bytes() const { return dirty_bytes_; }
  // What becomes of reserved rooms.
  enum class Rooms : uint8_t { kGone, kStay };
  // The longest range that were free if only the objects for which `stays` holds kept their room. Looks at every one.
  template <class Stays>
  int64_t LongestIf(Stays stays, Rooms rooms = Rooms::kGone) const {
    std::vector<std::pair<int64_t, int64_t>> ranges;
    for (const auto& [id, object] : objects_) {
      if (object.in_memory() && stays(object)) {
        ranges.emplace_back(object.offset, object.offset + Arena::Rounded(object.size));
      }
    }
    if (rooms == Rooms::kStay) {
      for (const auto& [offset, size] : rooms_) ranges.emplace_back(offset, offset + Arena::Rounded(size));
    }
    return LongestBeside(std::move(ranges));
  }
  // Copies that their owners count on, in memory or on disk.
  size_t primaries() const { return primaries_; }
  void CheckInvariants() const;

 private:
  using Queue = std::set<std::pair<uint64_t, ObjectId>>;
  LocalObject* Emplace(const ObjectReference& ref, int64_t size, int64_t offset, LocalObject::State state);
  int64_t LongestBeside(std::vector<std::pair<int64_t, int64_t>> taken) const;
  LocalObject* Oldest(const Queue& queue) { return queue.empty() ? nullptr : Find(queue.begin()->second); }
  static LocalObject::Standing StandingOf(const LocalObject& object);
  void Leave(const LocalObject& object);
  // Runs `change`, and puts the object where it belongs after it.
  template <class Change>
  void Alter(LocalObject& object, Change change);
  void Traced(const LocalObject& object, LocalObject::State to) const;

  Env& env_;
  Arena arena_;
  Map objects_;
  std::map<int64_t, int64_t> rooms_;  // reserved: offset → size
  int64_t reserved_bytes_ = 0;
  Queue evictable_, spillable_;
  int64_t dirty_bytes_ = 0;
  size_t primaries_ = 0;
  uint64_t turns_ = 0;
};

}  // namespace orrery
