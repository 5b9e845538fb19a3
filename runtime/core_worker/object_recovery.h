// Makes lost objects again: by running the tasks that made them, and those that made their arguments.
#pragma once

#include <string>

#include "runtime/core_worker/core_context.h"
#include "runtime/core_worker/objects.h"
#include "runtime/core_worker/task_manager.h"

namespace orrery {

// Source: Ray's object_recovery_manager.cc. Each run uses up a retry of its task. Puts, results of tasks without
// retries, and those whose lineage was evicted cannot be made again: they become errors (ObjectLost).
class ObjectRecovery {
 public:
  ObjectRecovery(CoreContext& core, Objects& objects, TaskManager& tasks)
      : core_(core), objects_(objects), tasks_(tasks) {}

  // An own object without copies: pending from now on, or an error.
  void Recover(ObjectId object);

 private:
  void Reopen(ObjectId object, const std::string& what);

  CoreContext& core_;
  Objects& objects_;
  TaskManager& tasks_;
};

}  // namespace orrery
