// Between the public API and the core worker of this process: turns calls into messages and answers into returns.
// Internal: not installed.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/api/context.h"
#include "runtime/api/ref.h"
#include "runtime/common/lookup.h"
#include "runtime/core_worker/room_cache.h"
#include "runtime/env/object_reference.h"
#include "runtime/messages/message.h"
#include "runtime/transport/arena_map.h"
#include "runtime/transport/live_env.h"

namespace orrery::internal {

struct RunningTask;

// One blocked call of a thread.
struct Call {
  Message answer;            // ObjectsReady, WaitReply, ObjectAllocated, ActorFound or PlacementGroupReply
  const RunningTask* task = nullptr;  // that the thread runs, in a worker
  bool interrupted = false;  // the task was cancelled
  bool given_up = false;     // by the guest (guest.h)
  Waiter waiter;             // live
  bool done = false;         // loopback
};

class Outgoing;

// Where the core worker is driven.
class Backend {
 public:
  virtual ~Backend() = default;
  // To the core worker, as from the application. Any thread; in order per thread.
  virtual void Post(Message message) = 0;
  // The same for what nobody can be waiting for yet: it may stay here until something else is posted or arrives.
  virtual void PostQuietly(Message message) { Post(std::move(message)); }
  // Returns when `call` was completed, or false when the session ended.
  virtual bool Await(Call& call) = 0;
  // From within Client::OnMessage and Client::OnTaskFinished.
  virtual void Complete(Call& call) = 0;
  // From now on calls Client::OnTaskFinished for every task that ends; before, it calls Client::SetUnfinished once,
  // with the number of tasks that the core worker has not finished. A program that never has many unfinished tasks is
  // not counted.
  virtual void CountFinished(Client& client) = 0;
  // The node's object memory; mapped when it is first asked for. May block. Any thread.
  virtual Result<std::shared_ptr<ArenaMap>> OpenArena() = 0;
};

// Who this process is in the cluster.
struct Identity {
  WorkerId worker;
  JobId job;
  NodeId node;
  Address self = {};  // where other processes reach this one
  uint64_t cluster = 0;  // tells its cluster from others
};

struct ClientOptions {
  int32_t task_max_retries = 3;
  uint64_t inline_limit = 100 * 1024;
  uint64_t max_pending_tasks = 10'000'000;
};

// One per session; becomes useless with it, but is never freed, because refs may outlive it. All methods but OnMessage,
// OnTaskFinished and InterruptTask may be called from any thread.
class Client {
 public:
  // The client of the open session; throws UnavailableError when there is none.
  static Client& Current();
  static Client* CurrentOrNull();
  // Makes a client and the current one. Classes defined in earlier sessions are defined again.
  static Client& Open(Backend& backend, Identity identity, ClientOptions options);
  // No new calls; those that are blocked end when the backend's drive does.
  void Close();
  // The cluster is lost: every call from now on throws UnavailableError with `why`.
  void Break(const std::string& why);
  // In the child of a fork: the session, its threads and its sockets are the parent's. Takes no lock.
  void AfterFork();
  bool broken() const { return broken_.load(); }
  // A thread is blocked in a call.
  bool busy() const { return blocked_.load() > 0; }

  const Identity& identity() const { return identity_; }
  const ClientOptions& options() const { return options_; }

  // A number for a task or a put; unique in this process.
  uint64_t NextIndex() { return next_index_.fetch_add(1, std::memory_order_relaxed) + 1; }
  // Blocks while max_pending_tasks are unfinished.
  void AwaitRoom();
  // SubmitTask, with all fields set but the parent's. A ref to its result.
  ObjectState* Submit(Message submit, uint64_t index, uint32_t class_id);
  // The same for the creation of an actor with a name; `answer` is ActorFound.
  ObjectState* SubmitNamed(Message submit, uint64_t index, Message* answer);
  // Sends a Create-, Await-, Find- or RemovePlacementGroup, with its number put in; PlacementGroupReply.
  Message AskAboutGroup(Message question);
  // ActorFound.
  Message FindActor(const std::string& name, const std::string& name_space);
  void EndActor(ActorId actor, bool no_restart);
  // An id for a put.
  ObjectId NewPut();
  // The value becomes one of this process's objects; a ref to it. `bytes` is what `value` was encoded into.
  ObjectState* Put(Outgoing& value, std::string bytes);
  // The same under an id of the caller's choice: `size` bytes that were written where Allocate said, or (0) `bytes`.
  ObjectState* PutAs(ObjectId object, int64_t size, std::string bytes, const std::vector<ObjectRef>& refs = {});
  // Where to write an object of `size` bytes in shared memory, or nullptr when it is there already (the result of a
  // retried task). A put usually finds a room that was given ahead, and waits for nobody. Waits for room. Throws
  // StoreFullError, DiskFullError, TooLargeError.
  char* Allocate(ObjectId object, int64_t size, bool result);
  // What was allocated will not be written.
  void Abandon(ObjectId object);
  // A further local reference to an object whose ref came from elsewhere.
  ObjectState* Borrow(const ObjectReference& reference);
  // Throws Error(kInvalidArgument) for a ref of another session.
  ObjectReference ReferenceOf(const ObjectRef& ref) const;
  // `size` bytes at `offset` of the node's object memory.
  std::string_view Stored(int64_t offset, int64_t size);
  // Keeps the mapping; nullptr before it is needed.
  std::shared_ptr<ArenaMap> arena();
  // A value of ObjectsReady that lies in shared memory is not looked at any more.
  void ReleaseView(ObjectId object);
  // Sends what Release has gathered.
  void FlushReleased();
  // ObjectsReady.
  Message Get(const ObjectRef* refs, size_t count, int64_t timeout_ns);
  // Positions of ready refs. `ended`: one of these is no item of its generator, but tells of its end.
  std::vector<uint32_t> Wait(const ObjectRef* refs, size_t count, size_t num_returns, int64_t timeout_ns,
                             bool* ended = nullptr);
  // A YieldItem; returns when the generator may go on. kCancelled: nobody wants further items.
  Status YieldItem(Message item);
  // The application has so many refs of the generator's items, and of the one after them; drop: it wants no others.
  void ConsumeItems(uint64_t task, uint32_t taken, bool drop);
  void Cancel(const ObjectRef& ref, bool force, bool recursive);
  void Release(ObjectId object);

