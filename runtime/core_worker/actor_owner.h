// The actors this process has created: registered with the GCS, kept while handles exist, and what programs ask of
// actors besides calls.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "runtime/core_worker/core_context.h"
#include "runtime/core_worker/objects.h"
#include "runtime/core_worker/task_manager.h"

namespace orrery {

// Creating an actor is a task whose one result is the handle: its value is there when the constructor has returned, or
// is the reason why it never will. That object's references, here and at borrowers, are the actor's handles; when they
// are gone, so is the actor, unless it is detached.
class ActorOwner {
 public:
  ActorOwner(CoreContext& core, Objects& objects) : core_(core), objects_(objects) {}
  void SetTaskManager(TaskManager* tasks) { tasks_ = tasks; }

  // The creation was submitted: its name is asked for.
  void Accept(uint64_t task, const OwnedTask& entry);
  // Its arguments have values: to the GCS, which creates it.
  void Enqueue(uint64_t task, OwnedTask& entry);
  // The creation ends before the actor lives, or is cancelled.
  void Remove(uint64_t task, const std::string& reason);

  void OnRegisterActorReply(const msg::RegisterActorReply& reply);
  void OnActorState(const msg::ActorState& state);
  // The last handle is gone.
  void OnHandleGone(uint64_t task) { Remove(task, "its last handle is gone"); }
  void OnGcsLost();

  // ---- any actor ----
  void OnGetActor(const msg::GetActor& request);
  void OnFindActorReply(const msg::FindActorReply& reply);
  void Kill(ActorId actor, bool no_restart, uint32_t incarnation, const std::string& reason);

  size_t size() const { return owned_.size(); }

 private:
  struct Owned {
    bool registered = false;
    bool ready = false;      // the arguments have values
    bool alive = false;      // has been
    bool ending = false;
    bool detached = false;
    uint64_t request = 0;    // of the application: where the answer about the name goes
    std::vector<ObjectReference> held;  // what the constructor's arguments need, also for a restart
  };
  void SendCreate(uint64_t task, OwnedTask& entry);
  void Answer(uint64_t request, StatusCode status, const std::string& message, const msg::ActorInfo* actor);
  void Hold(Owned& owned, const OwnedTask& entry);
  std::string NameSpace(const std::string& given) const { return given.empty() ? ToString(core_.job) : given; }

  CoreContext& core_;
  Objects& objects_;
  TaskManager* tasks_ = nullptr;
  std::map<uint64_t, Owned> owned_;  // by the index of the creation
};

}  // namespace orrery
