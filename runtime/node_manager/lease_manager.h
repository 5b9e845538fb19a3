// Leases of one node: queued by scheduling class, granted with resources and a worker, returned.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "runtime/common/ids.h"
#include "runtime/common/lookup.h"
#include "runtime/env/state_chart.h"
#include "runtime/node_manager/bundle_manager.h"
#include "runtime/node_manager/job_use.h"
#include "runtime/node_manager/node_context.h"
#include "runtime/node_manager/resource_reporter.h"
#include "runtime/node_manager/worker_pool.h"
#include "runtime/object_store/argument_fetcher.h"
#include "runtime/scheduling/node_resources.h"
#include "runtime/scheduling/policy.h"

namespace orrery {

// Source of the rules: Ray's cluster_lease_manager.cc and local_lease_manager.cc, with one difference: where a lease
// goes when this node cannot serve it now is asked of the GCS (PickNode) instead of a copy of the whole cluster's view
// here. Lease ids are idempotent: a repeated request gets the same answer, and a tombstone answers for a lease that
// ended. A lease with large arguments takes resources only when they are in this node's store: who waits for a
// transfer, or for a lost argument to be made again, holds nothing that another task may need for it.
class LeaseManager final : public WorkerPoolListener, public ArgumentListener {
 public:
  static constexpr size_t kTombstones = 10'000;
  // Long enough to ask an owner where an argument is.
  static constexpr Duration kPromise = Duration::Millis(20);

  LeaseManager(NodeContext& node, WorkerPool& pool, ArgumentFetcher& arguments);

  void OnRequestLease(const Address& from, const msg::RequestLease& request);
  void OnCancelLease(const Address& from, const msg::CancelLease& request);
  void OnReturnLease(const Address& from, const msg::ReturnLease& request);
  // The actor in the lease has ended. Answered by WorkerFailed, now or when its process is gone.
  void OnKillLeasedWorker(const Address& from, const msg::KillLeasedWorker& request);
  void OnPickNodeReply(const msg::PickNodeReply& reply);
  // Ends tasks of the named jobs, the youngest first, until the leases that wait at the GCS would fit.
  void OnPreemptLeases(const msg::PreemptLeases& request);
  // Placement groups. What runs inside returned bundles is killed; the answer follows its end.
  void OnPrepareBundles(const Address& from, const msg::PrepareBundles& request);
  void OnCommitBundles(const Address& from, const msg::CommitBundles& request);
  void OnReturnBundles(const Address& from, const msg::ReturnBundles& request);
  void OnWorkerBlocked(WorkerId worker, bool blocked);
  void OnOwnerLost(const Address& owner);
  void OnOwnerDead(WorkerId owner);
  // Owners on that node ask for nothing any more, whether or not their connections have broken.
  void OnNodeDied(NodeId node);
  void OnJobFinished(JobId job);
  void OnReportTimer() { reporter_.OnTimer(); }
  void OnPromiseTimer();
  // Begins nothing new from now on: who asks is sent elsewhere. What runs goes on.
  void Drain() { draining_ = true; }
  // The store began, or ceased, to keep objects that exist nowhere else.
  void SetKeepsObjects(bool keeps) {
    reporter_.SetKeepsObjects(keeps);
    reporter_.MarkChanged();
  }
  void ReportNow() {
    reporter_.MarkChanged();
    reporter_.Flush();
  }

  void OnWorkerReady(LeaseId lease, WorkerId worker, const Address& address) override;
  void OnWorkerGone(LeaseId lease, WorkerId worker, const std::string& reason) override;
  void OnNoWorker(LeaseId lease, const std::string& reason) override;
  void OnArguments(LeaseId lease, const Status& status) override;

  // The drawing of a lease's states.
  static const StateChart& Chart();

  const NodeResourceInstances& resources() const { return resources_; }
  const BundleManager& bundles() const { return bundles_; }
  size_t queued() const { return queued_ + fetching_; }
  size_t granted() const { return leases_.size() - queued(); }
  void CheckInvariants(bool full) const;

 private:
  // kQueued: waits for resources, here or (picking) anywhere. kFetching: will begin here, when its arguments are in the
  // store. kStarting: has resources, waits for a worker process.
  enum class State : uint8_t { kQueued, kFetching, kStarting, kGranted };
  struct Lease {
    LeaseId id;
    Address owner;
    JobId job;
    uint32_t shape = 0;
    State state = State::kQueued;
    uint64_t ticket = 0;  // place in the queue; 0: not in it
    uint32_t hop = 0;  // of the owner's last question
    bool picking = false;  // the GCS was asked and has not answered
    bool blocked = false;  // its worker waits in get: the CPU is given back
    bool sent_here = false;  // by the GCS: rejected rather than queued
    bool free_cpu = false;  // of an actor whose CPU only chose the node
    uint64_t begun = 0;  // order in which leases got their workers
    bool preempted = false;  // its worker was killed to make room
    std::vector<LeaseArgument> arguments;
    BundleManager::Slot slot;  // where its resources are from
    GpuAllocation gpus;
    WorkerId worker;
    Address worker_address;
  };
  // A lease that was sent elsewhere: a late copy of that question gets the same answer.
  struct Spilled {
    uint32_t hop = 0;
    NodeId node;
    Address address;
  };
  struct Shape {
    SchedulingRequest request;
    bool served_here = false;  // this node may grant it without asking; of a group: see ServedHere
    std::map<uint64_t, LeaseId> queue;
  };

