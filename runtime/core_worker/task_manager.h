// The tasks this process owns: from submission through attempts to the one result. (Ray's task_manager.cc.)
#pragma once

#include <google/protobuf/repeated_ptr_field.h>

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runtime/common/ids.h"
#include "runtime/common/paged_table.h"
#include "runtime/core_worker/core_context.h"
#include "runtime/core_worker/objects.h"
#include "runtime/core_worker/request_table.h"
#include "runtime/core_worker/streams.h"
#include "runtime/env/state_chart.h"

namespace orrery {

// One owned task. States and arrows: kWaiting → kQueued → kPushed → (finished, gone) with kPushed → kRetryWait →
// kQueued for another attempt, and any state → finished by cancel or failure.
struct OwnedTask {
  static const StateChart& Chart();
  enum class State : uint8_t { kWaiting, kQueued, kPushed, kRetryWait };
  enum class Role : uint8_t { kTask, kActorCall, kActorCreation };
  State state = State::kWaiting;
  Role role = Role::kTask;
  bool cancelled = false;
  bool force = false;
  bool holds = false;  // arguments that stay objects, or hold refs: let go of at the end
  bool sealing = false;  // it has run, and its results are being told to who waits for them
  bool rebuild = false;  // it had finished; its results were lost since
  uint32_t attempt = 0;
  int32_t retries_left = 0;  // -1: for ever
  uint32_t unresolved = 0;  // arguments whose value is not known yet
  uint32_t held = 0;  // arguments, first ones first, whose objects are kept in the store for this task
  uint32_t items = 0;  // of a generator: that it has ever yielded
  uint32_t yielded = 0;  // in this attempt
  bool items_stored = false;  // some of them lie in stores
  uint32_t class_id = 0;  // at the submitter: tasks that share leases
  uint64_t lease = 0;  // index of the lease it was pushed on; of an actor's call: its place in the line
  uint64_t push = 0;  // sequence of its last push: what a reply must repeat
  Message submit;  // SubmitTask; the spec stays for another attempt
};

// How an attempt ended; `start_ns` and `finish_ns` on the worker's clock, when it ran.
struct AttemptResult {
  StatusCode status = StatusCode::kOk;
  std::string error = {};
  std::string stack = {};
  NodeId node = {};
  WorkerId worker = {};
  int64_t start_ns = 0;
  int64_t finish_ns = 0;
  size_t cause = 0;  // as in StoredValue
};

// The error of a value that came inside a message although it is above inline_limit.
StoredValue TooLarge(const CoreContext& core, const std::string& what, size_t size);

// What the task manager asks of those who have tasks run elsewhere.
class TaskQueue {
 public:
  virtual ~TaskQueue() = default;
  // A call or creation of an actor was submitted; Enqueue follows when its arguments have values. Not for other tasks.
  virtual Status Accept(uint64_t task, OwnedTask& entry) = 0;
  virtual void Enqueue(uint64_t task, OwnedTask& entry, bool front) = 0;
  // Takes a queued task out; one of an actor in any state, accepted or not.
  virtual void Remove(uint64_t task, const OwnedTask& entry) = 0;
  // Asks the worker of a pushed task to stop it.
  virtual void CancelPushed(uint64_t task, const OwnedTask& entry, bool recursive) = 0;
};

class TaskManager {
 public:
  using Values = google::protobuf::RepeatedPtrField<std::string>;
  using Stored = google::protobuf::RepeatedPtrField<msg::StoredReturn>;

  TaskManager(CoreContext& core, Objects& objects, RequestTable& requests, TaskQueue& queue)
      : core_(core),
        objects_(objects),
        store_(objects.store),
        requests_(requests),
        queue_(queue),
        streams_(core, store_) {}

  void Submit(Message submit);
  // A generator of ours has yielded an item; its reader has taken some.
  void OnReportItem(const Address& from, msg::ReportItem& report);
  void OnConsumeItems(const msg::ConsumeItems& notice);
  void Cancel(uint64_t task, bool force, bool recursive);
  // Cancels every task that `parent` submitted in this process.
  void CancelChildren(TaskId parent);
  OwnedTask* Find(uint64_t task) { return tasks_.Find(task); }

  // The attempt gave a result; `returns` are the values, taken; `stored` tells of those that lie in stores or hold
  // refs.
  void Complete(uint64_t task, AttemptResult result, Values* returns, const Stored* stored = nullptr);
  // Runs a finished task again: the pending ones among its results are wanted.
  void Rebuild(uint64_t task, const KeptTask& kept);
  // The attempt failed for a reason outside the task: another one if its budget allows.
  void AttemptFailed(uint64_t task, AttemptResult result);
  // The task fails now, whatever its budget.
  void Fail(uint64_t task, AttemptResult result);
  // Every task fails now, and those submitted later at once.
  void Close(StatusCode status, const std::string& reason);
  void OnRetryTimer(uint64_t task);
  // Seals an object and wakes who waited for it.
  void Seal(ObjectId object, StoredValue&& value);

  size_t size() const { return tasks_.size(); }
  // Tasks of ours in `get` that an arriving value has released since the last call.
  int TakeUnblocked() { return std::exchange(unblocked_, 0); }

 private:
  Status AcceptForActor(uint64_t task, OwnedTask& entry);
  bool Resolve(uint64_t task, OwnedTask& entry);
  enum class Argument : uint8_t { kKnown, kPending, kFailed };
  Argument ResolveOne(uint64_t task, OwnedTask& entry, msg::TaskArg& arg);
  void HoldRefs(OwnedTask& entry, const msg::TaskArg& arg);
  void ReleaseArguments(const OwnedTask& entry);
  bool Wanted(const OwnedTask& entry, ObjectId object) const;
  void TakeStored(ObjectId object, const OwnedTask& entry, const msg::StoredReturn& result);
  void TakeValue(ObjectId object, std::string&& bytes);
  bool EndItems(uint64_t task, const OwnedTask& entry, const AttemptResult& result);
  void EndStream(uint64_t task, const OwnedTask& entry, const AttemptResult& result);
  void FailResults(uint64_t task, const OwnedTask& entry, const AttemptResult& result);
  void Retry(uint64_t task, OwnedTask& entry, const AttemptResult& result);
  void Finish(uint64_t task, const AttemptResult& result);
  void OnArgumentReady(uint64_t task);
  bool TakeArguments(uint64_t task, OwnedTask& entry);

  CoreContext& core_;
  Objects& objects_;
  MemoryStore& store_;
  RequestTable& requests_;
  TaskQueue& queue_;
  Streams streams_;
  PagedTable<OwnedTask> tasks_;
  std::map<TaskId, std::vector<uint64_t>> children_;  // parent → tasks it submitted here, unfinished or not
  std::deque<uint64_t> ready_;  // tasks with one more argument known, to be looked at
  bool draining_ = false;
  AttemptResult closed_;  // what later submissions get; kOk while open
  int unblocked_ = 0;
};

}  // namespace orrery
