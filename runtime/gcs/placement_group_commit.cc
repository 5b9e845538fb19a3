// Two-phase commit of placement groups: one story, top to bottom.
#include <set>

#include "runtime/gcs/placement_group_manager.h"
#include "runtime/messages/convert.h"
#include "runtime/messages/message.h"
#include "runtime/messages/orrery.pb.h"

namespace orrery {

namespace {
RequestKey PrepareKey(LeaseId id) { return {MessageKind::kPrepareBundles, id.index, 0}; }
RequestKey CommitKey(LeaseId id) { return {MessageKind::kCommitBundles, id.index, 0}; }
RequestKey ReturnKey(LeaseId id) { return {MessageKind::kReturnBundles, id.index, 0}; }
}  // namespace

// ---- 1. nodes are found ---------------------------------------------------------------------------------------------

void PlacementGroupManager::Wait(PlacementGroupRecord& group) {
  waiting_.emplace(group.order, group.id);
  TryPlace(group);
}

void PlacementGroupManager::NoticeGrowth() {
  if (resources_.TakeGrown() && !waiting_.empty()) TrySoon();
}

void PlacementGroupManager::TrySoon() {
  if (std::exchange(armed_, true)) return;
  store_.SetTimer(kGrowthPause, TimerKind::kGroupsWait, 0);
}

// The best claim first, then the oldest. What has just failed for one group is not tried again for its equals.
void PlacementGroupManager::OnWaitTimer() {
  armed_ = false;
  std::set<std::pair<BundleStrategy, std::vector<Bundle>>> failed;
  ClaimQueue<PlacementGroupId> claims(resources_.jobs());
  for (const auto& [order, id] : waiting_) claims.Push(groups_.at(id).job, order, id);
  while (const std::optional<PlacementGroupId> id = claims.Pop()) {
    PlacementGroupRecord& group = groups_.at(*id);
    const bool whole = group.phase == PlacementGroupPhase::kPending;
    if (whole && failed.count({group.strategy, group.bundles}) != 0) continue;
    if (!TryPlace(group) && whole) failed.emplace(group.strategy, group.bundles);
  }
}

bool PlacementGroupManager::TryPlace(PlacementGroupRecord& group) {
  std::vector<uint32_t> bundles;
  const BundlePlacement placement = PlaceBundles(resources_.view(), group.Missing(&bundles));
  if (placement.kind == BundlePlacement::Kind::kPlaced) {
    Ask(group, placement, bundles);
    return true;
  }
  const bool never = placement.kind == BundlePlacement::Kind::kInfeasible;
  const std::string what = std::to_string(bundles.size()) + " of its " + std::to_string(group.bundles.size()) +
                           " bundles (" + BundleStrategyName(group.strategy) + ")";
  const Status why = never ? Status(StatusCode::kInfeasible, "no nodes of this cluster could ever hold " + what)
                           : Status(StatusCode::kUnavailable, "waits for nodes with room for " + what);
  if (why.message() == group.why.message()) return false;
  group.why = why;
  Enter(group, group.phase);
  return false;
}

// ---- 2. they reserve, all at once -----------------------------------------------------------------------------------

void PlacementGroupManager::Ask(PlacementGroupRecord& group, const BundlePlacement& placement,
                                const std::vector<uint32_t>& bundles) {
  std::map<NodeId, std::vector<uint32_t>> by_node;
  for (size_t i = 0; i < bundles.size(); ++i) by_node[placement.nodes[i].node].push_back(bundles[i]);
  waiting_.erase(group.order);
  group.why = Status::Ok();
  for (auto& [node, indices] : by_node) {
    const LeaseId id{kOwner, ++last_reservation_};
    BundleReservation& reservation = group.reservations[id];
    reservation = {node, Step::kPreparing, std::move(indices)};
    by_reservation_[id] = group.id;
    resources_.Reserve(id, group.job, node, group.Sum(reservation));
    Draft<msg::PrepareBundles> request;
    ToProto(id, request->mutable_reservation());
    ToProto(group.id, request->mutable_group());
    request->set_job(group.job.value);
    for (uint32_t index : reservation.bundles) {
      msg::BundleSpec* bundle = request->add_bundles();
      bundle->set_index(index);
      SchedulingRequest spec;
      spec.resources = group.bundles[index].resources;
      ToProto(spec, bundle->mutable_spec());
    }
    requests_.Send(PrepareKey(id), nodes_.Find(node)->address, std::move(request));
  }
  store_.PutCounter("last_reservation", last_reservation_);
  Enter(group, PlacementGroupPhase::kPreparing);
}

void PlacementGroupManager::OnPrepared(const msg::BundlesPrepared& reply) {
  const LeaseId id = FromProto(reply.reservation());
  const auto [group, reservation] = Find(id);
  if (!requests_.Done(PrepareKey(id)) || group == nullptr || reservation->step != Step::kPreparing) return;
  if (reply.refused()) {
    resources_.Unreserve(id);
    Forget(*group, id);
    return GiveUpRound(*group);
  }
  reservation->step = Step::kPrepared;
  if (group->All(Step::kPrepared)) Commit(*group);
}

void PlacementGroupManager::GiveUpRound(PlacementGroupRecord& group) {
  for (auto& [id, reservation] : group.reservations) {
    if (reservation.step == Step::kPreparing || reservation.step == Step::kPrepared) Return(group, id, reservation);
  }
  const bool again = group.All(Step::kCommitted);
  Enter(group, again ? PlacementGroupPhase::kRescheduling : PlacementGroupPhase::kPending);
  waiting_.emplace(group.order, group.id);
  TrySoon();  // not at once: what the view says of the node that refused may still be wrong
}

// ---- 3. they commit -------------------------------------------------------------------------------------------------

// Once this is stored there is no way back but removal: a successor of this GCS goes on with it.
void PlacementGroupManager::Commit(PlacementGroupRecord& group) {
  for (auto& [id, reservation] : group.reservations) {
    if (reservation.step == Step::kPrepared) reservation.step = Step::kCommitting;
  }
  Enter(group, PlacementGroupPhase::kPrepared);
  SendCommits(group);
}

void PlacementGroupManager::SendCommits(PlacementGroupRecord& group) {
  for (auto& [id, reservation] : group.reservations) {
    if (reservation.step != Step::kCommitting) continue;
    Draft<msg::CommitBundles> request;
    ToProto(id, request->mutable_reservation());
    requests_.Send(CommitKey(id), nodes_.Find(reservation.node)->address, std::move(request));
  }
}

void PlacementGroupManager::OnCommitted(const msg::BundlesCommitted& reply) {
  const LeaseId id = FromProto(reply.reservation());
  const auto [group, reservation] = Find(id);
  if (!requests_.Done(CommitKey(id)) || group == nullptr || reservation->step != Step::kCommitting) return;
  reservation->step = Step::kCommitted;
  Opened(*group, *reservation, true);
  resources_.ServeGroup(group->id);
  Settle(*group);
}

void PlacementGroupManager::Opened(const PlacementGroupRecord& group, const BundleReservation& reservation,
                                   bool all_free) {
  for (uint32_t bundle : reservation.bundles) resources_.bundles().Place(group.id, bundle, reservation.node, all_free);
}

void PlacementGroupManager::Settle(PlacementGroupRecord& group) {
  if (group.phase == PlacementGroupPhase::kPreparing) return;
  for (const auto& [id, reservation] : group.reservations) {
    if (reservation.step < Step::kCommitted) return;
  }
  if (group.Missing(nullptr).bundles.empty()) {
    Enter(group, PlacementGroupPhase::kCreated);
    return Wake(group);
  }
  if (group.phase != PlacementGroupPhase::kRescheduling) Enter(group, PlacementGroupPhase::kRescheduling);
  if (waiting_.count(group.order) == 0) Wait(group);
}

// ---- 4. they give back ----------------------------------------------------------------------------------------------

void PlacementGroupManager::Return(PlacementGroupRecord& group, LeaseId id, BundleReservation& reservation) {
  requests_.Done(PrepareKey(id));
  requests_.Done(CommitKey(id));
  resources_.Unreserve(id);
  for (uint32_t bundle : reservation.bundles) resources_.bundles().Displace(group.id, bundle);
  reservation.step = Step::kReturning;
  SendReturn(group, id, reservation);
}

void PlacementGroupManager::SendReturn(const PlacementGroupRecord& group, LeaseId id,
                                       const BundleReservation& reservation) {
  Draft<msg::ReturnBundles> request;
  ToProto(id, request->mutable_reservation());
  request->set_reason(group.why.message());
  requests_.Send(ReturnKey(id), nodes_.Find(reservation.node)->address, std::move(request));
}

void PlacementGroupManager::OnReturned(const msg::BundlesReturned& reply) {
  const LeaseId id = FromProto(reply.reservation());
  const auto [group, reservation] = Find(id);
  if (!requests_.Done(ReturnKey(id)) || group == nullptr) return;
  Forget(*group, id);
}

void PlacementGroupManager::Forget(PlacementGroupRecord& group, LeaseId id) {
  by_reservation_.erase(id);
  group.reservations.erase(id);
  if (!group.removed()) return group.Store(store_);
  if (!group.reservations.empty()) return group.Store(store_);
  const PlacementGroupId done = group.id;
  group.Erase(store_);
  groups_.erase(done);
}

// ---- what happens meanwhile -----------------------------------------------------------------------------------------

void PlacementGroupManager::OnNodeDead(NodeId node, const Address& address) {
  for (const RequestKey& key : requests_.KeysTo(address)) requests_.Done(key);
  std::vector<std::pair<PlacementGroupId, LeaseId>> lost;
  for (const auto& [id, group] : groups_) {
    for (const auto& [reservation_id, reservation] : group.reservations) {
      if (reservation.node == node) lost.emplace_back(id, reservation_id);
    }
  }
  std::set<PlacementGroupId> hit;
  for (const auto& [id, reservation_id] : lost) {
    PlacementGroupRecord& group = groups_.at(id);
    const BundleReservation& reservation = group.reservations.at(reservation_id);
    if (reservation.step != Step::kReturning) {
      hit.insert(id);
      for (uint32_t bundle : reservation.bundles) resources_.bundles().Displace(id, bundle);
    }
    Forget(group, reservation_id);
  }
  for (PlacementGroupId id : hit) {
    PlacementGroupRecord& group = groups_.at(id);
    if (group.phase == PlacementGroupPhase::kPreparing)
      GiveUpRound(group);
    else
      Settle(group);
  }
}

void PlacementGroupManager::Restore(uint64_t last_reservation, const std::vector<msg::StoredPlacementGroup>& rows) {
  last_reservation_ = last_reservation;
  for (const msg::StoredPlacementGroup& row : rows) {
    PlacementGroupRecord group = PlacementGroupRecord::FromRow(row);
    last_order_ = std::max(last_order_, group.order);
    for (const auto& [id, reservation] : group.reservations) by_reservation_.emplace(id, group.id);
    if (!group.removed()) {
      if (!group.name.empty()) names_.emplace(std::pair(group.name_space, group.name), group.id);
      std::vector<ResourceSet> totals;
      for (const Bundle& bundle : group.bundles) totals.push_back(bundle.resources);
      resources_.bundles().AddGroup(group.id, totals);
    }
    if (group.waits()) waiting_.emplace(group.order, group.id);
    groups_.emplace(group.id, std::move(group));
  }
}

void PlacementGroupManager::Start() {
  std::vector<PlacementGroupId> ids;
  for (const auto& [id, group] : groups_) ids.push_back(id);
  for (PlacementGroupId id : ids) {
    PlacementGroupRecord& group = groups_.at(id);
    for (const auto& [reservation_id, reservation] : group.reservations) {
      if (reservation.step == Step::kReturning) SendReturn(group, reservation_id, reservation);
      if (reservation.step == Step::kCommitted) Opened(group, reservation, false);
    }
    // Its nodes have not said yet what is free: waiting groups are tried when they do.
    if (group.phase == PlacementGroupPhase::kPreparing) GiveUpRound(group);
    if (group.phase == PlacementGroupPhase::kPrepared) SendCommits(group);
  }
}

}  // namespace orrery