  uint32_t ShapeOf(const msg::SchedulingSpec& spec);
  static bool InGroup(const Shape& shape) {
    return shape.request.strategy.kind == SchedulingStrategy::Kind::kPlacementGroup;
  }
  bool Fits(const Shape& shape) const {
    return InGroup(shape) ? bundles_.FitsNow(shape.request) : resources_.FitsNow(shape.request.resources);
  }
  bool ServedHere(const Shape& shape) const {
    if (InGroup(shape)) return bundles_.Holds(shape.request.strategy);
    return shape.served_here && !node_.gcs_places_all;
  }
  NodeResourceInstances& InstancesOf(const Lease& lease) {
    return lease.slot ? bundles_.Instances(lease.slot) : resources_;
  }
  bool Allocate(Lease& lease);
  void FreeResources(const Lease& lease);
  void TryReturnBundles(LeaseId reservation);
  void SendReturned(const Address& to, LeaseId reservation);
  static bool OfActor(const Lease& lease) { return !lease.id.owner.node(); }  // the GCS asked
  // Of the node itself, now: nothing inside a bundle, no CPU while its worker is blocked.
  ResourceSet HeldBy(const Lease& lease) const;
  void CountUse(const Lease& lease, const ResourceSet& more, const ResourceSet& less);
  // Leases of these jobs whose end would leave this much free; none when nothing does.
  std::vector<LeaseId> VictimsFor(const ResourceSet& wanted, const std::vector<JobId>& jobs) const;
  void GiveCpuBack(const Lease& lease);
  void TakeCpuAgain(const Lease& lease);
  FixedPoint CpuOf(const Lease& lease) const { return shapes_[lease.shape].request.resources.Get(ResourceKind::kCpu); }
  bool PreferHere(const Shape& shape) const;
  void Enqueue(Lease& lease);
  void Dequeue(Lease& lease);
  void Ask(Lease& lease, NodeId avoid);
  void StopAsking(Lease& lease);
  void SetBlocked(Lease& lease, bool blocked);
  bool TryStart(Lease& lease);
  bool TryFetch(Lease& lease);
  void LeaveFetching(Lease& lease);
  void EndPromise(const Lease& lease);
  void Fail(LeaseId id, const Status& status);
  // Erases a lease that holds no resources and leaves no tombstone: its owner may come back with it.
  void Forget(LeaseId id);
  void ServeQueues();
  // True when the question needs no new lease: it is a repetition, or comes too late.
  bool AnswerKnown(const Address& from, LeaseId id, uint32_t hop);
  void Reject(const Address& from, LeaseId id, uint32_t hop);
  void CancelPick(LeaseId id);
  // Ends a lease in any state: frees what it holds, leaves a tombstone.
  void End(LeaseId id);
  void Bury(LeaseId id);
  void EndAll(const std::vector<LeaseId>& ids);
  void SendGrant(const Lease& lease);
  void SendWorkerFailed(const Lease& lease, const std::string& reason, StatusCode status);
  void SendOutcome(const Address& owner, LeaseId lease, uint32_t hop, int outcome, const Status& status);
  void SendSpill(const Address& owner, LeaseId lease, const Spilled& spilled);
  void Changed();

  NodeContext& node_;
  WorkerPool& pool_;
  ArgumentFetcher& arguments_;
  NodeResourceInstances resources_;
  const bool local_first_;
  const PolicyOptions policy_;
  const GpuChoice gpu_choice_;
  BundleManager bundles_;
  std::map<JobId, JobUse> job_use_;  // of leases outside of bundles
  ResourceReporter reporter_;
  std::map<SchedulingRequest, uint32_t> shape_ids_;
  std::vector<Shape> shapes_;
  std::map<uint64_t, uint32_t> heads_;  // ticket of each non-empty queue's head → shape
  std::map<LeaseId, Lease> leases_;  // ordered by owner
  Lookup<WorkerId, LeaseId> by_worker_;
  Lookup<LeaseId, bool> tombstones_;
  std::deque<LeaseId> tombstone_order_;
  Lookup<LeaseId, Spilled> spilled_;
  std::deque<LeaseId> spilled_order_;  // oldest first; at most kTombstones
  uint64_t next_ticket_ = 1;
  uint64_t last_begun_ = 0;
  size_t queued_ = 0;
  size_t fetching_ = 0;
  bool draining_ = false;
  ResourceSet promised_;  // to leases that fetch; free all the same for leases that can begin now
  std::set<LeaseId> promises_;  // whose leases these are
  std::map<LeaseId, Address> returning_;  // reservations that end with the last lease inside; who waits for that
};

}  // namespace orrery
