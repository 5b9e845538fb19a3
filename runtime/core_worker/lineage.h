// How objects in stores were made: finished tasks that could be run again.
#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "runtime/common/lookup.h"
#include "runtime/core_worker/core_context.h"
#include "runtime/core_worker/memory_store.h"

namespace orrery {

struct KeptTask {
  Message submit;             // SubmitTask, arguments resolved
  uint32_t attempt = 0;       // the last one
  int32_t retries_left = 0;   // -1: for ever
  uint32_t items = 0;         // that it has yielded
};

// A task is kept while one of its results in stores is in scope, or a kept task takes one. Beyond `max_lineage_bytes`
// the oldest go. (Ray's task_manager.cc, lineage refs.)
class Lineage {
 public:
  Lineage(CoreContext& core, MemoryStore& store) : core_(core), store_(store) {}

  // The task has finished well, with results in stores. Its arguments' objects must still be in the table. `items`: of
  // a generator.
  void Keep(uint64_t task, const Message& submit, uint32_t attempt, int32_t retries_left, uint32_t items);
  const KeptTask* Find(uint64_t task) const;
  // A result that was counted here went out of scope.
  void Release(ObjectId object) { Unref(object.task.index, 0); }
  void Forget();

  size_t size() const { return entries_.size(); }
  int64_t bytes() const { return bytes_; }
  // How many results and kept tasks keep it; for people.
  uint32_t RefsOf(uint64_t task) const;

 private:
  struct Entry {
    KeptTask kept;
    uint64_t turn = 0;  // when it was first kept
    int64_t bytes = 0;
    uint32_t refs = 0;
    std::vector<std::pair<uint64_t, uint64_t>> producers;  // (task, turn) of kept tasks that made its arguments
  };
  // One reference less; `turn` (when not 0) must be the entry's. A loop: chains may be long.
  void Unref(uint64_t task, uint64_t turn);
  void Erase(uint64_t task, std::vector<std::pair<uint64_t, uint64_t>>& producers);

  CoreContext& core_;
  MemoryStore& store_;
  Lookup<uint64_t, Entry> entries_;
  std::map<uint64_t, uint64_t> by_turn_;
  uint64_t turns_ = 0;
  int64_t bytes_ = 0;
};

}  // namespace orrery
