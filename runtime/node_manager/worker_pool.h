// The node's worker processes: started for a job, leased, kept idle for a while, reaped.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "runtime/common/ids.h"
#include "runtime/common/lookup.h"
#include "runtime/env/state_chart.h"
#include "runtime/messages/message.h"
#include "runtime/node_manager/node_context.h"

namespace orrery {

// What the pool tells the lease manager.
class WorkerPoolListener {
 public:
  virtual ~WorkerPoolListener() = default;
  // A worker is there for the lease that asked with Pop.
  virtual void OnWorkerReady(LeaseId lease, WorkerId worker, const Address& address) = 0;
  // The process of a leased worker ended.
  virtual void OnWorkerGone(LeaseId lease, WorkerId worker, const std::string& reason) = 0;
  // No worker of this job can be started; the lease will not be served.
  virtual void OnNoWorker(LeaseId lease, const std::string& reason) = 0;
};

// Source of the rules: Ray's worker_pool.cc. A worker serves one job. Start-up is bounded (worker_startup_concurrency);
// after kMaxStartFailures failed starts in a row the job's waiting leases fail.
class WorkerPool {
 public:
  static constexpr int kMaxStartFailures = 5;
  static constexpr size_t kFinishedJobsKept = 10'000;

  WorkerPool(NodeContext& node, WorkerPoolListener& listener) : node_(node), listener_(listener) {}

  // Ids of processes on this node; index 0 is the node manager's.
  WorkerId NextWorkerId() { return WorkerId::Of(node_.id, ++last_index_); }

  // The driver's or the GCS's answer to "how is a worker of this job started".
  void SetCommand(JobId job, const msg::WorkerCommand& command);
  // OnWorkerReady follows for `lease`, at once when a worker is idle, unless CancelWait comes first.
  void Pop(JobId job, LeaseId lease);
  void CancelWait(JobId job, LeaseId lease);
  // Gives a leased worker back; a broken one is killed.
  void Release(WorkerId worker, bool broken);
  // Starts workers ahead of demand until `count` are idle or starting.
  void Prestart(JobId job, int64_t count);
  void Kill(WorkerId worker);
  void KillJob(JobId job);
  // The node manager ends: starts no process any more.
  void KillAll();
  // The job has ended: it gets no workers here.
  bool Finished(JobId job) const { return finished_.Contains(job); }

  void OnRegisterWorker(const Address& from, const msg::RegisterWorker& request);
  void OnProcessExited(const msg::ProcessExited& notice);
  // False when the job has ended, or is unknown to the GCS.
  bool OnGetJobReply(const msg::GetJobReply& reply);
  // After a time without the GCS, which may have told of a job's end meanwhile: asks for each job that has workers
  // here.
  void AskAboutJobs();
  // True when `peer` was a worker.
  bool OnPeerLost(const Address& peer);
  void OnRegisterTimeout(WorkerId worker);
  void OnKillGrace(WorkerId worker);
  void OnIdleReap();

  // The drawing of a worker process's states.
  static const StateChart& Chart();

  // To every registered worker of this node, e.g. the news of a dead node.
  void Broadcast(const Message& message);
  bool Knows(WorkerId worker) const { return workers_.count(worker) != 0; }
  size_t size() const { return workers_.size(); }
  void CheckInvariants() const;

 private:
  enum class State : uint8_t { kStarting, kIdle, kLeased, kExiting };
  struct Worker {
    WorkerId id;
    JobId job;
    State state = State::kStarting;
    Address address;
    LeaseId lease;
    Time idle_since;
    uint32_t pid = 0;
    bool asked = false;  // kExiting: politely, because it was idle; it may decline
  };
  struct JobPool {
    Message command;  // a StartProcess to copy; empty until known
    std::deque<LeaseId> waiting;  // leases without worker, first come first served
    std::vector<WorkerId> idle;  // last used at the back, taken first: warm caches, and the rest can be reaped
    int64_t starting = 0;
    int64_t prestart = 0;  // workers wanted ahead of demand
    int failures = 0;  // failed starts in a row
  };

  void AskAbout(JobId job);
  int64_t SoftLimit() const;
  int64_t StartupConcurrency() const;
  void StartWorkers();
  void Start(JobId job, JobPool& pool);
  void BeginExit(Worker& worker);
  void Assign(Worker& worker, LeaseId lease);
  void MakeIdle(Worker& worker);
  void RemoveIdle(const Worker& worker);
  void StartFailed(JobId job, const std::string& reason);
  void ArmReap();

  NodeContext& node_;
  WorkerPoolListener& listener_;
  std::map<WorkerId, Worker> workers_;
  Lookup<Address, WorkerId, AddressHash> by_address_;
  std::map<JobId, JobPool> jobs_;  // that have not ended
  Lookup<JobId, bool> finished_;
  std::deque<JobId> finished_order_;  // oldest first
  int64_t starting_ = 0;
  int64_t idle_ = 0;
  uint32_t last_index_ = 0;
  bool reap_armed_ = false;
  bool closed_ = false;
};

}  // namespace orrery
