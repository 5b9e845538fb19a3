// The client's side of objects: putting, borrowing, and looking into shared memory.
#include <utility>

#include "runtime/api/client.h"
#include "runtime/api/errors.h"
#include "runtime/api/outgoing.h"
#include "runtime/messages/convert.h"
#include "runtime/messages/orrery.pb.h"

namespace orrery::internal {

namespace {

// Nobody can wait for a value before its ref has left this thread, by a message that wakes whoever handles them: of
// puts that need no answer only one in so many does. (Waking is what costs most when the processor is shared.)
constexpr uint64_t kPutsPerWake = 4;

}  // namespace

ObjectId Client::NewPut() {
  puts_.fetch_add(1);
  return {{identity_.worker, NextIndex()}, 0};
}

ObjectState* Client::Put(Outgoing& value, std::string bytes) {
  const ObjectId object = value.size() > 0 ? value.object() : NewPut();
  ObjectState* state = PutAs(object, value.size(), std::move(bytes), value.refs());
  value.Taken();
  return state;
}

ObjectState* Client::PutAs(ObjectId object, int64_t size, std::string bytes, const std::vector<ObjectRef>& refs) {
  CheckOpen();
  Draft<msg::PutObject> put;
  bool quiet = false;
  ToProto(object, put->mutable_object());
  if (size > 0) {
    put->set_size(size);
    if (const auto room = LeaveRoom(object)) {
      quiet = quiet_puts_.fetch_add(1, std::memory_order_relaxed) % kPutsPerWake != 0;
      if (!quiet) FlushReleased();  // so that rooms come back about as fast as they are taken
      put->set_in_room(true);
      put->set_offset(room->offset);
    }
  } else {
    put->set_value(std::move(bytes));
  }
  for (const ObjectRef& ref : refs) ToProto(ReferenceOf(ref), put->add_refs());
  if (quiet)
    backend_.PostQuietly(std::move(put));
  else
    backend_.Post(std::move(put));
  return NewObjectState(object, this);
}

char* Client::Allocate(ObjectId object, int64_t size, bool result) {
  CheckOpen();
  ArenaMap& arena = Arena();
  const auto open = [&](int64_t offset) {
    Result<char*> room = arena.Write(offset, size);
    if (room.ok()) return *room;
    Abandon(object);
    ThrowError(room.status().code(), room.status().message());
  };
  if (!result) {
    if (const auto room = TakeRoom(object, size)) return open(room->offset);
  }
  const uint64_t request = next_request_.fetch_add(1) + 1;
  Draft<msg::AllocateObject> allocate;
  allocate->set_request(request);
  ToProto(object, allocate->mutable_object());
  allocate->set_size(size);
  allocate->set_result(result);
  allocate->set_from_task(CurrentExecution());
  allocate->set_ahead(!result);
  Message answer;
  try {
    FlushReleased();  // what was let go may be the room that is wanted
    answer = Perform(request, std::move(allocate));
  } catch (...) {
    Abandon(object);
    throw;
  }
  const auto& allocated = answer.As<msg::ObjectAllocated>();
  const auto status = static_cast<StatusCode>(allocated.status());
  if (status == StatusCode::kAlreadyExists) return nullptr;
  if (status != StatusCode::kOk) ThrowError(status, allocated.message());
  return open(allocated.offset());
}

void Client::Abandon(ObjectId object) {
  if (!open_.load(std::memory_order_relaxed)) return;
  if (const auto room = LeaveRoom(object)) {
    std::lock_guard lock(room_mutex_);
    return rooms_.Add(*room);
  }
  Draft<msg::AbandonObject> abandon;
  ToProto(object, abandon->mutable_object());
  backend_.Post(std::move(abandon));
}

// ---- room given ahead ----

std::optional<RoomCache::Room> Client::TakeRoom(ObjectId object, int64_t size) {
  std::lock_guard lock(room_mutex_);
  const auto room = rooms_.Take(size);
  if (room) writing_.emplace(object, *room);
  return room;
}

std::optional<RoomCache::Room> Client::LeaveRoom(ObjectId object) {
  std::lock_guard lock(room_mutex_);
  const auto it = writing_.find(object);
  if (it == writing_.end()) return std::nullopt;
  const RoomCache::Room room = it->second;
  writing_.erase(it);
  return room;
}

void Client::AddRooms(const msg::GiveRooms& given) {
  std::lock_guard lock(room_mutex_);
  for (int64_t offset : given.offsets()) rooms_.Add({offset, given.size()});
}

void Client::ReturnRooms() {
  Draft<msg::ReturnRooms> unused;
  {
    std::lock_guard lock(room_mutex_);
    for (int64_t offset : rooms_.TakeAll()) unused->add_offsets(offset);
  }
  if (unused->offsets_size() > 0) backend_.Post(std::move(unused));
}

ObjectState* Client::Borrow(const ObjectReference& reference) {
  CheckOpen();
  Draft<msg::BorrowObject> borrow;
  ToProto(reference, borrow->mutable_object());
  backend_.Post(std::move(borrow));
  ObjectState* state = NewObjectState(reference.id, this);
  if (reference.owner != identity_.self) state->owner = reference.owner;
  return state;
}

ObjectReference Client::ReferenceOf(const ObjectRef& ref) const {
  const ObjectState* state = ref.state();
  if (state == nullptr) throw Error(StatusCode::kInvalidArgument, "an empty ref has no value");
  if (state->client != this)
    throw Error(StatusCode::kInvalidArgument,
                "the ref to " + ToString(ref.id()) + " belongs to a session that has ended");
  return {state->id, state->owner ? state->owner : identity_.self};
}

// ---- shared memory ----

ArenaMap& Client::Arena() {
  std::lock_guard lock(arena_mutex_);
  if (arena_ == nullptr) {
    Result<std::shared_ptr<ArenaMap>> arena = backend_.OpenArena();
    if (!arena.ok()) ThrowError(arena.status().code(), arena.status().message());
    arena_ = std::move(*arena);
  }
  return *arena_;
}

std::shared_ptr<ArenaMap> Client::arena() {
  std::lock_guard lock(arena_mutex_);
  return arena_;
}

std::string_view Client::Stored(int64_t offset, int64_t size) {
  const ArenaMap& arena = Arena();
  if (!arena.Contains(offset, size))
    throw Error(StatusCode::kInternal, "the node manager named bytes outside of its object memory");
  return {arena.Read(offset), static_cast<size_t>(size)};
}

void Client::ReleaseView(ObjectId object) {
  if (!open_.load(std::memory_order_relaxed)) return;
  Draft<msg::ReleaseView> release;
  ToProto(object, release->mutable_object());
  backend_.Post(std::move(release));
}

void Client::ReleaseAll(const Message& ready) {
  if (ready.kind() != MessageKind::kObjectsReady) return;
  for (const msg::ObjectValue& value : ready.As<msg::ObjectsReady>().values()) {
    if (value.status() == 0 && value.size() > 0) ReleaseView(FromProto(value.object()));
  }
}

}  // namespace orrery::internal
