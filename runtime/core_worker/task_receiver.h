// The worker's side of tasks: takes what owners push, has it run, replies. (Ray's task_receiver.cc.)
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "runtime/common/ids.h"
#include "runtime/common/lookup.h"
#include "runtime/core_worker/core_context.h"
#include "runtime/core_worker/objects.h"
#include "runtime/core_worker/scheduling_queue.h"

namespace orrery {

// A worker runs one task at a time, a concurrent actor as many calls as its groups allow (SchedulingQueue).
class TaskReceiver {
 public:
  TaskReceiver(CoreContext& core, Objects& objects) : core_(core), objects_(objects) {}

  void OnPushTask(const Address& from, Message message);
  void OnTaskExecuted(msg::TaskExecuted& result);
  void OnCancelRunning(const Address& from, const msg::CancelRunning& request);
  void OnOwnerLost(const Address& owner);
  // A running task waits in get (or none does so any more). While one waits, tasks behind it go back to their owners:
  // what it waits for may be among them.
  void SetBlocked(bool blocked);

  // An argument of a task to be run is in the node's store, or cannot be had.
  void OnArgumentLocal();
  // Room for a result of a task that has ended was found and sealed, or there is none.
  void OnResultStored(ObjectId object, const Status& status);
  void OnTaskReplyReceived(const Address& from, const msg::TaskReplyReceived& notice);
  // The running generator yields an item. True: it is held up until its reader has taken some.
  bool OnYieldItem(msg::YieldItem& item);
  void OnStreamProgress(const Address& from, const msg::StreamProgress& progress);
  // Generators that were held up and are not any more, since the last call.
  int TakeResumed() { return std::exchange(resumed_, 0); }
  // A ref that came with the arguments of a running task: its submitter keeps it alive.
  bool Guards(ObjectId object) const;
  // Who owns the results of the running task; empty when it does not run.
  Address OwnerOf(TaskId running) const;

  // Of the actor that this process is; {} before its constructor has returned.
  ActorId actor() const { return actor_; }

  bool idle() const { return running_ == 0 && queue_.idle() && fetching_.empty() && handoffs() == 0; }
  size_t running() const { return running_; }
  void CheckInvariants(bool full) const;
  size_t handoffs() const { return handoffs_.size() + item_handoffs_.size(); }

 private:
  // kFetching: arguments are being mapped. kStoring: it has run; room for its results is awaited.
  enum class Phase : uint8_t { kFree, kExecuting, kFetching, kStoring };
  // A task that runs, from its start to its reply.
  struct Execution {
    uint32_t number = 0;
    uint32_t group = 0;
    Phase phase = Phase::kFree;
    bool creation = false;  // of an actor
    bool owner_gone = false;  // nobody wants its result
    Received task;
    Message held_back;  // ExecuteTask while fetching, TaskReply while storing
    std::vector<ObjectId> guarded;
    std::set<ObjectId> storing;
    // Of a generator:
    uint32_t yielded = 0;
    uint32_t taken = 0;  // by its reader
    uint32_t max_unconsumed = 0;
    uint64_t yield = 0;  // request of the YieldItem that has no answer yet; 0: none
    bool held_up = false;  // for its reader
    bool dropped = false;  // nobody wants further items
    Message item;  // ReportItem, while room for it is awaited
  };
  bool OnCreation(const Address& from, const msg::PushTask& push);
  void Enqueue(Received&& received);
  void StartNext();
  void Start(uint32_t group);
  // Asks for the stored arguments of a task; false when it has none.
  bool Fetch(const msg::TaskSpec& spec, std::vector<ObjectId>& mapped);
  bool Fetched(const std::vector<ObjectId>& mapped) const;
  void ExecuteFetched(Execution& run);
  Message MakeReply(const Execution& run, msg::TaskExecuted& result) const;
  void StoreResults(Execution& run, msg::TaskReply& reply);
  void FinishWithObjects(Execution& run, Message reply);
  void SendReply(Execution& run);
  void End(Execution& run);
  void OnItemStored(Execution& run, const Status& status);
  void SendItem(Execution& run, Message report);
  bool MayGoOn(const Execution& run) const;
  void AnswerYield(Execution& run, const Status& status);
  void Resume(Execution& run);
  void LetGo(std::vector<ObjectId>& mapped);
  void CancelExecution(Execution& run, bool force);
  void Refuse(Received& received, bool requeue);
  void RefuseWith(Received& received, const Status& why);
  void Answer(Received& received, const Status& why, bool requeue);
  void RequeueAll();
  void TellNodeManager(bool blocked);
  Execution& NewExecution();
  Execution* FindRunning(TaskId task);

  CoreContext& core_;
  Objects& objects_;
  SchedulingQueue queue_;
  SchedulingQueue queue_of_actor_;  // while the constructor runs: what takes the place of the other
  std::vector<std::pair<uint32_t, Received>> fetching_;  // out of order, with their groups: not in their lines yet
  std::vector<std::unique_ptr<Execution>> executions_;  // by number − 1
  std::vector<uint32_t> free_;  // numbers of those that run nothing
  size_t running_ = 0;
  Lookup<Address, uint64_t, AddressHash> last_sequence_;  // by owner
  ActorId actor_;
  uint32_t incarnation_ = 0;  // of the actor
  bool exiting_ = false;  // the actor has asked for its end
  bool blocked_ = false;
  // Refs inside results that were sent, by (submitter, sequence), until it says that it has them.
  std::map<std::pair<Address, uint64_t>, std::vector<ObjectReference>> handoffs_;
  // The same of items, by (owner, task, item).
  std::map<std::tuple<Address, TaskId, uint32_t>, std::vector<ObjectReference>> item_handoffs_;
  int resumed_ = 0;
};

}  // namespace orrery
