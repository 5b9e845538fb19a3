// How room is made and given out.
#include <algorithm>
#include <string>

#include "runtime/object_store/residency.h"

namespace orrery {

using State = LocalObject::State;

void Residency::Settle() {
  Serve();
  const double capacity = static_cast<double>(objects_.arena().capacity());
  const auto threshold = static_cast<int64_t>(capacity * context_.settings.spill_threshold);
  if (objects_.dirty_bytes() > threshold) spills_.Spill(std::max(objects_.dirty_bytes() - threshold, SpillStep()));
  if (queue_.empty() || timer_ || spills_.Refusal().code() != StatusCode::kDiskFull) return;
  timer_ = true;
  context_.env.SetTimer(SpillManager::kAskAgain, TimerKind::kSpill, 0);
}

void Residency::Serve() {
  too_much_ = INT64_MAX;
  auto it = queue_.begin();
  while (it != queue_.end()) {
    const Place place = it->first;
    const ObjectId id = it->second;
    const bool creation = place.urgency == Urgency::kCreate;
    const Outcome outcome = creation ? TryCreate(creations_.at(place.ticket)) : TryBring(wants_.at(id));
    if (outcome == Outcome::kComing) {
      progress_ = context_.env.Now();
      return;
    }
    if (outcome == Outcome::kDone && creation) {
      creations_.erase(place.ticket);
      queue_.erase(place);
    }
    it = queue_.upper_bound(outcome == Outcome::kNoSlot ? Place{place.urgency, true, UINT64_MAX} : place);
  }
}

bool Residency::SlotFor(Urgency urgency) const {
  int64_t pulling = 0;
  for (size_t i = 0; i <= static_cast<size_t>(urgency); ++i) pulling += pulling_[i];
  return pulling < std::max<int64_t>(1, context_.settings.object_pulls_in_flight);
}

bool Residency::CreationWaits(ObjectId object) const {
  return std::any_of(creations_.begin(), creations_.end(),
                     [&](const auto& entry) { return entry.second.ref.id == object; });
}

Residency::Outcome Residency::TryBring(Want& want) {
  const ObjectId id = want.ref.id;
  LocalObject* object = objects_.Find(id);
  if (object == nullptr && CreationWaits(id)) return Outcome::kPass;  // which brings it, if it succeeds
  if (want.size == 0) {
    SetStage(want, Stage::kIdle);
    pulls_.Begin(want.ref, nullptr);
    return Outcome::kDone;
  }
  if (const Status status = CheckSize(id, want.size); !status.ok()) {
    Fail(id, status);
    return Outcome::kDone;
  }
  if (object == nullptr && !SlotFor(want.urgency)) return Outcome::kNoSlot;
  const LeaseId first = FirstLeaseOf(want);
  switch (MakeRoom(want.size, want.urgency, first)) {
    case Room::kComing: want.waits_since.reset(); return Outcome::kComing;
    case Room::kWait: return AwaitClients(want);
    case Room::kNever: {
      const Status status = NoRoom(id, want.size);
      if (first)
        listener_.OnNoRoomBeside(first, status);
      else
        Fail(id, status);
      return Outcome::kDone;
    }
    case Room::kFree: progress_ = context_.env.Now(); break;
  }
  want.waits_since.reset();
  SetStage(want, object != nullptr ? Stage::kRestoring : Stage::kPulling);
  if (object != nullptr) {
    objects_.Restore(*object);
    spills_.Read(*object);
  } else {
    pulls_.Begin(want.ref, objects_.Add(want.ref, want.size, State::kPulling));
  }
  return Outcome::kDone;
}

Residency::Outcome Residency::TryCreate(Creation& creation) {
  const ObjectId id = creation.ref.id;
  if (objects_.Find(id) == nullptr || objects_.Find(id)->state == State::kPulling) StopPull(id);
  LocalObject* object = objects_.Find(id);
  if (object != nullptr) {
    // Another client writes it, or a copy that was given up is still being read: that ends by itself.
    if (object->state == State::kCreating || object->state == State::kPulling) return Outcome::kPass;
    object->doomed = object->orphan = false;  // it was freed, and is made again: by a task that runs a second time
    objects_.SetPrimary(*object);
    owners_.Added(*object);
    if (object->readable()) Present(*object);
    Pursue(id);
    if (creation.in_room()) objects_.Unreserve(creation.room);
    listener_.OnCreated(creation, nullptr, {StatusCode::kAlreadyExists, ToString(id) + " is in the store already"});
    return Outcome::kDone;
  }
  if (pulls_.Pulling(id)) return Outcome::kPass;
  if (creation.in_room()) {
    object = objects_.AddInRoom(creation.ref, creation.size, creation.room);
  } else {
    switch (MakeRoom(creation.size, Urgency::kCreate, {})) {
      case Room::kComing: creation.waits_since.reset(); return Outcome::kComing;
      case Room::kWait: return AwaitClients(creation);
      case Room::kNever: listener_.OnCreated(creation, nullptr, NoRoom(id, creation.size)); return Outcome::kDone;
      case Room::kFree: progress_ = context_.env.Now(); break;
    }
    object = objects_.Add(creation.ref, creation.size, State::kCreating);
  }
  Pursue(id);
  listener_.OnCreated(creation, object, Status::Ok());
  return Outcome::kDone;
}

Residency::Outcome Residency::AwaitClients(Creation& creation) {
  if (!WaitedTooLong(creation.waits_since)) return Outcome::kPass;
  const Status held = Held(creation.client, creation.ref.id, creation.size);
  if (held.ok()) return Outcome::kPass;
  listener_.OnCreated(creation, nullptr, held);
  return Outcome::kDone;
}

// Each asker alone: only what others look at may still be let go while it waits.
Residency::Outcome Residency::AwaitClients(Want& want) {
  if (want.urgency != Urgency::kGet || !WaitedTooLong(want.waits_since)) return Outcome::kPass;
  const ObjectId id = want.ref.id;
  std::vector<std::pair<ObjectWaiter, Status>> refused;
  for (const auto& [waiter, urgency] : want.waiters) {
    if (urgency != Urgency::kGet) continue;
    Status held = Held(waiter.client, id, want.size);
    if (!held.ok()) refused.emplace_back(waiter, std::move(held));
  }
  for (const auto& [waiter, status] : refused) {
    GiveUp(id, waiter);
    listener_.OnAbsent(id, waiter, status);
  }
  return Outcome::kPass;
}

// Others may still be given room, by which they come to an end and give back what they have: only when for the whole
// time nobody was, and what programs look at is what is in the way, the wait has no end.
bool Residency::WaitedTooLong(std::optional<Time>& since) {
  const Time now = context_.env.Now();
  const Duration limit = context_.settings.object_create_timeout;
  if (!since) since = now;
  Duration left = std::max(*since, progress_) + limit - now;
  const bool over = left <= Duration{0};
  if (over) {
    since = now;
    left = limit;
  }
  if (!create_timer_) context_.env.SetTimer(left, TimerKind::kCreateTimeout, 0);
  create_timer_ = true;
  return over;
}

// Views of running tasks end with the tasks; those of the asker itself do not while it waits.
Status Residency::Held(const Address& asker, ObjectId id, int64_t size) const {
  constexpr int kNamed = 3;
  const bool disk_takes = spills_.Refusal().ok();
  const auto viewed = [&](const LocalObject& object) {
    const bool by_client = object.pins[static_cast<size_t>(LocalObject::Pin::kClient)] != 0;
    const bool by_lease = object.pins[static_cast<size_t>(LocalObject::Pin::kLease)] != 0;
    return by_client && (!by_lease || listener_.Views(asker, object.id()));
  };
  const auto stays = [&](const LocalObject& object) { return viewed(object) || (object.dirty() && !disk_takes); };
  if (objects_.LongestIf(stays) >= Arena::Rounded(size)) return Status::Ok();
  std::string names;
  int64_t bytes = 0;
  int count = 0;
  for (const auto& [other, object] : objects_.all()) {
    if (!object.in_memory() || !viewed(object)) continue;
    bytes += Arena::Rounded(object.size);
    if (++count <= kNamed) names += ", " + ToString(other) + " of " + std::to_string(object.size) + " bytes";
  }
  if (count > kNamed) names += " and " + std::to_string(count - kNamed) + " more";
  return {StatusCode::kStoreFull,
          ToString(id) + " of " + std::to_string(size) + " bytes finds no room in the store of " +
              ToString(context_.node) + ": programs have looked at values in " + std::to_string(bytes) + " of its " +
              std::to_string(objects_.arena().capacity()) + " bytes for " +
              ToString(context_.settings.object_create_timeout) + " (object_create_timeout)" + names};
}

bool Residency::EvictUntilFits(int64_t size) {
  while (objects_.arena().LargestFree() < Arena::Rounded(size)) {
    LocalObject* oldest = objects_.OldestEvictable();
    if (oldest == nullptr) return false;
    Evict(*oldest);
  }
  return true;
}

void Residency::Evict(LocalObject& object) {
  Traced(TraceKind::kObjectEvicted, object);
  if (object.on_disk()) {
    owners_.Spilled(object);
    return objects_.DropFromMemory(object);
  }
  owners_.Removed(object.ref);
  objects_.Remove(object);
}

// Writing a little more than is needed now makes fewer and longer files.
int64_t Residency::SpillStep() const {
  const double headroom = (1 - context_.settings.spill_threshold) / 2;
  return std::min(context_.settings.spill_fuse_bytes,
                  static_cast<int64_t>(static_cast<double>(objects_.arena().capacity()) * headroom));
}

LeaseId Residency::FirstLeaseOf(const Want& want) const {
  const LeaseId first = want.urgency > Urgency::kCreate ? listener_.FirstFetching() : LeaseId{};
  const bool waits = std::any_of(want.waiters.begin(), want.waiters.end(),
                                 [&](const auto& entry) { return entry.first == ObjectWaiter::Lease(first); });
  return waits ? first : LeaseId{};
}

Residency::Room Residency::MakeRoom(int64_t size, Urgency urgency, LeaseId first) {
  if (size >= too_much_ && !first && spills_.Refusal().ok())
    return Room::kWait;  // many may wait for a client's release
  if (EvictUntilFits(size)) return Room::kFree;
  listener_.OnRoomShort();
  const int64_t missing = Arena::Rounded(size) - objects_.arena().LargestFree();
  if (spills_.Spill(std::max(missing, SpillStep()))) return Room::kComing;
  if ((urgency <= Urgency::kCreate || first) && SuspendingHelps(size, first)) {
    while (SuspendOne(first)) {
      if (EvictUntilFits(size)) return Room::kFree;
    }
    if (pulls_.stopping() != 0 || spills_.Spill(missing)) return Room::kComing;
  }
  too_much_ = std::min(too_much_, size);
  const bool disk_takes = spills_.Refusal().ok();
  if (disk_takes && !first) return Room::kWait;
  // What is neither elsewhere nor on disk stays as long as its owner wants it, and a lease keeps what it has while it
  // waits for the rest; all else some client's release can move.
  const int64_t longest = objects_.LongestIf([&](const LocalObject& object) {
    return (object.dirty() && !disk_takes) || (first && listener_.Keeps(first, object.id()));
  });
  return longest < Arena::Rounded(size) ? Room::kNever : Room::kWait;
}

// Exactly (rooms that clients have ahead are not here yet, although they were asked for): otherwise transfers would be
// stopped, begin again because the room is of no use, and be stopped again.
bool Residency::SuspendingHelps(int64_t size, LeaseId first) const {
  const std::map<ObjectId, uint32_t> pins = listener_.ArgumentsInTheWay(first);
  const bool disk_takes = spills_.Refusal().ok();
  const auto stays = [&](const LocalObject& object) {
    if (object.state == State::kPulling) {
      const auto want = wants_.find(object.id());
      if (first && want != wants_.end()) return true;
      return object.pinned() || (want != wants_.end() && want->second.urgency <= Urgency::kCreate);
    }
    if (object.state != State::kSealed || (object.dirty() && !disk_takes)) return true;
    const auto pin = pins.find(object.id());
    const uint32_t all = object.pins[0] + object.pins[1] + object.pins[2];
    return all > (pin == pins.end() ? 0 : pin->second);
  };
  return objects_.LongestIf(stays, LocalObjects::Rooms::kStay) >= Arena::Rounded(size);
}

// Arguments first, then waits, each from its tail.
bool Residency::SuspendOne(LeaseId first) {
  if (listener_.OnSuspendArguments(first)) return true;
  if (first) return false;
  const Want* last = nullptr;
  for (const auto& [id, want] : wants_) {
    if (want.stage != Stage::kPulling || want.urgency <= Urgency::kCreate) continue;
    if (last == nullptr || want.ticket > last->ticket) last = &want;
  }
  if (last == nullptr) return false;
  StopPull(last->ref.id);
  return true;
}

Status Residency::CheckSize(ObjectId object, int64_t size) const {
  const int64_t capacity = objects_.arena().capacity();
  const std::string text = ToString(object) + " of " + std::to_string(size) + " bytes";
  if (size <= 0) return {StatusCode::kInvalidArgument, text + ": a size is above 0"};
  if (size <= capacity) return Status::Ok();
  if (capacity == 0) {
    return {StatusCode::kStoreFull,
            text + ": " + ToString(context_.node) + " has no object store; start it with object_store_memory"};
  }
  return {StatusCode::kTooLarge, text + " exceeds the store of " + ToString(context_.node) + " with its " +
                                     std::to_string(capacity) + " bytes (resource object_store_memory)"};
}

Status Residency::NoRoom(ObjectId object, int64_t size) const {
  const Status refusal = spills_.Refusal();
  const std::string used = std::to_string(objects_.dirty_bytes()) + " of " +
                           std::to_string(objects_.arena().capacity()) + " bytes are in use";
  return {refusal.ok() ? StatusCode::kStoreFull : refusal.code(),
          ToString(object) + " of " + std::to_string(size) + " bytes finds no room in the store of " +
              ToString(context_.node) + ": " + used +
              (refusal.ok() ? ", and it does not fit beside the other arguments" : ", and " + refusal.message())};
}

}  // namespace orrery
