// Calls of other processes' actors: kept in order, sent straight to the actor's worker, waited for while it restarts.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "runtime/common/ids.h"
#include "runtime/common/lookup.h"
#include "runtime/common/status.h"
#include "runtime/core_worker/core_context.h"
#include "runtime/core_worker/objects.h"
#include "runtime/core_worker/task_manager.h"
#include "runtime/env/actor_phase.h"

namespace orrery {

// Source of the rules: Ray's actor_task_submitter.cc. Every call takes its place in the line of its actor when it is
// submitted, and the head of the line waits for its arguments: the connection keeps that order, so that no sequence
// numbers need to be put in order at the other end. Calls of an out-of-order actor wait for their own arguments only. A
// call that was under way when the actor's process or connection was lost has used an attempt (max_task_retries); one
// that was not sent yet waits for the next incarnation.
class ActorSubmitter {
 public:
  ActorSubmitter(CoreContext& core, Objects& objects) : core_(core), objects_(objects) {}
  void SetTaskManager(TaskManager* tasks) { tasks_ = tasks; }

  // A call takes its place; an error when its actor has too many unfinished ones of this process.
  Status Accept(uint64_t task, OwnedTask& entry);
  // Its arguments have values.
  void Enqueue(uint64_t task, const OwnedTask& entry);
  // It ends before its reply.
  void Remove(uint64_t task, const OwnedTask& entry);
  void CancelPushed(uint64_t task, const OwnedTask& entry, bool recursive);

  void OnTaskReply(const Address& from, msg::TaskReply& reply, OwnedTask& entry);
  void OnActorState(const msg::ActorState& state);
  void OnPeerLost(const Address& peer);
  void OnPeerAlive(const Address& peer);
  // This process kills the actor: calls that it makes later do not reach the incarnation that ends, nor, `for_good`,
  // any.
  void OnKill(ActorId actor, bool for_good);
  // What the GCS has said meanwhile is lost: asks again.
  void OnGcsLost();
  // The last incarnation heard of; UINT32_MAX: none.
  uint32_t Incarnation(ActorId actor) const;

  size_t size() const { return actors_.size(); }
  // The processes of actors that have calls of this process under way, in order of the actors.
  std::vector<WorkerId> BusyWorkers() const;
  void CheckInvariants(bool full) const;

 private:
  struct Call {
    uint64_t task = 0;
    bool ready = false;  // its arguments have values
  };
  enum class Ending : uint8_t { kNo, kIncarnation, kForGood };
  struct Callee {
    ActorPhase phase = ActorPhase::kDependenciesUnready;
    uint32_t incarnation = 0;
    bool heard = false;  // of a state at all
    bool out_of_order = false;
    bool doubtful = false;  // the connection broke: is the process still there?
    Ending ending = Ending::kNo;  // killed from here, or it has said so: what the GCS says next decides
    bool Takes() const { return address && !doubtful && ending == Ending::kNo; }
    Address address;
    WorkerId worker;
    uint64_t last_place = 0;
    std::map<uint64_t, Call> waiting;  // by place
    std::map<uint64_t, uint64_t> in_flight;  // place → task
  };

  Callee* Find(ActorId actor);
  void Pump(ActorId id);
  void PumpOutOfOrder(Callee& callee);
  void Push(Callee& callee, uint64_t place, uint64_t task);
  void TakeBack(Callee& callee, uint64_t task, OwnedTask& entry);
  // Every call under way has used an attempt.
  void FailInFlight(ActorId id, const std::string& reason);
  void FailAll(ActorId id, const Status& why);
  void ForgetAddress(Callee& callee);

  CoreContext& core_;
  Objects& objects_;
  TaskManager* tasks_ = nullptr;
  std::map<ActorId, Callee> actors_;
  std::map<Address, ActorId> by_address_;
};

// Asks the GCS for the actor's state, now and whenever it changes; once, also when several parts of this process want
// it.
void WatchActor(CoreContext& core, ActorId actor);

}  // namespace orrery
