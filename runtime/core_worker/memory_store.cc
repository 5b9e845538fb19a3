#include "runtime/core_worker/memory_store.h"

#include <algorithm>
#include <utility>

#include "runtime/common/assert.h"

namespace orrery {

void MemoryStore::AddPending(ObjectId object) {
  const bool inserted = objects_.Insert(object, Object{}).second;
  ORRERY_ASSERT(inserted);
}

MemoryStore::Waiters MemoryStore::Seal(ObjectId id, StoredValue value) {
  Object* object = objects_.Find(id);
  if (object == nullptr) return {};
  ORRERY_ASSERT(!object->ready);
  object->ready = true;
  object->value = std::move(value);
  Waiters waiters = std::move(object->waiters);
  object->waiters = {};
  MaybeDrop(id);
  return waiters;
}

const StoredValue* MemoryStore::Find(ObjectId id) const {
  const Object* object = objects_.Find(id);
  return object != nullptr && object->ready ? &object->value : nullptr;
}

void MemoryStore::AddRequest(ObjectId object, uint64_t request) {
  objects_.Find(object)->waiters.requests.push_back(request);
}

void MemoryStore::AddDependent(ObjectId id, uint64_t task) {
  Object* object = objects_.Find(id);
  ++object->dependents;
  object->waiters.tasks.push_back(task);
}

void MemoryStore::DropDependent(ObjectId id, uint64_t task) {
  Object* object = objects_.Find(id);
  ORRERY_ASSERT(object != nullptr && object->dependents > 0);
  --object->dependents;
  auto& tasks = object->waiters.tasks;
  if (auto it = std::find(tasks.begin(), tasks.end(), task); it != tasks.end()) tasks.erase(it);
  MaybeDrop(id);
}

void MemoryStore::Release(ObjectId id) {
  Object* object = objects_.Find(id);
  if (object == nullptr) return;
  object->released = true;
  MaybeDrop(id);
}

// A pending object stays until its value comes: a late Seal must find where to end.
void MemoryStore::MaybeDrop(ObjectId id) {
  const Object* object = objects_.Find(id);
  if (object->ready && object->released && object->dependents == 0) objects_.Erase(id);
}

}  // namespace orrery
