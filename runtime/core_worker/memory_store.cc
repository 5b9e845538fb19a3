#include "runtime/core_worker/memory_store.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "runtime/common/assert.h"

namespace orrery {

const MemoryStore::Object* MemoryStore::Get(ObjectId id) const {
  if (id.index == 0) {
    const Object* object = first_.Find(id.task.index);
    return object != nullptr && object->owner == id.task.owner ? object : nullptr;
  }
  const auto* object = others_.Find(id);
  return object == nullptr ? nullptr : object->get();
}

void MemoryStore::AddPending(ObjectId id) {
  Object* object = nullptr;
  bool inserted = false;
  if (id.index == 0) {
    std::tie(object, inserted) = first_.Insert(id.task.index);
  } else {
    const auto [slot, is_new] = others_.Insert(id, std::make_unique<Object>());
    object = slot->get();
    inserted = is_new;
  }
  ORRERY_ASSERT(inserted);
  object->owner = id.task.owner;
}

MemoryStore::Waiters MemoryStore::Seal(ObjectId id, StoredValue&& value) {
  Object* object = Get(id);
  if (object == nullptr) return {};
  ORRERY_ASSERT(!object->ready);
  object->ready = true;
  object->value = std::move(value);
  Waiters waiters;
  if (object->more != nullptr) waiters = std::move(*object->more);
  waiters.request = std::exchange(object->request, 0);
  object->more.reset();
  MaybeDrop(id, *object);
  return waiters;
}

const StoredValue* MemoryStore::Find(ObjectId id) const {
  const Object* object = Get(id);
  return object != nullptr && object->ready ? &object->value : nullptr;
}

void MemoryStore::AddRequest(ObjectId id, uint64_t request) {
  Object& object = *Get(id);
  if (object.request == 0) {
    object.request = request;
    return;
  }
  if (object.more == nullptr) object.more = std::make_unique<Waiters>();
  object.more->requests.push_back(request);
}

void MemoryStore::AddDependent(ObjectId id, uint64_t task) {
  Object& object = *Get(id);
  ++object.dependents;
  if (object.more == nullptr) object.more = std::make_unique<Waiters>();
  object.more->tasks.push_back(task);
}

void MemoryStore::DropDependent(ObjectId id, uint64_t task) {
  Object* object = Get(id);
  ORRERY_ASSERT(object != nullptr && object->dependents > 0);
  --object->dependents;
  if (object->more != nullptr) {
    auto& tasks = object->more->tasks;
    if (auto it = std::find(tasks.begin(), tasks.end(), task); it != tasks.end()) tasks.erase(it);
  }
  MaybeDrop(id, *object);
}

void MemoryStore::Release(ObjectId id) {
  Object* object = Get(id);
  if (object == nullptr) return;
  object->released = true;
  MaybeDrop(id, *object);
}

// A pending object stays until its value comes: a late Seal must find where to end.
void MemoryStore::MaybeDrop(ObjectId id, const Object& object) {
  if (!object.ready || !object.released || object.dependents > 0) return;
  if (id.index == 0)
    first_.Erase(id.task.index);
  else
    others_.Erase(id);
}

}  // namespace orrery
