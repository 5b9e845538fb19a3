// Finds workers for queued tasks: asks for leases, keeps them while useful, pushes tasks on them, several in flight.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "runtime/common/ids.h"
#include "runtime/common/lookup.h"
#include "runtime/common/resources.h"
#include "runtime/core_worker/core_context.h"
#include "runtime/core_worker/task_manager.h"
#include "runtime/env/state_chart.h"

namespace orrery {

class ActorSubmitter;

// Source of the lease rules: Ray's normal_task_submitter.cc. Unlike Ray of today, several short tasks may be in flight
// on one worker: as many as make `pipeline_target` of expected work. Tasks that may not be retried, or that were in
// flight when a worker died, are sent alone, so that one bad task cannot use up its neighbours' attempts.
class TaskSubmitter {
 public:
  TaskSubmitter(CoreContext& core, Objects& objects) : core_(core), objects_(objects) {}
  void SetTaskManager(TaskManager* tasks, ActorSubmitter* calls) {
    tasks_ = tasks;
    calls_ = calls;
  }

  void DefineClass(uint32_t class_id, SchedulingRequest request);

  void Enqueue(uint64_t task, OwnedTask& entry, bool front);
  void Remove(uint64_t task, const OwnedTask& entry);
  void CancelPushed(uint64_t task, const OwnedTask& entry, bool recursive);

  void OnLeaseReply(const Address& from, const msg::LeaseReply& reply);
  void OnReturnLeaseReply(const Address& from, const msg::ReturnLeaseReply& reply);
  void OnTaskReply(const Address& from, msg::TaskReply& reply);
  void OnWorkerFailed(const msg::WorkerFailed& notice);
  void OnNodeDied(NodeId node, const std::string& reason);
  void OnPeerLost(const Address& peer);
  void OnLeaseExpiry();
  void OnBacklogTimer();
  // This process is registered: asks for the leases that tasks submitted before that need.
  void OnRegistered();
  // Gives every lease back, with tasks in flight or not, and asks for none any more. The owned tasks have ended before.
  void Close();

  // Forgets classes that were made for their arguments and have served. At the end of each event.
  void Tidy() {
    if (!maybe_unused_.empty()) ForgetClasses();
  }

  // The drawing of a lease request's states.
  static const StateChart& Chart();

  size_t leases() const { return leases_.size(); }
  // Those on which tasks of this process run or wait to, in order.
  std::vector<WorkerId> BusyWorkers() const;
  void CheckInvariants(bool full) const;

 private:
  // kAtHome: the first one was asked. kSentOn: the node that it named was, to grant or reject. kCancelling:
  // nothing is left that it would serve; it is being taken back from whom it was with.
  enum class RequestState : uint8_t { kAtHome, kSentOn, kCancelling };
  struct Lease {
    uint64_t index = 0;
    uint32_t class_id = 0;
    WorkerId worker;
    Address address;
    Address node_manager;
    NodeId node;
    std::vector<std::pair<uint32_t, int64_t>> gpus;
    Time granted;
    Time idle_since;
    std::deque<uint64_t> in_flight;  // tasks, in the order pushed
    bool blocked = false;  // the worker waits in get: push nothing until it has finished a task
    bool exclusive = false;  // carries one task that must be alone
    bool lost = false;  // nothing reaches the worker: its node manager was asked what has become of it
  };
  struct Request {
    uint32_t class_id = 0;
    Address home;  // who was asked first and may queue it: the own node manager, or one with its arguments
    NodeId home_node;
    Address target;  // who is asked now
    NodeId target_node;
    uint32_t hop = 0;  // of the last question sent
    RequestState state = RequestState::kAtHome;
  };
  // Tasks with arguments in stores share leases only with tasks that take the same ones: those stay pinned with the
  // lease.
  using ClassKey = std::pair<uint32_t, std::vector<ObjectId>>;
  struct Class {
    SchedulingRequest request;
    ClassKey key;  // of a class made for its arguments
    Message spec;  // the RequestLease to copy
    std::deque<uint64_t> queue;
    std::set<std::pair<size_t, uint64_t>> usable;  // (tasks in flight, lease) of leases below Depth
    std::set<uint64_t> requests;  // pending lease requests
    size_t leases = 0;
    size_t open_requests = 0;  // with those that are being cancelled
    uint64_t runs = 0;
    uint64_t backlog = 0;  // as last reported
    int64_t mean_run_ns = -1;  // exponential mean of run times; -1: none seen
  };

