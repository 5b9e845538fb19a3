// The cluster's resource view and the leases that wait for a place anywhere in it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/common/ids.h"
#include "runtime/common/lookup.h"
#include "runtime/common/resources.h"
#include "runtime/common/settings.h"
#include "runtime/common/status.h"
#include "runtime/env/address.h"
#include "runtime/env/env.h"
#include "runtime/gcs/bundle_view.h"
#include "runtime/gcs/node_table.h"
#include "runtime/messages/kinds.h"
#include "runtime/scheduling/cluster_view.h"
#include "runtime/scheduling/job_shares.h"
#include "runtime/scheduling/node_picker.h"

namespace orrery {

// The upper half of bottom-up scheduling (OSDI'18, section 4.2.2): a node manager serves what it can itself and asks
// here for the rest. Views come from the nodes, versioned, pushed on change. An answer deducts its resources until the
// named node's report says that it has seen the lease, so views are reconciled by what was seen and never by time-out.
class ResourceManager {
 public:
  ResourceManager(Env& env, const Settings& settings, NodeTable& nodes);

  void AddNode(NodeId node, const ResourceSet& total, const Labels& labels);
  // Of a GCS before this one: what is free there will be known from its next report.
  void RestoreNode(NodeId node, const ResourceSet& total, const Labels& labels);
  void RemoveNode(NodeId node);
  // Its connection broke and was made again: what was said over it either way may be lost. Forgets what hangs on that;
  // the node asks its open questions again and reports what it has.
  void OnNodeReconnected(NodeId node);
  void OnReport(const msg::ResourceReport& report);
  // What the lease asks for (valid until the next call); nullptr when the question was asked before.
  const SchedulingRequest* OnPickNode(const Address& from, const msg::PickNode& request);
  void OnCancelPick(LeaseId lease);
  // The GCS's own question, for an actor: answered by TakePlaced, now or later. `prefer` is the hybrid policy's first
  // choice. Asked again after a refusal, the place is another one if there is any.
  void Place(LeaseId lease, JobId job, const SchedulingRequest& request, NodeId prefer, NodeId refused_by);
  struct Placed {
    LeaseId lease;
    NodeId node;
    Status status;  // kInfeasible: there will never be one
  };
  std::vector<Placed> TakePlaced() { return std::exchange(placed_, {}); }
  // Bundles of a placement group are to be reserved on `node` under that name: taken from the view until the node's
  // report has seen it, or until Unreserve.
  void Reserve(LeaseId reservation, JobId job, NodeId node, const ResourceSet& amounts);
  void Unreserve(LeaseId reservation);
  BundleView& bundles() { return bundles_; }
  // What jobs use, and who goes first.
  JobShares& jobs() { return jobs_; }
  const JobShares& jobs() const { return jobs_; }
  // More bundles of the group have nodes, or it is gone: its leases that wait may have an answer.
  void ServeGroup(PlacementGroupId group);
  // There is more room than at the last call, somewhere.
  bool TakeGrown() { return std::exchange(grown_, false); }
  // Leases of this process will not be used: forget its questions and assignments.
  void OnOwnerDead(WorkerId owner);

  // Leases waiting for a place, by what they ask for. Infeasible: no node of today's cluster could ever hold it.
  struct Demand {
    SchedulingRequest request;
    uint64_t count = 0;
    bool infeasible = false;
  };
  std::vector<Demand> PendingDemand() const;
  // Of each queue those that have waited longest.
  struct Waiting {
    LeaseId lease;
    JobId job;
    const SchedulingRequest* request = nullptr;  // valid until the next event
    Time since;
  };
  std::vector<Waiting> LongestWaiting(size_t per_queue) const;
  const ClusterView& view() const { return view_; }
  size_t parked() const { return parked_.size(); }
  size_t assigned() const { return assigned_.size(); }
  // A draining node gets no new leases; one that is not any more serves what waits.
  void SetDraining(NodeId node, bool draining);
  void CheckInvariants(bool full) const;

 private:
  struct Parked {
    Address asker;  // the node manager that asked; none: the GCS itself
    NodeId asker_node;
    NodeId prefer;
    JobId job;
    uint32_t shape = 0;
    uint64_t ticket = 0;
    Time since;
  };
  struct Assigned {
    NodeId node;
    JobId job;
    uint32_t shape = 0;
    Address asker;
    NodeId asker_node;
    int32_t bundle = SchedulingStrategy::kAnyBundle;  // of the shape's group, whose room it takes; -1: the node's
  };
  // One scheduling class and its queues, each in order of arrival: of every job, or (fifo) one of no job.
  using Queue = std::map<std::pair<JobId, uint64_t>, LeaseId>;
  struct Shape {
    SchedulingRequest request;
    Queue queue;
    bool infeasible_traced = false;
  };
  struct Head {
    uint32_t shape = 0;
    JobId job;  // of the queue; none: fifo
    auto operator<=>(const Head&) const = default;
  };

  // False when the question was asked before.
  bool Pick(LeaseId lease, Parked parked, NodeId refused_by);
  uint32_t ShapeOf(const SchedulingRequest& request);
  bool TryAssign(LeaseId lease, const Parked& parked, NodeId avoid = {});
  // Why no node will ever serve this, or "".
  Status WhyNever(const SchedulingRequest& request) const;
  std::optional<BundleView::Location> Find(LeaseId lease, const Parked& parked, NodeId avoid);
  // What it takes is its job's use; inside a bundle, the bundle is.
  bool CountsForJob(const Assigned& assigned) const {
    return jobs_.ordered() && assigned.bundle == SchedulingStrategy::kAnyBundle;
  }
  void Assign(LeaseId lease, const Assigned& assigned);
  void Deduct(const Assigned& assigned);
  void Restore(const Assigned& assigned);
  void ForgetAsker(NodeId node);
  void Park(LeaseId lease, Parked parked);
  void Unpark(LeaseId lease, const Parked& parked);
  void DropAssignment(LeaseId lease, bool give_back);
  Head HeadOf(const Parked& parked) const { return {parked.shape, jobs_.ordered() ? parked.job : JobId{}}; }
  // The oldest of these, or the queue's end.
  Queue::const_iterator FirstOf(const Head& head) const;
  void ServeParked(NodeId grown);
  void ServeShape(uint32_t shape);
  // Assigns from the heads of queues (by ticket), best claim first.
  void Serve(const std::map<uint64_t, Head>& heads);
  void Answer(const Address& asker, LeaseId lease, NodeId node, const Status& status);

  Env& env_;
  NodeTable& nodes_;
  std::unique_ptr<NodePicker> picker_;
  ClusterView view_;
  BundleView bundles_;
  JobShares jobs_;
  bool grown_ = false;
  Lookup<NodeId, uint64_t> versions_;
  std::map<SchedulingRequest, uint32_t> shape_ids_;
  std::vector<Shape> shapes_;
  std::map<uint64_t, Head> heads_;  // of all queues, by the ticket of their first lease
  std::map<LeaseId, Parked> parked_;  // ordered by owner, so that an owner's leases are a range
  std::map<LeaseId, Assigned> assigned_;
  Lookup<NodeId, std::vector<LeaseId>> assigned_to_;  // per node, in order of assignment
  std::vector<Placed> placed_;
  uint64_t next_ticket_ = 1;
};

}  // namespace orrery