  // Tasks submitted and not known to have ended; exact once they are many (see Backend::CountFinished).
  uint64_t unfinished() const {
    const uint64_t submitted = next_index_.load(std::memory_order_relaxed) - puts_.load(std::memory_order_relaxed);
    const uint64_t finished = finished_.load();
    return submitted > finished ? submitted - finished : 0;  // threads that submit at the switch may be counted twice
  }

  // ---- called by whoever drives the core worker ----
  // ObjectsReady, WaitReply, ObjectAllocated, ItemYielded, ActorFound, PlacementGroupReply, GiveRooms and ReclaimRooms;
  // others are not for the client.
  void OnMessage(Message message);
  // The core worker traced the end of a task of ours; counted from SetUnfinished on.
  void OnTaskFinished();
  // `unfinished` of the tasks handed over before the call of CountFinished.
  void SetUnfinished(uint64_t unfinished);
  // A running task was cancelled: its blocked calls end.
  void InterruptTask(const RunningTask& task);

 private:
  Client(Backend& backend, Identity identity, ClientOptions options);
  ObjectState* NewObject(uint64_t index) { return NewObjectState({{identity_.worker, index}, 0}, this); }
  Message Perform(uint64_t request, Message message);
  void DefineUpTo(uint32_t class_id);
  static void SetParent(Message& submit);
  ArenaMap& Arena();
  void ReleaseAll(const Message& ready);
  std::optional<RoomCache::Room> TakeRoom(ObjectId object, int64_t size);
  // Where the object was written, if that is a room given ahead, which is the object's now.
  std::optional<RoomCache::Room> LeaveRoom(ObjectId object);
  void AddRooms(const msg::GiveRooms& given);
  void ReturnRooms();
  void WakeIfRoom();
  bool Block(Call& call);
  void CheckOpen();

  Backend& backend_;
  const Identity identity_;
  const ClientOptions options_;
  std::atomic<bool> open_{true};
  std::atomic<bool> broken_{false};
  std::string broken_why_;  // under mutex_
  std::atomic<int> blocked_{0};
  std::atomic<uint64_t> next_index_{0};
  std::atomic<uint64_t> puts_{0};
  std::atomic<uint64_t> quiet_puts_{0};
  std::atomic<uint64_t> finished_{0};
  std::atomic<uint64_t> next_request_{0};
  std::atomic<uint32_t> classes_defined_{0};
  std::atomic<bool> room_wanted_{false};
  enum class Counting : uint8_t { kOff, kAsked, kOn };
  std::atomic<Counting> counting_{Counting::kOff};
  uint64_t handed_over_ = 0;  // tasks when counting was asked for

  std::mutex mutex_;
  Lookup<uint64_t, Call*> calls_;  // under mutex_
  std::vector<uint64_t> task_requests_;  // under mutex_: requests of running tasks
  std::vector<Call*> room_waiters_;  // under mutex_
  std::mutex class_mutex_;
  std::mutex release_mutex_;
  std::vector<ObjectId> released_;  // under release_mutex_
  std::mutex arena_mutex_;
  std::shared_ptr<ArenaMap> arena_;  // under arena_mutex_
  std::mutex room_mutex_;
  RoomCache rooms_;  // under room_mutex_
  std::map<ObjectId, RoomCache::Room> writing_;  // under room_mutex_: not yet put or abandoned
};

// Where a task runs; all calls of an actor run where its constructor did.
struct RunsIn {
  std::vector<uint32_t> gpus;
  PlacementGroupId group;  // {}: none
  PlacementGroupId capture;  // what it submits runs in this group, unless that names a strategy
};

// What a thread that runs tasks knows of the present one.
struct RunningTask {
  TaskId task;
  uint32_t execution = 0;  // ExecuteTask's
  uint32_t attempt = 0;
  ActorId actor;  // that it makes, or whose method it is
  RunsIn in;
  std::atomic<bool> cancelled{false};
};
// Of the calling thread; nullptr outside tasks.
RunningTask*& CurrentTask();
// The same as requests say it (GetObjects.from_task).
uint32_t CurrentExecution();

}  // namespace orrery::internal
