// The objects this process knows: its own, and others' that it refers to. Small values are kept here. (Ray's
// memory_store.cc and the table of reference_counter.cc.)
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "runtime/common/lookup.h"
#include "runtime/common/paged_table.h"
#include "runtime/core_worker/object_record.h"

namespace orrery {

// Is told of the end of objects that others know of.
class ObjectEnd {
 public:
  virtual ~ObjectEnd() = default;
  // The object is in the table no more; `extra` is not null.
  virtual void OnOutOfScope(ObjectId object, std::unique_ptr<ObjectExtra> extra) = 0;
};

// An object lives while something refers to it; see ObjectRecord.
class MemoryStore {
 public:
  // Who waited for an object.
  struct Waiters {
    uint64_t request = 0;            // the first get or wait; 0: none
    std::vector<uint64_t> requests;  // further ones
    std::vector<uint64_t> tasks;     // owned tasks that take it as an argument
    std::vector<Address> askers;     // other processes
    bool stored = false;             // the value lies in object stores
    bool shared = false;             // other processes may ask where it is
  };

  // `end` outlives the store's objects; without one, objects just go.
  void SetEnd(ObjectEnd* end) { end_ = end; }

  // An own object whose value will come, with one reference of the application. Asserts that it is new.
  void AddPending(ObjectId object);
  // Another's object, or one of ours that is to be made again; without references.
  ObjectRecord& Add(ObjectId object);
  // Sets the value and returns who waited. An object that nobody refers to any more is dropped.
  Waiters Seal(ObjectId object, StoredValue&& value);
  // The value is gone: the object waits for another one.
  void Reopen(ObjectId object);

  ObjectRecord* Get(ObjectId object) { return const_cast<ObjectRecord*>(std::as_const(*this).Get(object)); }
  const ObjectRecord* Get(ObjectId object) const;
  bool Contains(ObjectId object) const { return Get(object) != nullptr; }
  // The value, or nullptr while pending or unknown.
  const StoredValue* Find(ObjectId object) const;
  void AddRequest(ObjectId object, uint64_t request);
  void AddDependent(ObjectId object, uint64_t task);
  // The dependent task has its copy, or will never need it.
  void DropDependent(ObjectId object, uint64_t task);
  // A reference of the application goes. Unknown objects are ignored.
  void Release(ObjectId object);
  // After a count went down: drops the object when nothing is left. `object` must be in the table.
  void MaybeDrop(ObjectId object, ObjectRecord& record) {
    if ((record.local | record.tasks) == 0) DropUnlessHeld(object, record);
  }
  size_t size() const { return first_.size() + others_.size(); }
  // Every object, in order.
  std::vector<ObjectId> Keys(WorkerId self) const;

 private:
  void DropUnlessHeld(ObjectId id, ObjectRecord& record);
  // The first return of a task, or a put, lies at the task's index: the own ones, and so are nearly all.
  PagedTable<ObjectRecord> first_;
  Lookup<ObjectId, std::unique_ptr<ObjectRecord>> others_;
  WorkerId self_;
  ObjectEnd* end_ = nullptr;
};

}  // namespace orrery