  static RequestKey LeaseRequestKey(uint64_t index) { return {MessageKind::kRequestLease, index, 0}; }
  static RequestKey CancelKey(uint64_t index) { return {MessageKind::kCancelLease, index, 0}; }
  static RequestKey KillKey(uint64_t index) { return {MessageKind::kKillLeasedWorker, index, 0}; }
  // A lease that was granted twice is given back to two node managers.
  static RequestKey ReturnKey(uint64_t index, const Address& node_manager) {
    return {MessageKind::kReturnLease, index, node_manager.endpoint};
  }
  uint32_t ClassOf(const OwnedTask& entry);
  std::pair<NodeId, Address> FirstToAsk(const Class& klass) const;
  void ForgetClasses();
  void MaybeUnused(uint32_t class_id) {
    if (class_id >= kWithArguments) maybe_unused_.push_back(class_id);
  }
  void Pump(uint32_t class_id);
  bool PushNext(Class& klass);
  void Push(const Class& klass, Lease& lease, uint64_t task, OwnedTask& entry);
  int64_t Depth(const Class& klass) const;
  void RequestLeases(uint32_t class_id);
  void SendRequest(uint64_t index, Request& request, NodeId rejected_by);
  void SendCancel(uint64_t index, const Request& request);
  uint64_t BacklogOf(const Class& klass) const;
  void ReportBacklog(Class& klass, uint64_t backlog);
  void CancelRequests(Class& klass);
  void RefuseGrant(const Address& from, const msg::LeaseReply& reply);
  void OnGranted(uint64_t index, const Request& request, const msg::LeaseReply& reply);
  void ReturnLease(Lease& lease, bool broken);
  void SendReturn(uint64_t index, WorkerId worker, const Address& node_manager, bool broken);
  void LeaseLost(uint64_t index, StatusCode status, const std::string& reason);
  void OnWorkerUnreachable(Lease& lease);
  void RequestFailed(const Request& request, const Status& status);
  void RestartRequests(const std::vector<uint64_t>& indices);
  void UpdateUsable(Lease& lease, size_t in_flight_before);
  bool TooOld(const Lease& lease) const;
  void Settle(Lease& lease);
  void TakeOver(const Address& worker, const msg::TaskReply& reply);

  static constexpr uint32_t kWithArguments = 1u << 31;  // ids from here on are of classes made for their arguments

  CoreContext& core_;
  Objects& objects_;
  TaskManager* tasks_ = nullptr;
  ActorSubmitter* calls_ = nullptr;
  std::map<uint32_t, Class> classes_;
  std::map<ClassKey, uint32_t> with_arguments_;
  std::vector<uint32_t> maybe_unused_;
  uint32_t last_class_ = kWithArguments;
  Lookup<uint64_t, std::unique_ptr<Lease>> leases_;
  Lookup<Address, uint64_t, AddressHash> by_worker_;
  std::map<uint64_t, Request> requests_;
  Lookup<NodeId, Address> managers_;  // node managers that were asked, of nodes not known to be dead
  std::set<std::pair<Time, uint64_t>> idle_;  // kept idle leases by the time they became idle
  uint64_t last_lease_ = 0;
  bool expiry_armed_ = false;
  bool backlog_armed_ = false;
  bool closed_ = false;
};

}  // namespace orrery
