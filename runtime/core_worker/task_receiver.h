// The worker's side of tasks: takes what owners push, runs one at a time, replies. (Ray's task_receiver.cc.)
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "runtime/common/ids.h"
#include "runtime/common/lookup.h"
#include "runtime/core_worker/core_context.h"
#include "runtime/core_worker/objects.h"

namespace orrery {

class TaskReceiver {
 public:
  TaskReceiver(CoreContext& core, Objects& objects) : core_(core), objects_(objects) {}

  void OnPushTask(const Address& from, Message message);
  void OnTaskExecuted(msg::TaskExecuted& result);
  // True when the task is running here, so that its children can be cancelled too.
  bool OnCancelRunning(const Address& from, const msg::CancelRunning& request);
  void OnOwnerLost(const Address& owner);
  // The running task waits in get (or does so no more). While it waits, tasks behind it go back to their owners: what
  // it waits for may be among them.
  void SetBlocked(bool blocked);

  // An argument of the task to be run is in the node's store, or cannot be had.
  void OnArgumentLocal();
  // Room for a result of the task that has ended was found and sealed, or there is none.
  void OnResultStored(ObjectId object, const Status& status);
  void OnTaskReplyReceived(const Address& from, const msg::TaskReplyReceived& notice);
  // A ref that came with the arguments of the running task: its submitter keeps it alive.
  bool Guards(ObjectId object) const;
  // Who owns the results of the running task; empty when none runs.
  Address RunningOwner() const { return running_ ? running_->from : Address{}; }

  // Of the actor that this process is; {} before its constructor has returned.
  ActorId actor() const { return actor_; }

  bool idle() const { return !running_ && queue_.empty() && handoffs_.empty(); }
  size_t handoffs() const { return handoffs_.size(); }

 private:
  // kFetching: arguments are being mapped. kStoring: it has run; room for its results is awaited.
  enum class Phase : uint8_t { kExecuting, kFetching, kStoring };
  struct Received {
    Address from;
    Message push;
    bool creation = false;  // of an actor
  };
  bool OnCreation(const Address& from, const msg::PushTask& push);
  void StartNext();
  void FetchArguments();
  void ExecuteFetched();
  Message MakeReply(msg::TaskExecuted& result) const;
  void StoreResults(msg::TaskReply& reply);
  void FinishWithObjects(Message reply);
  void SendReply();
  void EndRunning();
  void LetGoOfArguments();
  void Refuse(const Received& received, bool requeue);
  void RequeueAll();
  void TellNodeManager(bool blocked);

  CoreContext& core_;
  Objects& objects_;
  std::deque<Received> queue_;
  std::optional<Received> running_;
  Lookup<Address, uint64_t, AddressHash> last_sequence_;  // by owner
  ActorId actor_;
  uint32_t incarnation_ = 0;  // of the actor
  bool exiting_ = false;  // the actor has asked for its end
  bool blocked_ = false;
  bool owner_gone_ = false;  // of the running task: nobody wants its result

  // Of a running task with objects among its arguments or results.
  Phase phase_ = Phase::kExecuting;
  Message held_back_;  // ExecuteTask while fetching, TaskReply while storing
  std::vector<ObjectId> mapped_;  // arguments that are held in the node's store
  std::vector<ObjectId> guarded_;
  std::set<ObjectId> storing_;
  // Refs inside results that were sent, by (submitter, sequence), until it says that it has them.
  std::map<std::pair<Address, uint64_t>, std::vector<ObjectReference>> handoffs_;
};

}  // namespace orrery
