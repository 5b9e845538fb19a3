#include "runtime/object_store/residency.h"

#include <algorithm>

#include "runtime/messages/orrery.pb.h"

namespace orrery {

using State = LocalObject::State;

Residency::Residency(const StoreContext& context, LocalObjects& objects, OwnerTable& owners,
                     ResidencyListener& listener)
    : context_(context),
      objects_(objects),
      owners_(owners),
      listener_(listener),
      pulls_(context, owners, *this),
      spills_(context, objects) {}

void Residency::Traced(TraceKind kind, const LocalObject& object) const {
  context_.env.Trace({.kind = kind,
                      .task = object.id().task,
                      .node = context_.node,
                      .a = object.size,
                      .c = static_cast<int64_t>(object.id().index)});
}

// ---- who wants what -------------------------------------------------------------------------------------------------

LocalObject* Residency::Bring(const ObjectReference& ref, int64_t size, Urgency urgency, const ObjectWaiter& waiter) {
  LocalObject* object = objects_.Find(ref.id);
  if (object != nullptr && object->readable() && !object->doomed) return object;
  (void)owners_.Meet(ref);  // it may have been forgotten as dead since it was met
  Want& want = wants_[ref.id];
  want.ref = ref;
  if (object != nullptr) size = object->size;
  if (want.size == 0) want.size = size;
  const auto known =
      std::find_if(want.waiters.begin(), want.waiters.end(), [&](const auto& entry) { return entry.first == waiter; });
  if (known == want.waiters.end())
    want.waiters.emplace_back(waiter, urgency);
  else
    known->second = std::min(known->second, urgency);
  SetUrgency(want);
  Pursue(ref.id);
  return nullptr;
}

void Residency::GiveUp(ObjectId object, const ObjectWaiter& waiter) {
  const auto it = wants_.find(object);
  if (it == wants_.end()) return;
  Want& want = it->second;
  std::erase_if(want.waiters, [&](const auto& entry) { return entry.first == waiter; });
  if (!want.waiters.empty()) return SetUrgency(want);
  TakeWant(object);
  StopPull(object);
}

bool Residency::WantsOf(WorkerId owner) const {
  const auto it = wants_.lower_bound(ObjectId{{owner, 0}, 0});
  if (it != wants_.end() && it->first.task.owner == owner) return true;
  return std::any_of(creations_.begin(), creations_.end(),
                     [&](const auto& entry) { return entry.second.ref.id.task.owner == owner; });
}

void Residency::SetStage(Want& want, Stage stage) {
  if (want.stage == stage && stage != Stage::kQueued) return;
  const size_t urgency = static_cast<size_t>(want.urgency);
  if (want.stage == Stage::kPulling) --pulling_[urgency];
  if (want.stage == Stage::kQueued) queue_.erase({want.urgency, want.pull, want.ticket});
  want.stage = stage;
  if (want.ticket == 0) want.ticket = ++tickets_;  // kept for life: who had to give way does not lose its turn
  if (stage == Stage::kPulling) ++pulling_[urgency];
  if (stage != Stage::kQueued) return;
  want.pull = objects_.Find(want.ref.id) == nullptr;
  queue_.emplace(Place{want.urgency, want.pull, want.ticket}, want.ref.id);
}

void Residency::SetUrgency(Want& want) {
  Urgency most = Urgency::kArgument;
  for (const auto& [waiter, urgency] : want.waiters) most = std::min(most, urgency);
  if (most == want.urgency) return;
  const Stage stage = want.stage;
  SetStage(want, Stage::kIdle);
  want.urgency = most;
  SetStage(want, stage);
}

void Residency::Pursue(ObjectId id) {
  const auto it = wants_.find(id);
  if (it == wants_.end()) return;
  const LocalObject* object = objects_.Find(id);
  const bool pulling = pulls_.Pulling(id);
  if (object == nullptr)
    SetStage(it->second, pulling ? Stage::kIdle : Stage::kQueued);
  else if (object->state == State::kSpilled)
    SetStage(it->second, Stage::kQueued);
  else if (object->state == State::kRestoring)
    SetStage(it->second, Stage::kRestoring);
  else if (pulling && !pulls_.Stopping(id))
    SetStage(it->second, Stage::kPulling);
  else
    SetStage(it->second, Stage::kIdle);
}

std::vector<std::pair<ObjectWaiter, Urgency>> Residency::TakeWant(ObjectId object) {
  const auto it = wants_.find(object);
  if (it == wants_.end()) return {};
  SetStage(it->second, Stage::kIdle);
  auto waiters = std::move(it->second.waiters);
  wants_.erase(it);
  return waiters;
}

void Residency::Present(LocalObject& object) {
  for (const auto& [waiter, urgency] : TakeWant(object.id())) listener_.OnPresent(object, waiter);
}

void Residency::Fail(ObjectId object, const Status& status) {
  for (const auto& [waiter, urgency] : TakeWant(object)) listener_.OnAbsent(object, waiter, status);
  StopPull(object);
}

void Residency::StopPull(ObjectId object) {
  listener_.OnNoMore(object);
  pulls_.Stop(object);
}

// ---- what comes and goes --------------------------------------------------------------------------------------------

void Residency::Create(Creation creation) {
  if (creation.in_room() && TryCreate(creation) == Outcome::kDone) return;
  const uint64_t ticket = ++tickets_;
  queue_.emplace(Place{Urgency::kCreate, false, ticket}, creation.ref.id);
  creations_.emplace(ticket, std::move(creation));
}

void Residency::CancelCreation(const Address& client, ObjectId object) {
  for (auto it = creations_.begin(); it != creations_.end(); ++it) {
    if (it->second.client != client || it->second.ref.id != object) continue;
    if (it->second.in_room()) objects_.Unreserve(it->second.room);
    queue_.erase({Urgency::kCreate, false, it->first});
    creations_.erase(it);
    return;
  }
}

void Residency::Sealed(LocalObject& object) {
  objects_.Move(object, State::kSealed);
  Traced(TraceKind::kObjectCreated, object);
  if (object.doomed) return RemoveIfUnused(object);
  owners_.Added(object);
  Present(object);
  listener_.OnChunkHere(object);
}

void Residency::Aborted(LocalObject& object) {
  const ObjectId id = object.id();
  objects_.Remove(object);
  listener_.OnNoMore(id);
  Pursue(id);
}

void Residency::Free(ObjectId id, const Status& status) {
  Fail(id, status);
  LocalObject* object = objects_.Find(id);
  if (object == nullptr || object->doomed) return;
  object->doomed = true;
  RemoveIfUnused(*object);
}

void Residency::OwnerDead(WorkerId owner) {
  const Status died(StatusCode::kOwnerDied, ToString(owner) + ", which owned the value, is gone");
  std::vector<ObjectId> ids;
  const ObjectId first{{owner, 0}, 0};
  for (auto it = wants_.lower_bound(first); it != wants_.end() && it->first.task.owner == owner; ++it)
    ids.push_back(it->first);
  auto object = objects_.all().lower_bound(first);
  for (; object != objects_.all().end() && object->first.task.owner == owner; ++object) ids.push_back(object->first);
  std::vector<Creation> waiting;
  for (const auto& [ticket, creation] : creations_) {
    if (creation.ref.id.task.owner == owner) waiting.push_back(creation);
  }
  for (const Creation& creation : waiting) {
    CancelCreation(creation.client, creation.ref.id);
    listener_.OnCreated(creation, nullptr, died);
  }
  for (ObjectId id : ids) {
    Free(id, died);
    if (LocalObject* left = objects_.Find(id)) left->orphan = true;
  }
}

// A doomed copy goes when no client, lease or node uses it and nothing is written to or read from its room.
void Residency::RemoveIfUnused(LocalObject& object) {
  const ObjectId id = object.id();
  const bool busy = object.state == State::kCreating || object.state == State::kSpilling ||
                    object.state == State::kRestoring || pulls_.Pulling(id);
  if (!object.doomed || object.pinned() || busy) return;
  spills_.Forget(object);
  objects_.Remove(object);
  Pursue(id);
}

// The rest of it will not come: what was promised to other nodes stays until they have let go.
void Residency::GiveUpCopy(LocalObject& object) {
  object.doomed = true;
  listener_.OnNoMore(object.id());
  RemoveIfUnused(object);
}

void Residency::OnSpillWritten(const msg::SpillWritten& written) {
  for (ObjectId id : spills_.OnSpillWritten(written)) RemoveIfUnused(*objects_.Find(id));
}

void Residency::OnSpillRead(const msg::SpillRead& read) {
  const auto done = spills_.OnSpillRead(read);
  if (!done) return;
  LocalObject& object = *objects_.Find(done->first);
  if (done->second.ok()) {
    objects_.Move(object, State::kSealed);
    Traced(TraceKind::kObjectRestored, object);
    if (object.doomed) return RemoveIfUnused(object);
    owners_.Added(object);
    return Present(object);
  }
  const ObjectReference ref = object.ref;
  Traced(TraceKind::kObjectEvicted, object);
  spills_.Forget(object);
  objects_.Remove(object);
  owners_.Removed(ref);
  Pursue(ref.id);
}

// ---- pulls ----------------------------------------------------------------------------------------------------------

LocalObject* Residency::OnPullNeedsRoom(const ObjectReference& ref, int64_t size) {
  const auto it = wants_.find(ref.id);
  if (it == wants_.end()) return nullptr;
  Want& want = it->second;
  if (LocalObject* wrong = objects_.Find(ref.id)) objects_.Remove(*wrong);
  want.size = size;
  SetStage(want, Stage::kQueued);  // where it stays if there is no room now
  if (size <= 0 || size > objects_.arena().capacity()) return nullptr;  // TryBring says so
  if (CreationWaits(ref.id) || !SlotFor(want.urgency) || MakeRoom(size, want.urgency, {}) != Room::kFree)
    return nullptr;
  SetStage(want, Stage::kPulling);
  return objects_.Add(ref, size, State::kPulling);
}

bool Residency::Arriving(ObjectId object) const {
  const auto it = wants_.find(object);
  return it != wants_.end() && (it->second.stage == Stage::kRestoring || pulls_.Transferring(object));
}

void Residency::OnPullWaits(ObjectId id) {
  objects_.Remove(*objects_.Find(id));
  SetStage(wants_.at(id), Stage::kIdle);
}

void Residency::OnChunkHere(ObjectId id) { listener_.OnChunkHere(*objects_.Find(id)); }

void Residency::OnPulled(ObjectId id) {
  LocalObject& object = *objects_.Find(id);
  objects_.Move(object, State::kSealed);
  owners_.Added(object);
  Present(object);
  listener_.OnChunkHere(object);
}

void Residency::OnPullFailed(ObjectId id, const Status& status) {
  if (LocalObject* object = objects_.Find(id)) GiveUpCopy(*object);
  Fail(id, status);
}

void Residency::OnPullStopping(ObjectId id) {
  listener_.OnNoMore(id);
  Pursue(id);
}

void Residency::OnPullStopped(ObjectId id) {
  if (LocalObject* object = objects_.Find(id)) GiveUpCopy(*object);
  Pursue(id);
}

size_t Residency::rooms() const {
  const auto in_room = [](const auto& entry) { return entry.second.in_room(); };
  return static_cast<size_t>(std::count_if(creations_.begin(), creations_.end(), in_room));
}

void Residency::CheckInvariants() const {
  spills_.CheckInvariants();
  pulls_.CheckInvariants();
  int64_t under_way[4] = {};
  size_t queued = 0;
  for (const auto& [id, want] : wants_) {
    ORRERY_ASSERT(want.ref.id == id && !want.waiters.empty());
    const LocalObject* object = objects_.Find(id);
    const bool pulling = pulls_.Pulling(id);
    ORRERY_ASSERT_MSG(object == nullptr || !object->readable() || object->doomed, "nobody waits for what is there");
    queued += want.stage == Stage::kQueued;
    ORRERY_ASSERT(want.stage != Stage::kQueued || queue_.count({want.urgency, want.pull, want.ticket}) == 1);
    if (want.stage == Stage::kPulling) {
      ++under_way[static_cast<size_t>(want.urgency)];
      ORRERY_ASSERT(object != nullptr && pulling && !pulls_.Stopping(id));
    }
    ORRERY_ASSERT(want.stage != Stage::kQueued || want.pull == (object == nullptr));
    ORRERY_ASSERT(want.stage != Stage::kRestoring || (object != nullptr && object->state == State::kRestoring));
    if (want.stage == Stage::kIdle) {
      ORRERY_ASSERT_MSG(pulling || (object != nullptr && (object->doomed || object->state == State::kCreating)),
                        "something must end every wait");
    }
  }
  for (size_t i = 0; i < 4; ++i) ORRERY_ASSERT(under_way[i] == pulling_[i]);
  ORRERY_ASSERT(queue_.size() == queued + creations_.size());
  for (const auto& [ticket, creation] : creations_) {
    ORRERY_ASSERT(!creation.in_room() || objects_.SizeOfRoom(creation.room) >= creation.size);
  }
  for (const auto& [id, object] : objects_.all()) {
    ORRERY_ASSERT_MSG(object.state != State::kPulling || object.doomed || pulls_.Pulling(id), "a pull fills it");
  }
}

}  // namespace orrery
