// The library inside drivers and workers: owns tasks and values, finds workers for them, runs what others push.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "runtime/core_worker/actor_owner.h"
#include "runtime/core_worker/actor_submitter.h"
#include "runtime/core_worker/core_context.h"
#include "runtime/core_worker/group_client.h"
#include "runtime/core_worker/object_recovery.h"
#include "runtime/core_worker/objects.h"
#include "runtime/core_worker/request_table.h"
#include "runtime/core_worker/task_manager.h"
#include "runtime/core_worker/task_receiver.h"
#include "runtime/core_worker/task_router.h"
#include "runtime/core_worker/task_submitter.h"
#include "runtime/env/env.h"

namespace orrery {

// Source of the division: Ray's src/ray/core_worker. One per process; a driver has no Executor, a worker has both ends.
class CoreWorker final : public StateMachine, private ObjectActions {
 public:
  CoreWorker(Env& env, Settings settings, CoreWorkerOptions options);

  void Start() override;
  void OnMessage(const Address& from, Message message) override;
  void OnTimer(TimerKind kind, uint64_t id) override;
  void OnPeerLost(const Address& peer) override;
  void CheckInvariants(bool full) const override;

  WorkerId id() const { return core_.id; }
  const TaskManager& tasks() const { return tasks_; }
  const TaskSubmitter& submitter() const { return submitter_; }
  const MemoryStore& store() const { return objects_.store; }
  const Objects& objects() const { return objects_; }
  const ActorSubmitter& calls() const { return calls_; }
  const ActorOwner& actors() const { return actors_; }
  const TaskReceiver& receiver() const { return receiver_; }
  size_t pending_requests() const { return core_.requests.size(); }

 private:
  static constexpr Duration kGcsPause = Duration::Millis(100);

  // ObjectActions
  void Seal(ObjectId object, StoredValue&& value) override { tasks_.Seal(object, std::move(value)); }
  void Recover(ObjectId object) override { recovery_.Recover(object); }
  void HandleGone(ObjectId object) override { actors_.OnHandleGone(object.task.index); }

  void ExitActor(ActorId actor) override { actors_.Kill(actor, true, UINT32_MAX, "it exited by itself"); }

  bool OnActorMessage(Message& message);
  bool OnGroupMessage(Message& message);
  bool OnObjectMessage(const Address& from, Message& message);
  bool OnStoreMessage(Message& message);
  void OnAllocateObject(const msg::AllocateObject& request);
  void OnObjectCreated(const msg::ObjectCreated& reply);
  void OnObjectLocal(const msg::ObjectLocal& reply);
  void SealStored(ObjectId object, int64_t size);
  void CloseObjects(StatusCode status, const std::string& reason);
  void AfterEvent();
  void OnRegisterWorkerReply(const msg::RegisterWorkerReply& reply);
  void OnRegisterDriverReply(const msg::RegisterDriverReply& reply);
  void OnPutObject(msg::PutObject& put);
  void OnTaskExecuted(msg::TaskExecuted& result);
  void OnCancelRunning(const Address& from, const msg::CancelRunning& request);
  void OnExitWorker(const msg::ExitWorker& request);
  void OnCloseDriver(const msg::CloseDriver& request);
  void OnNodeManagerLost();
  void OnGcsLost();
  void AskGcsAgain();
  void TellReady(uint32_t status, const std::string& message);
  void Exit(int code, const std::string& reason);
  void CountBlocked(bool blocks);
  void Unblock(int answered);

  CoreContext core_;
  Objects objects_;
  RequestTable requests_;
  TaskSubmitter submitter_;
  ActorSubmitter calls_;
  ActorOwner actors_;
  GroupClient groups_;
  TaskRouter router_;
  TaskManager tasks_;
  ObjectRecovery recovery_;
  TaskReceiver receiver_;
  std::map<ObjectId, int64_t> puts_;  // modelled values that wait for room, and their sizes
  bool asking_gcs_ = false;  // kGcsAgain is set
  int blocked_gets_ = 0;  // gets and waits of running tasks that are not answered
};

}  // namespace orrery
