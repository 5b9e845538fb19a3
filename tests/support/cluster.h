// A whole cluster in one test: GCS, node managers, drivers and workers as they are in the product, connected by an
// in-memory network whose every delivery the test controls.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/common/ids.h"
#include "runtime/common/random.h"
#include "runtime/common/resources.h"
#include "runtime/common/settings.h"
#include "runtime/core_worker/core_worker.h"
#include "runtime/env/env.h"
#include "runtime/gcs/gcs.h"
#include "runtime/messages/message.h"
#include "runtime/node_manager/node_manager.h"
#include "tests/support/test_memory.h"

namespace orrery::test {

using ProcessId = uint32_t;  // never reused
inline constexpr ProcessId kNoProcess = ~uint32_t{0};

enum class ProcessKind : uint8_t { kGcs, kNodeManager, kDriver, kWorker, kClient };

// What a test sees happen. All calls come between handlers of state machines, except OnTrace, which comes within.
class ClusterObserver {
 public:
  virtual ~ClusterObserver() = default;
  virtual void OnDelivered(ProcessId from, ProcessId to, const Message& message) {
    (void)from, (void)to, (void)message;
  }
  // A message to or from the process's host, executor or application.
  virtual void OnLocal(ProcessId process, const Address& endpoint, bool to_endpoint, const Message& message) {
    (void)process, (void)endpoint, (void)to_endpoint, (void)message;
  }
  virtual void OnPeerLost(ProcessId process, const Address& peer) { (void)process, (void)peer; }
  virtual void OnSpawned(ProcessId process) { (void)process; }
  virtual void OnDied(ProcessId process, const std::string& reason) { (void)process, (void)reason; }
  virtual void OnTrace(ProcessId process, const TraceEvent& event) { (void)process, (void)event; }
  // A task begins on a worker. True: the observer will end it with FinishTask; false: it ends after its work_ns, or
  // never when that is negative.
  virtual bool OnExecute(ProcessId worker, const msg::ExecuteTask& task) { return (void)worker, (void)task, false; }
};

// How an actor is created; see msg::ActorSpec.
struct ActorPlan {
  std::string name, name_space;
  bool get_if_exists = false;
  bool detached = false;
  bool free_cpu = false;
  int32_t max_restarts = 0;
  uint64_t class_tag = 1;
  uint32_t max_concurrency = 1;
  std::map<std::string, uint32_t> concurrency_groups = {};
  bool out_of_order = false;
};

// How a submitted task looks; see msg::SubmitTask.
struct TaskPlan {
  std::string name;
  SchedulingRequest request{ResourceSet::Cpu(1), {}};
  Duration work;                    // negative: until FinishTask
  int32_t retries = 3;
  bool retry_exceptions = false;
  uint32_t num_returns = 1;
  std::vector<ObjectId> args;
  TaskId parent;                    // the running task that submits, if any
  uint64_t function = 0;
  std::optional<ActorPlan> actor;  // the task creates one; its result is the handle
  ActorId callee;                  // the task is a call of this one
  bool weak = false;               // by a handle that does not keep it alive
  int64_t max_pending_calls = 0;
  std::string concurrency_group = {};
  bool out_of_order = false;       // as its actor's
  bool streaming = false;          // a generator: YieldItem
  uint32_t max_unconsumed = 0;
};

struct ClusterOptions {
  Settings settings;
  uint64_t seed = 1;
  Duration latency_min, latency_max;  // of each message, uniform; in order per pair of processes
  Duration startup_min, startup_max;  // of a worker process
  bool durable_gcs = false;           // its state is stored, which takes two message latencies
  bool codec = true;                  // every message goes through its wire form
  bool check_full = true;             // CheckInvariants(full) after every event
};

class Cluster {
 public:
  explicit Cluster(ClusterOptions options = {}, ClusterObserver* observer = nullptr);
  ~Cluster();
  Cluster(const Cluster&) = delete;

  // ---- processes; a node's name names its node manager too ----
  // Again after its death: a successor at the same place, which knows what was stored.
  ProcessId StartGcs();
  ProcessId StartNode(const std::string& name, const ResourceSet& total, const Labels& labels = {});
  // Not a child of the node manager: registers by itself, ends by itself.
  ProcessId StartDriver(const std::string& name, const std::string& node, const JobTerms& terms = {});
  // A process without state machine, for SendFrom.
  ProcessId StartClient(const std::string& name);
  // The process ends at once. What it has sent arrives, unless `lose_sent`; then its peers notice.
  void Kill(ProcessId process, int signal = 9, bool lose_sent = false);
  // All processes of the machine end in the same instant.
  void KillMachine(const std::string& node, bool lose_sent = false);

