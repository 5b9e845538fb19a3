// How a process gets the value of an object that it does not own: it asks the owner, who answers when it is known.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/core_worker/core_context.h"
#include "runtime/core_worker/memory_store.h"
#include "runtime/core_worker/object_directory.h"
#include "runtime/core_worker/reference_counter.h"

namespace orrery {

class ObjectStatusExchange {
 public:
  ObjectStatusExchange(CoreContext& core, MemoryStore& store, ObjectDirectory& directory, ReferenceCounter& references)
      : core_(core), store_(store), directory_(directory), references_(references) {}

  // Asks for another's object, unless its value is known or asked for.
  void Ask(ObjectId object);
  void OnObjectStatus(msg::ObjectStatus& status);

  void OnGetObjectStatus(const Address& from, const msg::GetObjectStatus& request);
  // The own object has got its value: these had asked for it.
  void Answer(ObjectId object, const std::vector<Address>& askers);

 private:
  void AnswerOne(ObjectId object, const ObjectRecord* record, const Address& asker);

  CoreContext& core_;
  MemoryStore& store_;
  ObjectDirectory& directory_;
  ReferenceCounter& references_;
  uint64_t last_question_ = 0;
};

}  // namespace orrery
