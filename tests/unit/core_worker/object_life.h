// A random life of objects, from one seed: programs that put, pass, nest, return, get, map and drop, under faults; and
// a plain model of it, which knows who refers to what, what each value holds, and what must be readable.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "runtime/common/random.h"
#include "runtime/env/object_reference.h"
#include "tests/support/cluster.h"
#include "tests/support/describe.h"

namespace orrery::test {

class ObjectLife final : public ClusterObserver {
 public:
  // Acts `steps` times. `verbose` prints every event.
  ObjectLife(uint64_t seed, uint64_t steps, bool verbose);
  ~ObjectLife() override;

  // Lives, then reads everything that is referred to, then drops it. Returns what went wrong; empty when all is well.
  std::vector<std::string> Run();

  struct Counts {
    uint64_t puts = 0, stored = 0, tasks = 0, nested = 0, reads = 0, read_ok = 0, owner_died = 0, lost = 0,
             borrowed = 0;
    uint64_t refs_returned = 0, killed_workers = 0, killed_drivers = 0, killed_nodes = 0, drops = 0, rebuilt = 0;
    uint64_t events = 0;
  };
  const Counts& counts() const { return counts_; }

  void OnDelivered(ProcessId from, ProcessId to, const Message& message) override;
  void OnLocal(ProcessId process, const Address& endpoint, bool to_endpoint, const Message& message) override;
  void OnPeerLost(ProcessId process, const Address& peer) override;
  void OnDied(ProcessId process, const std::string& reason) override;
  void OnTrace(ProcessId process, const TraceEvent& event) override;
  bool OnExecute(ProcessId worker, const msg::ExecuteTask& task) override;

 private:
  // What an object is, whoever looks.
  struct Truth {
    ProcessId owner = kNoProcess;
    int64_t size = 0;  // > 0: in stores
    bool put = false;
    std::vector<ObjectReference> refs;  // inside its value
  };
  struct Plan {
    ObjectId result;
    int64_t size = 0;
    int32_t retries = 0;
    std::vector<size_t> returned_refs;  // positions among the refs of its arguments; of a task that may run twice
  };
  struct Running {
    Plan plan;
    std::vector<ObjectReference> arg_refs;
    uint64_t waits_for = 0;  // request
  };
  // The program of one process.
  struct App {
    std::map<ObjectId, std::pair<ObjectReference, uint32_t>> held;
    std::multiset<ObjectId> views;
    std::set<ObjectId> ever;  // objects that lived, perhaps, because of this process
    std::map<uint64_t, ObjectId> gets;
    uint64_t last_index = 0, last_request = 0;
    bool has_class = false;
    std::optional<Running> running;
  };

  static ClusterOptions MakeOptions(uint64_t seed);
  bool Chance(double p) { return random_.Chance(p); }
  uint64_t Below(uint64_t n) { return random_.Below(n); }
  void Live(Time until);
  void Act();
  void Break();
  void KillSomething(ProcessKind kind);
  void DropSomething();
  std::vector<ProcessId> Living(ProcessKind kind) const;
  std::vector<ProcessId> Apps() const;

  // ---- programs ----
  ObjectReference Put(ProcessId process);
  void Submit(ProcessId process, TaskId parent);
  void Get(ProcessId process, ObjectId object, bool from_task);
  void Hold(ProcessId process, const ObjectReference& ref, bool decoded);
  void DropOne(ProcessId process, ObjectId object);
  void DropAll(ProcessId process);
  void ReleaseViews(ProcessId process);
  void FinishRunning(ProcessId worker);
  void OnReady(ProcessId process, const msg::ObjectsReady& ready);
  bool Reaches(ObjectId from, ObjectId to) const;
  ObjectReference Pick(const App& app);
  std::vector<ObjectReference> PickSome(const App& app, uint64_t most);

  // ---- verdict (object_verdict.cc) ----
  void Judge(ProcessId process, const msg::ObjectValue& value);
  void ReadEverything();
  bool Quiet() const;
  void CheckNothingLeft();
  void CheckCore(ProcessId process);
  void CheckStore(ProcessId process);
  void Wrong(const std::string& what) { wrong_.push_back(what); }

  const uint64_t seed_, steps_;
  const bool verbose_;
  Random random_;
  std::unique_ptr<Cluster> cluster_;
  std::unique_ptr<Describer> describe_;
  std::map<ObjectId, Truth> truth_;
  std::map<TaskId, Plan> plans_;
  std::map<ProcessId, App> apps_;
  std::set<ObjectId> tainted_;  // somebody who may have kept it alive has died
  double kill_worker_ = 0, kill_driver_ = 0, kill_node_ = 0, drop_ = 0, stored_ = 0.5;
  bool faulty_ = true;
  Counts counts_;
  std::vector<std::string> wrong_;
};

}  // namespace orrery::test