  // ---- the network ----
  // Messages in flight between the two are lost; both get OnPeerLost.
  void DropConnection(ProcessId a, ProcessId b);
  // Nothing arrives from `from` at `to`, nor the news that it broke, until Release: then everything does, in order.
  void Hold(ProcessId from, ProcessId to) { held_links_.insert({from, to}); }
  void Release(ProcessId from, ProcessId to);
  // The same for all links between this machine and others; within the machine all is well.
  void Isolate(const std::string& node) { isolated_.insert(node); }
  void Rejoin(const std::string& node);
  std::vector<std::pair<ProcessId, ProcessId>> Connections() const;
  // A client has no state machine: the test speaks for it.
  void SendFrom(ProcessId client, ProcessId to, Message message);
  // Sends a copy of `message` from a living process, as a faulty network would.
  void Duplicate(ProcessId from, ProcessId to, const Message& message);

  // ---- time ----
  Time now() const { return now_; }
  // Handles the next event that is due at the current instant; false when there is none.
  bool DeliverOne();
  void DeliverAll() {
    while (DeliverOne()) {
    }
  }
  // Runs for `span`, and through the instant it ends in.
  void Run(Duration span);
  // Handles the next event, whenever it is due, but not beyond `limit`. False when there is none.
  bool Step(Time limit);

  // ---- hosts ----
  enum class StartMode : uint8_t { kNormal, kFails, kHangs };
  void SetStartMode(const std::string& node, StartMode mode) { start_mode_[node] = mode; }
  // A worker that does not die of SIGTERM, only of SIGKILL.
  void SetDeafToTerm(ProcessId worker) { processes_[worker]->deaf = true; }

  // ---- object memory: one per node manager; its bulk endpoint has the node manager's address ----
  // Orders wait until CompleteMemory; otherwise they are obeyed after one network latency.
  void HoldMemory(const std::string& node) { processes_[Find(node)]->memory_held = true; }
  // Obeys the first `count` orders that wait.
  void CompleteMemory(const std::string& node, size_t count = SIZE_MAX);
  // From now on orders are obeyed by themselves again.
  void ReleaseMemory(const std::string& node);
  TestMemory& memory(const std::string& node) { return *processes_[Find(node)]->memory; }

  // ---- programs ----
  ObjectId Submit(ProcessId process, const TaskPlan& plan);
  ObjectId Put(ProcessId process, std::string value);
  // Returns the request's number; the answer is an ObjectsReady to the application.
  uint64_t Get(ProcessId process, const std::vector<ObjectId>& objects, Duration timeout = {-1},
               bool from_task = false);
  void CancelTask(ProcessId process, TaskId task, bool force = false, bool recursive = false);
  void CloseDriver(ProcessId process);
  // Sends any message from the application to its core worker.
  void FromApplication(ProcessId process, Message message);
  // The generator that runs there yields its next item: a small value, or so many bytes in the node's store.
  void YieldItem(ProcessId worker, TaskId task, int64_t size = 0);
  // Ends the task that runs on `worker`; `task` says which when there are several.
  void FinishTask(ProcessId worker, StatusCode status = StatusCode::kOk, const std::string& error = "",
                  TaskId task = {});
  // The same with a TaskExecuted of the test's making; start and finish are filled in.
  void FinishTaskWith(ProcessId worker, Message executed);
  // The method that runs there ends its actor, as exit_actor() does.
  void ExitActor(ProcessId worker, TaskId task = {});
  // The worker process on which the task runs now, or kNoProcess.
  ProcessId WorkerRunning(TaskId task) const;

  // ---- looking ----
  ProcessId Find(std::string_view name) const;  // living or dead; kNoProcess
  ProcessId FindAddress(const Address& address) const;
  ProcessId FindWorker(WorkerId worker) const;
  ProcessId FindNode(NodeId node) const;
  size_t process_count() const { return processes_.size(); }
  bool Alive(ProcessId process) const { return processes_[process]->machine != nullptr || processes_[process]->client; }
  const std::string& NameOf(ProcessId process) const { return processes_[process]->name; }
  ProcessKind KindOf(ProcessId process) const { return processes_[process]->kind; }
  const std::string& MachineOf(ProcessId process) const { return processes_[process]->host; }
  Address AddressOf(ProcessId process) const { return processes_[process]->address; }
  // nullptr for the dead and for other kinds.
  const Gcs* gcs(ProcessId process) const;
  const NodeManager* node(ProcessId process) const;
  const CoreWorker* core(ProcessId process) const;
  std::optional<TaskId> RunningOn(ProcessId worker) const;
  // The driver has been told that it is registered.
  bool Ready(ProcessId process) const { return processes_[process]->ready; }
  // Undelivered messages between processes.
  size_t in_flight() const;

