#include "runtime/object_store/local_objects.h"

#include <algorithm>
#include <vector>

namespace orrery {

using State = LocalObject::State;
using Standing = LocalObject::Standing;

LocalObject::Standing LocalObjects::StandingOf(const LocalObject& object) {
  if (object.state != State::kSealed || object.pinned()) return Standing::kStays;
  return object.dirty() ? Standing::kSpillable : Standing::kEvictable;
}

void LocalObjects::Leave(const LocalObject& object) {
  if (object.standing == Standing::kEvictable) evictable_.erase({object.turn, object.id()});
  if (object.standing == Standing::kSpillable) spillable_.erase({object.turn, object.id()});
}

template <class Change>
void LocalObjects::Alter(LocalObject& object, Change change) {
  const int64_t dirty_before = object.dirty() ? Arena::Rounded(object.size) : 0;
  const bool primary_before = object.primary;
  change();
  primaries_ += static_cast<size_t>(object.primary) - static_cast<size_t>(primary_before);
  dirty_bytes_ += (object.dirty() ? Arena::Rounded(object.size) : 0) - dirty_before;
  const Standing standing = StandingOf(object);
  if (standing == object.standing) return;
  Leave(object);
  object.standing = standing;
  if (standing == Standing::kStays) return;
  // What begins to be free to go was in use until now. An object that was merely written to disk keeps its turn.
  if (object.turn == 0) object.turn = ++turns_;
  (standing == Standing::kEvictable ? evictable_ : spillable_).emplace(object.turn, object.id());
}

void LocalObjects::Traced(const LocalObject& object, State to) const {
  env_.Trace({.kind = TraceKind::kTransition,
              .a = static_cast<int64_t>(object.id().task.index),
              .b = static_cast<int64_t>(object.state),
              .c = static_cast<int64_t>(to),
              .text = LocalObject::Chart().machine()});
}

LocalObject* LocalObjects::Add(const ObjectReference& ref, int64_t size, State state) {
  const auto offset = arena_.Allocate(size);
  return offset ? Emplace(ref, size, *offset, state) : nullptr;
}

LocalObject* LocalObjects::AddInRoom(const ObjectReference& ref, int64_t size, int64_t room) {
  const auto it = rooms_.find(room);
  ORRERY_ASSERT(it != rooms_.end() && size > 0 && size <= it->second);
  const int64_t taken = Arena::Rounded(size), whole = Arena::Rounded(it->second);
  reserved_bytes_ -= whole;
  rooms_.erase(it);
  if (taken < whole) arena_.Free(room + taken, whole - taken);
  return Emplace(ref, size, room, State::kCreating);
}

std::optional<int64_t> LocalObjects::Reserve(int64_t size) {
  const auto room = arena_.Allocate(size);
  if (!room) return room;
  rooms_.emplace(*room, size);
  reserved_bytes_ += Arena::Rounded(size);
  return room;
}

void LocalObjects::Unreserve(int64_t room) {
  const auto it = rooms_.find(room);
  ORRERY_ASSERT(it != rooms_.end());
  arena_.Free(room, it->second);
  reserved_bytes_ -= Arena::Rounded(it->second);
  rooms_.erase(it);
}

LocalObject* LocalObjects::Emplace(const ObjectReference& ref, int64_t size, int64_t offset, State state) {
  const auto [it, added] = objects_.try_emplace(ref.id);
  ORRERY_ASSERT(added && (state == State::kCreating || state == State::kPulling));
  LocalObject& object = it->second;
  Alter(object, [&] {
    object.ref = ref;
    object.size = size;
    object.offset = offset;
    object.state = state;
    object.primary = state == State::kCreating;
  });
  return &object;
}

bool LocalObjects::Restore(LocalObject& object) {
  const auto offset = arena_.Allocate(object.size);
  if (!offset) return false;
  Traced(object, State::kRestoring);
  Alter(object, [&] {
    Transition(LocalObject::Chart(), object.state, State::kRestoring);
    object.offset = *offset;
  });
  return true;
}

void LocalObjects::Move(LocalObject& object, State to) {
  ORRERY_ASSERT(object.in_memory() && to != State::kSpilled);
  Traced(object, to);
  Alter(object, [&] { Transition(LocalObject::Chart(), object.state, to); });
}

void LocalObjects::DropFromMemory(LocalObject& object) {
  ORRERY_ASSERT(object.on_disk() && !object.pinned());
  Traced(object, State::kSpilled);
  Alter(object, [&] {
    Transition(LocalObject::Chart(), object.state, State::kSpilled);
    arena_.Free(object.offset, object.size);
    object.offset = -1;
  });
  object.turn = 0;
}

void LocalObjects::Remove(LocalObject& object) {
  ORRERY_ASSERT(!object.pinned());
  Leave(object);
  if (object.dirty()) dirty_bytes_ -= Arena::Rounded(object.size);
  primaries_ -= object.primary;
  if (object.in_memory()) arena_.Free(object.offset, object.size);
  objects_.erase(object.id());
}

void LocalObjects::AddPin(LocalObject& object, LocalObject::Pin kind) {
  Alter(object, [&] { ++object.pins[static_cast<size_t>(kind)]; });
}

void LocalObjects::DropPin(LocalObject& object, LocalObject::Pin kind) {
  ORRERY_ASSERT(object.pins[static_cast<size_t>(kind)] != 0);
  Alter(object, [&] {
    if (--object.pins[static_cast<size_t>(kind)] == 0 && object.standing == Standing::kStays) object.turn = 0;
  });
}

void LocalObjects::SetPrimary(LocalObject& object) {
  Alter(object, [&] { object.primary = true; });
}

void LocalObjects::SetFile(LocalObject& object, uint64_t file, int64_t offset) {
  Alter(object, [&] {
    object.file = file;
    object.file_offset = offset;
  });
}

int64_t LocalObjects::LongestBeside(std::vector<std::pair<int64_t, int64_t>> ranges) const {
  std::sort(ranges.begin(), ranges.end());
  int64_t longest = 0, end = 0;
  for (const auto& [first, last] : ranges) {
    longest = std::max(longest, first - end);
    end = last;
  }
  return std::max(longest, arena_.capacity() - end);
}

void LocalObjects::CheckInvariants() const {
  arena_.CheckInvariants();
  int64_t used = 0, dirty = 0;
  size_t evictable = 0, spillable = 0, primaries = 0;
  std::vector<std::pair<int64_t, int64_t>> ranges;
  for (const auto& [id, object] : objects_) {
    ORRERY_ASSERT(object.id() == id && object.size > 0);
    ORRERY_ASSERT(object.in_memory() == (object.state != State::kSpilled));
    ORRERY_ASSERT(object.state != State::kSpilled || object.on_disk());
    ORRERY_ASSERT_MSG(!object.pinned() || object.readable() || object.state == State::kPulling, "pins hold bytes");
    ORRERY_ASSERT(object.standing == StandingOf(object));
    ORRERY_ASSERT_MSG(!object.doomed || object.standing == Standing::kStays, "nobody uses it: it should be gone");
    evictable += object.standing == Standing::kEvictable && evictable_.count({object.turn, id}) != 0;
    spillable += object.standing == Standing::kSpillable && spillable_.count({object.turn, id}) != 0;
    primaries += object.primary;
    if (!object.in_memory()) continue;
    used += Arena::Rounded(object.size);
    if (object.dirty()) dirty += Arena::Rounded(object.size);
    ranges.emplace_back(object.offset, object.offset + Arena::Rounded(object.size));
  }
  int64_t reserved = 0;
  for (const auto& [offset, size] : rooms_) {
    reserved += Arena::Rounded(size);
    ranges.emplace_back(offset, offset + Arena::Rounded(size));
  }
  ORRERY_ASSERT(reserved == reserved_bytes_);
  ORRERY_ASSERT(used + reserved == arena_.used() && dirty == dirty_bytes_);
  ORRERY_ASSERT(primaries == primaries_);
  ORRERY_ASSERT(evictable == evictable_.size() && spillable == spillable_.size());
  std::sort(ranges.begin(), ranges.end());
  for (size_t i = 1; i < ranges.size(); ++i) ORRERY_ASSERT_MSG(ranges[i - 1].second <= ranges[i].first, "overlap");
}

}  // namespace orrery
