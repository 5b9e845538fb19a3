// The values this process owns: small ones, kept inline. (Ray's memory_store.cc.)
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runtime/common/ids.h"
#include "runtime/common/lookup.h"
#include "runtime/common/paged_table.h"
#include "runtime/common/status.h"

namespace orrery {

// A value, or the error that stands for it.
struct StoredValue {
  StatusCode status = StatusCode::kOk;
  std::string bytes;  // of the value
  std::string error;  // message, when status is not kOk
  std::string stack;
  size_t cause = 0;   // where in `error` the first cause begins: what goes on to tasks that take this value
};

// An object lives while the application refers to it or a task that takes it has not been sent.
class MemoryStore {
 public:
  // Who waits for an object.
  struct Waiters {
    uint64_t request = 0;            // the first get or wait; 0: none
    std::vector<uint64_t> requests;  // further ones
    std::vector<uint64_t> tasks;     // owned tasks that take it as an argument
  };

  // An object whose value will come. Asserts that it is new.
  void AddPending(ObjectId object);
  // Sets the value and returns who waited. An object that nobody refers to any more is dropped.
  Waiters Seal(ObjectId object, StoredValue&& value);

  bool Contains(ObjectId object) const { return Get(object) != nullptr; }
  // The value, or nullptr while pending or unknown.
  const StoredValue* Find(ObjectId object) const;
  void AddRequest(ObjectId object, uint64_t request);
  void AddDependent(ObjectId object, uint64_t task);
  // The dependent task has its copy, or will never need it.
  void DropDependent(ObjectId object, uint64_t task);
  // The application refers to it no more. Unknown objects are ignored.
  void Release(ObjectId object);
  size_t size() const { return first_.size() + others_.size(); }

 private:
  struct Object {
    WorkerId owner;
    bool ready = false;
    bool released = false;
    uint32_t dependents = 0;
    uint64_t request = 0;              // the first that waits; 0: none. Others are in `more`
    std::unique_ptr<Waiters> more;
    StoredValue value;
  };
  const Object* Get(ObjectId object) const;
  Object* Get(ObjectId object) { return const_cast<Object*>(std::as_const(*this).Get(object)); }
  void MaybeDrop(ObjectId id, const Object& object);
  // The first return of a task, or a put, lies at the task's index. All are of one owner, this process.
  PagedTable<Object> first_;
  Lookup<ObjectId, std::unique_ptr<Object>> others_;
};

}  // namespace orrery