 private:
  class ProcessEnv;
  struct Running {
    TaskId task;
    uint32_t num_returns = 0;
    uint32_t execution = 0;
    Time start;
    uint64_t generation = 0;
    uint32_t items = 0;  // yielded
  };
  void EndTask(ProcessId worker, TaskId task, StatusCode status, const std::string& error, bool exit_actor);
  // Takes it out of those that run; all zero when it is not among them.
  Running TakeRunning(ProcessId worker, TaskId task);
  struct Process {
    ProcessId id = 0;
    std::string name;
    ProcessKind kind = ProcessKind::kClient;
    std::string host;             // its machine: the name of the node
    Address address;
    std::unique_ptr<ProcessEnv> env;
    std::unique_ptr<StateMachine> machine;
    bool client = false;
    bool deaf = false;
    bool ready = false;
    WorkerId worker;              // of a worker: as the node manager named it
    ProcessId parent = kNoProcess;
    std::set<ProcessId> peers;    // with whom it has a connection
    std::map<std::pair<TimerKind, uint64_t>, std::pair<Time, uint64_t>> timers;  // → key of its event
    std::vector<Running> running;
    std::unique_ptr<TestMemory> memory;            // of a node manager
    std::deque<Message> memory_orders;             // that are held
    bool memory_held = false;
    std::map<ObjectId, std::pair<int64_t, int64_t>> creating, mapped;  // a client's objects: offset and size
    std::set<uint64_t> released;                   // numbers of pins
    std::map<SchedulingRequest, uint32_t> classes;
    uint64_t last_task = 0;
    uint64_t last_request = 0;
  };
  struct Event {
    enum class Type : uint8_t { kStart, kMessage, kPeerLost, kTimer, kLocal, kSpawn, kTaskEnd, kMemory, kStorage };
    Type type = Type::kStart;
    ProcessId target = 0;
    ProcessId source = kNoProcess;  // kMessage, kPeerLost
    Address address;                // kPeerLost: as the target knows it; kLocal: the endpoint
    Message message;
    TimerKind timer{};
    uint64_t id = 0;                // timer id, worker or generation
    bool refused = false;           // kPeerLost: a connection could not be made
  };
  using EventKey = std::pair<Time, uint64_t>;

  ProcessId AddProcess(std::string name, ProcessKind kind, std::string host);
  EventKey Schedule(Time when, Event event);
  // In order with what came before on this link.
  void ScheduleOnLink(ProcessId from, ProcessId to, Event event);
  Duration Between(Duration min, Duration max);
  void SendMessage(ProcessId from, const Address& to, Message message);
  void SendLocal(ProcessId from, const Address& to, Message message);
  void ToHost(ProcessId from, Message message);
  void ToExecutor(ProcessId from, Message message);
  void ToApplication(ProcessId from, Message message);
  void ToMemory(ProcessId from, Message message);
  void ToStorage(ProcessId from, Message message);
  void Store(ProcessId gcs, const msg::StoreState& batch);
  void ObeyMemory(ProcessId node_manager, Message order);
  // What a client of a store does with its memory, and what it must find there.
  void UseMemory(ProcessId client, const Message& message, bool sent);
  void DeliverLocal(ProcessId process, const Address& from, Message message, Duration delay = {});
  void Handle(Event event);
  void Spawn(Event event);
  void Disconnect(ProcessId a, ProcessId b, bool lose_from_a, bool lose_from_b, bool notice_a, bool notice_b);
  void EraseInFlight(ProcessId from, ProcessId to);
  bool HeldLink(ProcessId from, ProcessId to) const;
  void TellExited(ProcessId node_manager, WorkerId worker, int code, int signal);
  void Requeue(ProcessId from, ProcessId to);
  Message ThroughCodec(Message message) const;

  ClusterOptions options_;
  ClusterObserver none_;
  ClusterObserver* observer_;
  Random random_;
  Time now_;
  uint64_t sequence_ = 0;
  std::vector<std::unique_ptr<Process>> processes_;
  std::map<EventKey, Event> events_;
  std::map<std::pair<ProcessId, ProcessId>, Time> last_arrival_;
  std::map<std::pair<ProcessId, ProcessId>, std::deque<Event>> held_;
  std::set<std::pair<ProcessId, ProcessId>> held_links_;
  std::set<std::string> isolated_;
  std::set<std::pair<ProcessId, ProcessId>> broken_;  // (a, b): a has not noticed that its connection to b broke
  std::map<std::string, StartMode> start_mode_;
  std::map<std::pair<ProcessId, uint64_t>, bool> starting_;  // (node manager, worker) asked for, not spawned yet
  ProcessId gcs_ = kNoProcess;
  std::map<std::pair<uint32_t, std::string>, std::string> stored_;  // table and key → value
};

}  // namespace orrery::test
