// What the lease manager tells owners of leases, and what must hold of it.
#include <algorithm>

#include "runtime/messages/convert.h"
#include "runtime/messages/message.h"
#include "runtime/messages/orrery.pb.h"
#include "runtime/node_manager/lease_manager.h"

namespace orrery {

void LeaseManager::SendGrant(const Lease& lease) {
  Draft<msg::LeaseReply> reply;
  ToProto(lease.id, reply->mutable_lease());
  reply->set_hop(lease.hop);
  reply->set_outcome(msg::LeaseReply::GRANTED);
  reply->set_worker(lease.worker.value);
  reply->set_node(node_.id.value);
  reply->set_alive_nodes(node_.alive_nodes);
  ToProto(lease.worker_address, reply->mutable_worker_address());
  const GpuAllocation gpus = lease.slot ? bundles_.OnNode(lease.slot, lease.gpus) : lease.gpus;
  for (const auto& [index, amount] : gpus.parts) {
    msg::GpuShare* share = reply->add_gpus();
    share->set_index(index);
    share->set_raw(amount.raw);
  }
  node_.env.Send(lease.owner, std::move(reply));
}

void LeaseManager::SendWorkerFailed(const Lease& lease, const std::string& reason, StatusCode status) {
  Draft<msg::WorkerFailed> notice;
  ToProto(lease.id, notice->mutable_lease());
  notice->set_worker(lease.worker.value);
  notice->set_reason(reason);
  notice->set_status(static_cast<uint32_t>(status));
  node_.env.Send(lease.owner, std::move(notice));
}

void LeaseManager::SendSpill(const Address& owner, LeaseId lease, const Spilled& spilled) {
  Draft<msg::LeaseReply> reply;
  ToProto(lease, reply->mutable_lease());
  reply->set_hop(spilled.hop);
  reply->set_outcome(msg::LeaseReply::SPILLBACK);
  reply->set_node(spilled.node.value);
  reply->set_alive_nodes(node_.alive_nodes);
  ToProto(spilled.address, reply->mutable_spill_address());
  node_.env.Send(owner, std::move(reply));
}

void LeaseManager::SendOutcome(const Address& owner, LeaseId lease, uint32_t hop, int outcome, const Status& status) {
  Draft<msg::LeaseReply> reply;
  ToProto(lease, reply->mutable_lease());
  reply->set_hop(hop);
  reply->set_outcome(static_cast<msg::LeaseReply::Outcome>(outcome));
  reply->set_node(node_.id.value);
  reply->set_alive_nodes(node_.alive_nodes);
  reply->set_status(static_cast<uint32_t>(status.code()));
  reply->set_message(status.message());
  node_.env.Send(owner, std::move(reply));
}

void LeaseManager::CheckInvariants(bool full) const {
  ORRERY_ASSERT(queued_ <= leases_.size());
  if (!full) return;
  ResourceSet held;
  ResourceSet promised;
  std::map<JobId, JobUse> use;
  size_t queued = 0, fetching = 0, granted = 0, in_queues = 0, heads = 0;
  for (const auto& [id, lease] : leases_) {
    if (lease.state == State::kQueued) {
      ++queued;
      ORRERY_ASSERT(lease.ticket != 0);
      // Nobody but the GCS, or room here, ends the waiting.
      ORRERY_ASSERT(lease.picking && node_.requests.Pending({MessageKind::kPickNode, id.owner.value, id.index}));
      continue;
    }
    ORRERY_ASSERT(lease.ticket == 0 && !lease.picking);
    if (lease.state == State::kFetching) {
      ++fetching;
      if (promises_.count(id) != 0) promised += shapes_[lease.shape].request.resources;
      continue;
    }
    granted += lease.state == State::kGranted;
    ORRERY_ASSERT((lease.state == State::kGranted) == static_cast<bool>(lease.worker));
    ORRERY_ASSERT(!lease.worker || *by_worker_.Find(lease.worker) == id);
    ORRERY_ASSERT(static_cast<bool>(lease.slot) == InGroup(shapes_[lease.shape]));
    if (lease.slot) continue;  // held out of what is reserved
    held += HeldBy(lease);
    use[lease.job].all += HeldBy(lease);
    if (!OfActor(lease)) use[lease.job].by_tasks += HeldBy(lease);
  }
  ORRERY_ASSERT(std::all_of(use.begin(), use.end(), [&](const auto& of_job) {
    const auto counted = job_use_.find(of_job.first);
    return of_job.second == (counted == job_use_.end() ? JobUse() : counted->second);
  }));
  for (const Shape& shape : shapes_) {
    in_queues += shape.queue.size();
    heads += !shape.queue.empty();
  }
  ORRERY_ASSERT(queued == queued_ && queued == in_queues && heads == heads_.size());
  ORRERY_ASSERT(granted == by_worker_.size());
  ORRERY_ASSERT(fetching == fetching_ && promised == promised_);
  bundles_.CheckInvariants();
  held += bundles_.Total();
  held += resources_.available();
  ORRERY_ASSERT_MSG(held == node_.options.total, "granted + free = capacity");
}

}  // namespace orrery
