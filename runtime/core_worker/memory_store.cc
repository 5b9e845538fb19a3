#include "runtime/core_worker/memory_store.h"

#include <algorithm>
#include <utility>

#include "runtime/common/assert.h"

namespace orrery {

const ObjectRecord* MemoryStore::Get(ObjectId id) const {
  if (id.index == 0) {
    const ObjectRecord* record = first_.Find(id.task.index);
    if (record != nullptr && record->owner == id.task.owner) return record;
    if (id.task.owner == self_) return nullptr;
  }
  if (others_.empty()) return nullptr;
  const auto* record = others_.Find(id);
  return record == nullptr ? nullptr : record->get();
}

void MemoryStore::AddPending(ObjectId id) {
  self_ = id.task.owner;  // the same for all own objects, once it is known
  Add(id).local = 1;
}

ObjectRecord& MemoryStore::Add(ObjectId id) {
  if (id.index == 0 && id.task.owner == self_) {
    const auto [record, inserted] = first_.Insert(id.task.index);
    ORRERY_ASSERT(inserted);
    record->owner = id.task.owner;
    return *record;
  }
  const auto [slot, inserted] = others_.Insert(id, std::make_unique<ObjectRecord>());
  ORRERY_ASSERT(inserted);
  (*slot)->owner = id.task.owner;
  return **slot;
}

MemoryStore::Waiters MemoryStore::Seal(ObjectId id, StoredValue&& value) {
  ObjectRecord* record = Get(id);
  if (record == nullptr) return {};
  ORRERY_ASSERT(!record->ready);
  record->ready = 1;
  record->value = std::move(value);
  Waiters waiters;
  waiters.request = std::exchange(record->request, 0);
  if (ObjectExtra* extra = record->extra.get()) {
    waiters.requests = std::move(extra->requests);
    waiters.tasks = std::move(extra->tasks);
    waiters.askers = std::move(extra->askers);
    extra->requests.clear(), extra->tasks.clear(), extra->askers.clear();
    waiters.stored = extra->size > 0;
    waiters.shared = true;
  }
  MaybeDrop(id, *record);
  return waiters;
}

void MemoryStore::Reopen(ObjectId id) {
  ObjectRecord* record = Get(id);
  ORRERY_ASSERT(record != nullptr && record->ready);
  record->ready = 0;
  record->value = {};
  if (record->extra != nullptr) record->extra->size = 0;
}

const StoredValue* MemoryStore::Find(ObjectId id) const {
  const ObjectRecord* record = Get(id);
  return record != nullptr && record->ready ? &record->value : nullptr;
}

void MemoryStore::AddRequest(ObjectId id, uint64_t request) {
  ObjectRecord& record = *Get(id);
  if (record.request == 0)
    record.request = request;
  else
    record.Extra().requests.push_back(request);
}

void MemoryStore::AddDependent(ObjectId id, uint64_t task) {
  ObjectRecord& record = *Get(id);
  record.tasks = record.tasks + 1;
  record.Extra().tasks.push_back(task);
}

void MemoryStore::DropDependent(ObjectId id, uint64_t task) {
  ObjectRecord* record = Get(id);
  ORRERY_ASSERT(record != nullptr && record->tasks > 0);
  record->tasks = record->tasks - 1;
  if (record->extra != nullptr) {
    auto& tasks = record->extra->tasks;
    if (auto it = std::find(tasks.begin(), tasks.end(), task); it != tasks.end()) tasks.erase(it);
  }
  MaybeDrop(id, *record);
}

void MemoryStore::Release(ObjectId id) {
  ObjectRecord* record = Get(id);
  if (record == nullptr || record->local == 0) return;
  --record->local;
  MaybeDrop(id, *record);
}

void MemoryStore::DropUnlessHeld(ObjectId id, ObjectRecord& record) {
  if (!record.ready && (!record.foreign() || record.request != 0 || !record.extra->requests.empty())) return;
  if (record.extra != nullptr && record.extra->held()) return;
  std::unique_ptr<ObjectExtra> extra = std::move(record.extra);
  if (id.index == 0 && id.task.owner == self_)
    first_.Erase(id.task.index);
  else
    others_.Erase(id);
  if (extra != nullptr && end_ != nullptr) end_->OnOutOfScope(id, std::move(extra));
}

std::vector<ObjectId> MemoryStore::Keys(WorkerId self) const {
  std::vector<uint64_t> first;
  first_.CollectKeys(first);
  std::vector<ObjectId> keys;
  others_.CollectKeys(keys);
  for (uint64_t index : first) keys.push_back({{self, index}, 0});
  std::sort(keys.begin(), keys.end());
  return keys;
}

}  // namespace orrery
