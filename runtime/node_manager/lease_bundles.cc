// Leases and the placement groups of their node: reservations come and go, and leases draw from them.
#include <utility>

#include "runtime/messages/convert.h"
#include "runtime/messages/message.h"
#include "runtime/messages/orrery.pb.h"
#include "runtime/node_manager/lease_manager.h"

namespace orrery {

bool LeaseManager::Allocate(Lease& lease) {
  const Shape& shape = shapes_[lease.shape];
  if (!InGroup(shape)) {
    auto gpus =
        resources_.Allocate(shape.request.resources, gpu_choice_, node_.env.RandomFor(RandomStream::kScheduling));
    if (!gpus) return false;
    lease.gpus = std::move(*gpus);
    CountUse(lease, shape.request.resources, {});
    return true;
  }
  auto place = bundles_.Allocate(shape.request);
  if (!place) return false;
  lease.slot = place->first;
  lease.gpus = std::move(place->second);
  return true;
}

void LeaseManager::FreeResources(const Lease& lease) {
  const ResourceSet& resources = shapes_[lease.shape].request.resources;
  if (lease.slot) return bundles_.Free(lease.slot, resources, lease.gpus);
  resources_.Free(resources, lease.gpus);
  CountUse(lease, {}, resources);
}

void LeaseManager::OnPrepareBundles(const Address& from, const msg::PrepareBundles& request) {
  const LeaseId id = FromProto(request.reservation());
  reporter_.NoteSeen(id);
  // A tombstone: refused before, or given back. What leases were promised is theirs.
  const bool prepared = !tombstones_.Contains(id) && !draining_ && bundles_.Prepare(id, request);
  if (!prepared) {
    Bury(id);
    reporter_.Flush();  // what the GCS believes of this node is wrong
  }
  Changed();
  Draft<msg::BundlesPrepared> reply;
  reply->mutable_reservation()->CopyFrom(request.reservation());
  reply->set_refused(!prepared);
  node_.env.Send(from, std::move(reply));
}

void LeaseManager::OnCommitBundles(const Address& from, const msg::CommitBundles& request) {
  if (!bundles_.Commit(FromProto(request.reservation()))) {
    return node_.env.Trace({.kind = TraceKind::kStaleMessage, .node = node_.id, .text = "CommitBundles"});
  }
  Draft<msg::BundlesCommitted> reply;
  reply->mutable_reservation()->CopyFrom(request.reservation());
  node_.env.Send(from, std::move(reply));
  Changed();
  ServeQueues();
}

void LeaseManager::OnReturnBundles(const Address& from, const msg::ReturnBundles& request) {
  const LeaseId id = FromProto(request.reservation());
  Bury(id);  // a late copy of its preparation reserves nothing
  if (!bundles_.Close(id)) return SendReturned(from, id);
  returning_[id] = from;
  std::vector<LeaseId> inside;
  for (const auto& [lease_id, lease] : leases_) {
    if (lease.slot.reservation == id) inside.push_back(lease_id);
  }
  for (LeaseId lease_id : inside) {
    Lease& lease = leases_.at(lease_id);
    if (lease.state != State::kGranted) {
      Fail(lease_id, {StatusCode::kPlacementGroupRemoved, request.reason()});
      continue;
    }
    // Its owner hears why before it hears that. The GCS, though, begins an actor again when its process is gone.
    if (lease_id.owner.node()) SendWorkerFailed(lease, request.reason(), StatusCode::kPlacementGroupRemoved);
    pool_.Kill(lease.worker);  // the process's exit ends the lease
  }
  TryReturnBundles(id);
  ServeQueues();
}

// The last lease inside may have ended. Who ended it serves the queues.
void LeaseManager::TryReturnBundles(LeaseId reservation) {
  const auto it = returning_.find(reservation);
  if (it == returning_.end() || !bundles_.TryReturn(reservation)) return;
  const Address asker = it->second;
  returning_.erase(it);
  Changed();
  reporter_.Flush();  // before the answer: the GCS places others with what it knows then
  SendReturned(asker, reservation);
}

void LeaseManager::SendReturned(const Address& to, LeaseId reservation) {
  Draft<msg::BundlesReturned> reply;
  ToProto(reservation, reply->mutable_reservation());
  node_.env.Send(to, std::move(reply));
}

}  // namespace orrery
