// Where owned tasks go: to leased workers, to the actor they are calls of, or to the GCS as an actor's creation.
#pragma once

#include <cstdint>

#include "runtime/core_worker/actor_owner.h"
#include "runtime/core_worker/actor_submitter.h"
#include "runtime/core_worker/task_manager.h"
#include "runtime/core_worker/task_submitter.h"

namespace orrery {

class TaskRouter final : public TaskQueue {
 public:
  TaskRouter(TaskSubmitter& tasks, ActorSubmitter& calls, ActorOwner& actors)
      : tasks_(tasks), calls_(calls), actors_(actors) {}

  Status Accept(uint64_t task, OwnedTask& entry) override {
    if (entry.role == OwnedTask::Role::kActorCall) return calls_.Accept(task, entry);
    return actors_.Accept(task, entry), Status::Ok();
  }
  void Enqueue(uint64_t task, OwnedTask& entry, bool front) override {
    switch (entry.role) {
      case OwnedTask::Role::kTask: return tasks_.Enqueue(task, entry, front);
      case OwnedTask::Role::kActorCall: return calls_.Enqueue(task, entry);
      case OwnedTask::Role::kActorCreation: return actors_.Enqueue(task, entry);
    }
  }
  void Remove(uint64_t task, const OwnedTask& entry) override {
    switch (entry.role) {
      case OwnedTask::Role::kTask: return tasks_.Remove(task, entry);
      case OwnedTask::Role::kActorCall: return calls_.Remove(task, entry);
      case OwnedTask::Role::kActorCreation: return actors_.Remove(task, "its creation failed");
    }
  }
  void CancelPushed(uint64_t task, const OwnedTask& entry, bool recursive) override {
    switch (entry.role) {
      case OwnedTask::Role::kTask: return tasks_.CancelPushed(task, entry, recursive);
      case OwnedTask::Role::kActorCall: return calls_.CancelPushed(task, entry, recursive);
      case OwnedTask::Role::kActorCreation: return actors_.Remove(task, "its creation was cancelled");
    }
  }

 private:
  TaskSubmitter& tasks_;
  ActorSubmitter& calls_;
  ActorOwner& actors_;
};

}  // namespace orrery
