// What keeps objects in scope, and what follows when nothing does any more.
#pragma once

#include <google/protobuf/repeated_ptr_field.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <utility>
#include <vector>

#include "runtime/core_worker/borrowing.h"
#include "runtime/core_worker/core_context.h"
#include "runtime/core_worker/lineage.h"
#include "runtime/core_worker/memory_store.h"
#include "runtime/core_worker/object_directory.h"

namespace orrery {

// The counts lie in ObjectRecord; plain references of the application to own objects never come here. Each kind of
// reference to another's object also makes this process a borrower of it. (Ray's reference_counter.cc.)
class ReferenceCounter final : public ObjectEnd {
 public:
  using Refs = google::protobuf::RepeatedPtrField<msg::RefProto>;

  ReferenceCounter(CoreContext& core, MemoryStore& store, Borrowing& borrowing, ObjectDirectory& directory,
                   Lineage& lineage)
      : core_(core), store_(store), borrowing_(borrowing), directory_(directory), lineage_(lineage) {
    store_.SetEnd(this);
  }

  // The application has decoded a ref. `guarded`: it came with an argument of the running task.
  void Borrow(const ObjectReference& object, bool guarded);
  // An unfinished task of ours takes it. False when it is an object of ours that has been freed.
  bool AddTask(const ObjectReference& object);
  void DropTask(ObjectId object);
  // The value of `outer`, an own object, holds these. Replaces what an earlier value held.
  void Contain(ObjectId outer, const Refs& refs);
  // The value of another's object holds these; its owner keeps them.
  void Note(ObjectId outer, const Refs& refs);
  // Results that were sent off hold these, until their receiver has registered.
  void AddHandoffs(const std::vector<ObjectReference>& refs);
  void DropHandoffs(const std::vector<ObjectReference>& refs);

  void OnOutOfScope(ObjectId object, std::unique_ptr<ObjectExtra> extra) override;

 private:
  // The record, made when it is another's that was unknown; nullptr: one of ours that has been freed.
  ObjectRecord* Ensure(const ObjectReference& object, bool guarded);
  void DropContained(const std::vector<ObjectReference>& refs);

  CoreContext& core_;
  MemoryStore& store_;
  Borrowing& borrowing_;
  ObjectDirectory& directory_;
  Lineage& lineage_;
  std::deque<std::pair<ObjectId, std::unique_ptr<ObjectExtra>>> ended_;
  bool draining_ = false;
};

}  // namespace orrery
