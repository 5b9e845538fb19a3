// Rooms in the node's store that a program has for its next puts.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace orrery {

// The application's side of runtime/object_store/rooms_ahead.h: rooms come with ObjectAllocated, and go back with
// PutObject, when a value was written there, or with ReturnRooms. Takes no lock.
class RoomCache {
 public:
  struct Room {
    int64_t offset = 0;
    int64_t size = 0;
  };

  void Add(Room room) { rooms_.emplace(room.size, room.offset); }
  // The smallest room for `size` bytes, unless more than a quarter of it would be left over: the next value may need
// it.
  std::optional<Room> Take(int64_t size) {
    const auto it = rooms_.lower_bound({size, 0});
    if (it == rooms_.end() || it->first - size > it->first / 4) return std::nullopt;
    const Room room{it->second, it->first};
    rooms_.erase(it);
    return room;
  }
  // Offsets of all of them.
  std::vector<int64_t> TakeAll() {
    std::vector<int64_t> offsets;
    for (const auto& [size, offset] : rooms_) offsets.push_back(offset);
    rooms_.clear();
    return offsets;
  }
  bool empty() const { return rooms_.empty(); }

 private:
  std::set<std::pair<int64_t, int64_t>> rooms_;  // (size, offset)
};

}  // namespace orrery
