// A random life of a small cluster, from one seed: programs that submit, nest, cancel and wait, under faults; then
// healing, and the question whether everything came to its end.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "runtime/common/random.h"
#include "tests/support/cluster.h"
#include "tests/support/describe.h"

namespace orrery::test {

class RandomLife final : public ClusterObserver {
 public:
  // `verbose` prints every event to stdout.
  RandomLife(uint64_t seed, bool verbose);
  ~RandomLife() override;

  // Lives. Returns what went wrong, one line each; empty when all is well. Broken invariants assert.
  std::vector<std::string> Run();

  // How often things happened, to show that a campaign reached them.
  struct Counts {
    uint64_t tasks = 0, ok = 0, cancelled = 0, failed = 0, retried = 0, nested = 0;
    uint64_t killed_workers = 0, killed_drivers = 0, killed_nodes = 0, killed_gcs = 0, drops = 0, isolations = 0,
             vanished = 0, duplicates = 0;
    uint64_t spilled = 0, stale = 0, nodes_dead = 0, groups = 0, in_groups = 0, preempted = 0;
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
  // What a submitted task does, by TaskSpec.function.
  enum Behaviour : uint64_t { kPlain, kNestAndGet, kNestAndForget, kThrows, kBehaviours };
  struct Submitted {
    ProcessId owner = 0;
    int32_t retries = 0;
    uint32_t preempted = 0;  // attempts that cost no retry
    bool may_be_infeasible = false;
    bool cancelled = false;
    bool in_group = false;
    int ends = 0;
    uint32_t status = 0;
    std::set<uint32_t> executed;  // attempts
  };

  struct Group {
    ProcessId owner = 0;
    uint32_t bundles = 0;
    bool created = false;  // as its driver knows
    bool removed = false;  // by its driver
  };
  static constexpr uint64_t kGroupRequests = 5'000'000;

  static ClusterOptions MakeOptions(uint64_t seed);
  bool Chance(double p) { return random_.Chance(p); }
  uint64_t Below(uint64_t n) { return random_.Below(n); }
  void StartNode();
  ObjectId Submit(ProcessId process, TaskId parent, int depth);
  void RunNested(ProcessId worker, const msg::ExecuteTask& task);
  void Act();           // one step of the programs
  void ActOnGroups(ProcessId driver);
  bool PutInGroup(ProcessId process, SchedulingRequest& request);
  void OnGroupReply(const msg::PlacementGroupReply& reply);
  void CheckBundles();
  std::vector<PlacementGroupId> LivingGroups() const;
  void Break();         // one fault
  void KillSomething(uint64_t what);
  void KillGcs();
  void DropSomething();
  void VanishSomething();
  void HoldSomething();
  void Heal();
  bool AllEnded() const;
  void CheckEnds();
  void CheckNothingLeft();
  void Wrong(const std::string& what) { wrong_.push_back(what); }
  std::vector<ProcessId> Living(ProcessKind kind) const;
  // Advances the cluster to `until`.
  void Live(Time until);

  const uint64_t seed_;
  const bool verbose_;
  Random random_;
  std::unique_ptr<Cluster> cluster_;
  std::unique_ptr<Describer> describe_;
  std::map<TaskId, Submitted> tasks_;
  std::map<ProcessId, std::vector<ObjectId>> objects_;     // by driver: results to use as arguments
  std::map<std::pair<ProcessId, uint64_t>, TaskId> gets_;  // (worker, request) → the task that waits
  std::set<ProcessId> closed_;
  std::vector<std::pair<Time, std::string>> rejoin_;
  std::set<std::string> isolated_;
  std::set<std::string> vanished_;  // isolated for ever, without a word
  bool faulty_ = true;
  std::vector<std::pair<ProcessId, ProcessId>> held_;
  double vanish_ = 0, hold_ = 0, kill_worker_ = 0, kill_driver_ = 0, kill_node_ = 0, drop_ = 0, isolate_ = 0,
         duplicate_ = 0, bad_start_ = 0, nest_ = 0, cancel_ = 0, close_ = 0, kill_gcs_ = 0, group_ = 0;
  std::map<PlacementGroupId, Group> groups_;
  uint64_t group_requests_ = 0;
  int groups_made_ = 0;
  bool durable_ = false;
  Time gcs_back_;  // when the dead GCS gets its successor
  uint32_t nodes_started_ = 0;
  Counts counts_;
  std::vector<std::string> wrong_;
};

}  // namespace orrery::test
