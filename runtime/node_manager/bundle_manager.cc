#include "runtime/node_manager/bundle_manager.h"

#include "runtime/common/assert.h"
#include "runtime/messages/convert.h"
#include "runtime/messages/orrery.pb.h"

namespace orrery {

bool BundleManager::Prepare(LeaseId id, const msg::PrepareBundles& request) {
  if (const auto it = reservations_.find(id); it != reservations_.end()) return !it->second.closed;
  if (request.bundles_size() == 0) return false;
  Reservation reservation;
  reservation.group = FromProto(request.group());
  reservation.job = JobId{request.job()};
  for (const msg::BundleSpec& bundle : request.bundles()) {
    const ResourceSet wanted = FromProto(bundle.spec()).resources;
    auto gpus = resources_.Allocate(wanted, choice_, node_.env.RandomFor(RandomStream::kScheduling));
    if (!gpus) {
      GiveBack(reservation);
      return false;
    }
    reservation.bundles.push_back({bundle.index(), std::move(*gpus), NodeResourceInstances(wanted), 0});
  }
  reservations_.emplace(id, std::move(reservation));
  return true;
}

bool BundleManager::Commit(LeaseId id) {
  const auto it = reservations_.find(id);
  if (it == reservations_.end() || it->second.closed) return false;
  Reservation& reservation = it->second;
  reservation.committed = true;
  for (size_t i = 0; i < reservation.bundles.size(); ++i)
    open_[{reservation.group, reservation.bundles[i].index}] = {id, i};
  return true;
}

bool BundleManager::Close(LeaseId id) {
  const auto it = reservations_.find(id);
  if (it == reservations_.end()) return false;
  Reservation& reservation = it->second;
  reservation.closed = true;
  for (const Bundle& bundle : reservation.bundles) {
    const auto open = open_.find({reservation.group, bundle.index});
    if (open != open_.end() && open->second.reservation == id) open_.erase(open);
  }
  return true;
}

bool BundleManager::TryReturn(LeaseId id) {
  const auto it = reservations_.find(id);
  if (it == reservations_.end() || !it->second.closed) return false;
  for (const Bundle& bundle : it->second.bundles) {
    if (bundle.leases > 0) return false;
  }
  GiveBack(it->second);
  reservations_.erase(it);
  return true;
}

void BundleManager::GiveBack(const Reservation& reservation) {
  for (const Bundle& bundle : reservation.bundles) {
    ORRERY_ASSERT(bundle.inside.available() == bundle.inside.total());
    resources_.Free(bundle.inside.total(), bundle.gpus);
  }
}

template <class Visit>
bool BundleManager::AnyOf(const SchedulingStrategy& strategy, Visit visit) const {
  const bool any = strategy.bundle == SchedulingStrategy::kAnyBundle;
  auto it = open_.lower_bound({strategy.group, any ? 0 : static_cast<uint32_t>(strategy.bundle)});
  for (; it != open_.end() && it->first.first == strategy.group; ++it) {
    if (!any && it->first.second != static_cast<uint32_t>(strategy.bundle)) return false;
    if (visit(it->second, reservations_.at(it->second.reservation).bundles[it->second.bundle])) return true;
  }
  return false;
}

bool BundleManager::Holds(const SchedulingStrategy& strategy) const {
  return AnyOf(strategy, [](const Slot&, const Bundle&) { return true; });
}

BundleManager::Slot BundleManager::Find(const SchedulingRequest& request) const {
  Slot found;
  AnyOf(request.strategy, [&](const Slot& slot, const Bundle& bundle) {
    if (!bundle.inside.FitsNow(request.resources)) return false;
    found = slot;
    return true;
  });
  return found;
}

std::optional<std::pair<BundleManager::Slot, GpuAllocation>> BundleManager::Allocate(const SchedulingRequest& request) {
  const Slot slot = Find(request);
  if (!slot) return std::nullopt;
  Bundle& bundle = At(slot);
  auto gpus = bundle.inside.Allocate(request.resources, choice_, node_.env.RandomFor(RandomStream::kScheduling));
  ORRERY_ASSERT(gpus.has_value());
  ++bundle.leases;
  return std::pair(slot, std::move(*gpus));
}

void BundleManager::Free(const Slot& slot, const ResourceSet& resources, const GpuAllocation& gpus) {
  Bundle& bundle = At(slot);
  ORRERY_ASSERT(bundle.leases > 0);
  --bundle.leases;
  bundle.inside.Free(resources, gpus);
}

GpuAllocation BundleManager::OnNode(const Slot& slot, const GpuAllocation& inside) const {
  const Bundle& bundle = reservations_.at(slot.reservation).bundles[slot.bundle];
  GpuAllocation outside;
  for (const auto& [index, share] : inside.parts) outside.parts.emplace_back(bundle.gpus.parts[index].first, share);
  return outside;
}

void BundleManager::Fill(msg::ResourceReport& report) const {
  for (const auto& [key, slot] : open_) {
    msg::BundleStatus* status = report.add_bundles();
    ToProto(key.first, status->mutable_group());
    status->set_index(key.second);
    const Bundle& bundle = reservations_.at(slot.reservation).bundles[slot.bundle];
    ToProto(bundle.inside.available(), status->mutable_available());
  }
}

void BundleManager::AddUse(std::map<JobId, JobUse>& use) const {
  for (const auto& [id, reservation] : reservations_) {
    for (const Bundle& bundle : reservation.bundles) use[reservation.job].all += bundle.inside.total();
  }
}

std::vector<std::pair<PlacementGroupId, uint32_t>> BundleManager::Open() const {
  std::vector<std::pair<PlacementGroupId, uint32_t>> keys;
  for (const auto& [key, slot] : open_) keys.push_back(key);
  return keys;
}

ResourceSet BundleManager::Total() const {
  ResourceSet total;
  for (const auto& [id, reservation] : reservations_) {
    for (const Bundle& bundle : reservation.bundles) total += bundle.inside.total();
  }
  return total;
}

void BundleManager::CheckInvariants() const {
  size_t open = 0;
  for (const auto& [id, reservation] : reservations_) {
    ORRERY_ASSERT(!reservation.bundles.empty());
    if (reservation.committed && !reservation.closed) open += reservation.bundles.size();
    for (const Bundle& bundle : reservation.bundles) {
      bundle.inside.CheckInvariants();
      ORRERY_ASSERT(bundle.leases == 0 || reservation.committed);
      ORRERY_ASSERT(bundle.leases > 0 || bundle.inside.available() == bundle.inside.total());
    }
  }
  ORRERY_ASSERT_MSG(open == open_.size(), "a bundle is committed twice on one node");
}

}  // namespace orrery
