#include "runtime/gcs/placement_group_manager.h"

#include "runtime/messages/convert.h"
#include "runtime/messages/message.h"
#include "runtime/messages/orrery.pb.h"

namespace orrery {

namespace {
std::string Describe(const PlacementGroupRecord& group) {
  return ToString(group.id) + (group.name.empty() ? "" : " (" + group.name + ")");
}
}  // namespace

bool PlacementGroupManager::OnMessage(const Address& from, const Message& message) {
  switch (message.kind()) {
    case MessageKind::kCreatePlacementGroup: OnCreate(from, message.As<msg::CreatePlacementGroup>()); return true;
    case MessageKind::kAwaitPlacementGroup: OnAwait(from, message.As<msg::AwaitPlacementGroup>()); return true;
    case MessageKind::kFindPlacementGroup: OnFind(from, message.As<msg::FindPlacementGroup>()); return true;
    case MessageKind::kRemovePlacementGroup: OnRemove(from, message.As<msg::RemovePlacementGroup>()); return true;
    case MessageKind::kBundlesPrepared: OnPrepared(message.As<msg::BundlesPrepared>()); return true;
    case MessageKind::kBundlesCommitted: OnCommitted(message.As<msg::BundlesCommitted>()); return true;
    case MessageKind::kBundlesReturned: OnReturned(message.As<msg::BundlesReturned>()); return true;
    default: return false;
  }
}

// ---- what programs ask ----------------------------------------------------------------------------------------------

void PlacementGroupManager::OnCreate(const Address& from, const msg::CreatePlacementGroup& request) {
  const PlacementGroupId id = FromProto(request.group().group());
  Status status;
  if (Find(id) == nullptr) status = Create(request.group());
  Reply(from, request.request(), status, Find(id));
}

Status PlacementGroupManager::Create(const msg::PlacementGroupInfo& info) {
  PlacementGroupRecord group = PlacementGroupRecord::FromInfo(info);
  const JobManager::Job* job = jobs_.Find(group.job);
  if (job == nullptr || !job->running) return {StatusCode::kCancelled, ToString(group.job) + " has ended"};
  if (info.bundles_size() > kMaxBundles) {
    return {StatusCode::kTooLarge, "a placement group has at most " + std::to_string(kMaxBundles) + " bundles"};
  }
  if (Status status = ValidateBundles(group.bundles); !status.ok()) return status;
  if (const auto taken = names_.find({group.name_space, group.name}); !group.name.empty() && taken != names_.end()) {
    return {StatusCode::kAlreadyExists,
            "the name '" + group.name + "' is taken by " + Describe(groups_.at(taken->second))};
  }
  if (!group.name.empty()) names_.emplace(std::pair(group.name_space, group.name), group.id);
  group.order = ++last_order_;
  std::vector<ResourceSet> totals;
  for (const Bundle& bundle : group.bundles) totals.push_back(bundle.resources);
  resources_.bundles().AddGroup(group.id, totals);
  PlacementGroupRecord& added = groups_.emplace(group.id, std::move(group)).first->second;
  added.Store(store_);
  Wait(added);
  return Status::Ok();
}

void PlacementGroupManager::OnAwait(const Address& from, const msg::AwaitPlacementGroup& request) {
  PlacementGroupRecord* group = Find(FromProto(request.group()));
  if (group == nullptr || group->removed()) {
    return Reply(
        from, request.request(),
        {StatusCode::kPlacementGroupRemoved, ToString(FromProto(request.group())) + " was removed, or has never been"},
        group);
  }
  group->waiters.erase({from, request.request()});
  if (group->phase == PlacementGroupPhase::kCreated) return Reply(from, request.request(), Status::Ok(), group);
  if (request.give_up()) return Reply(from, request.request(), group->why, group);
  group->waiters.emplace(from, request.request());
}

void PlacementGroupManager::OnFind(const Address& from, const msg::FindPlacementGroup& request) {
  const auto it = names_.find({request.name_space(), request.name()});
  if (it != names_.end()) return Reply(from, request.request(), Status::Ok(), &groups_.at(it->second));
  Reply(from, request.request(),
        {StatusCode::kNotFound,
         "no placement group is named '" + request.name() + "' in namespace '" + request.name_space() + "'"},
        nullptr);
}

void PlacementGroupManager::OnRemove(const Address& from, const msg::RemovePlacementGroup& request) {
  PlacementGroupRecord* group = Find(FromProto(request.group()));
  if (group != nullptr) Remove(*group, "it was removed by a program");
  Reply(from, request.request(), Status::Ok(), nullptr);
}

void PlacementGroupManager::Reply(const Address& to, uint64_t request, const Status& status,
                                  const PlacementGroupRecord* group) {
  Draft<msg::PlacementGroupReply> reply;
  reply->set_request(request);
  reply->set_status(static_cast<uint32_t>(status.code()));
  reply->set_message(status.message());
  if (group != nullptr) group->Fill(*reply->mutable_group());
  store_.Send(to, std::move(reply));
}

void PlacementGroupManager::Wake(PlacementGroupRecord& group) {
  const Status status = group.removed() ? group.why : Status::Ok();
  for (const auto& [address, request] : std::exchange(group.waiters, {})) Reply(address, request, status, &group);
}

void PlacementGroupManager::OnPeerLost(const Address& peer) {
  for (auto& [id, group] : groups_) {
    const auto first = group.waiters.lower_bound({peer, 0});
    auto last = first;
    while (last != group.waiters.end() && last->first == peer) ++last;
    group.waiters.erase(first, last);
  }
}

// ---- ends -----------------------------------------------------------------------------------------------------------

void PlacementGroupManager::OnJobFinished(JobId job) {
  std::vector<PlacementGroupId> ended;
  for (const auto& [id, group] : groups_) {
    if (group.job == job && !group.detached) ended.push_back(id);
  }
  for (PlacementGroupId id : ended) Remove(groups_.at(id), ToString(job) + " has ended");
}

// The name is free and its leases have their answer at once; the record stays until every node has its resources back.
void PlacementGroupManager::Remove(PlacementGroupRecord& group, const std::string& why) {
  if (group.removed()) return;
  if (!group.name.empty()) names_.erase({group.name_space, group.name});
  waiting_.erase(group.order);
  group.why = {StatusCode::kPlacementGroupRemoved, Describe(group) + ": " + why};
  const PlacementGroupId id = group.id;
  resources_.bundles().RemoveGroup(id);
  for (auto& [reservation_id, reservation] : group.reservations) {
    if (reservation.step != Step::kReturning) Return(group, reservation_id, reservation);
  }
  Enter(group, PlacementGroupPhase::kRemoved);
  Wake(group);
  resources_.ServeGroup(id);
  if (!group.reservations.empty()) return;
  group.Erase(store_);
  groups_.erase(id);
}

void PlacementGroupManager::Enter(PlacementGroupRecord& group, PlacementGroupPhase phase) {
  if (group.phase != phase) Transition(PlacementGroupRecord::Chart(), group.phase, phase);
  group.Store(store_);
  int64_t missing = 0;
  for (NodeId node : group.Nodes()) missing += !node;
  store_.Trace({.kind = TraceKind::kGroupState,
                .task = {group.id.owner, group.id.index},
                .a = missing,
                .b = static_cast<int64_t>(phase),
                .c = static_cast<int64_t>(group.why.code()),
                .text = group.why.message()});
}

// ---- for others -----------------------------------------------------------------------------------------------------

void PlacementGroupManager::Fill(msg::ClusterStatus& status) const {
  for (const auto& [id, group] : groups_) group.Fill(*status.add_placement_groups());
}

void PlacementGroupManager::FillGangs(msg::AutoscalerState& state) const {
  for (const auto& [order, id] : waiting_) {
    const PlacementGroupRecord& group = groups_.at(id);
    msg::GangDemand* gang = state.add_gangs();
    gang->set_strategy(static_cast<uint32_t>(group.strategy));
    std::map<Bundle, uint64_t> counts;
    for (const Bundle& bundle : group.Missing(nullptr).bundles) ++counts[bundle];
    for (const auto& [bundle, count] : counts) {
      msg::DemandStatus* demand = gang->add_bundles();
      SchedulingRequest spec;
      spec.resources = bundle.resources;
      spec.strategy.hard_labels = bundle.labels;
      ToProto(spec, demand->mutable_spec());
      demand->set_count(count);
    }
  }
}

std::pair<PlacementGroupRecord*, BundleReservation*> PlacementGroupManager::Find(LeaseId reservation) {
  const auto it = by_reservation_.find(reservation);
  if (it == by_reservation_.end()) return {};
  PlacementGroupRecord& group = groups_.at(it->second);
  return {&group, &group.reservations.at(reservation)};
}

PlacementGroupRecord* PlacementGroupManager::Find(PlacementGroupId id) {
  const auto it = groups_.find(id);
  return it == groups_.end() ? nullptr : &it->second;
}

void PlacementGroupManager::CheckInvariants(bool full) const {
  ORRERY_ASSERT(waiting_.size() <= groups_.size() && names_.size() <= groups_.size());
  if (!full) return;
  size_t reservations = 0, waiting = 0, names = 0;
  for (const auto& [id, group] : groups_) {
    names += !group.removed() && !group.name.empty();
    waiting += group.waits();
    ORRERY_ASSERT(group.waits() == (waiting_.count(group.order) != 0));
    ORRERY_ASSERT(group.waiters.empty() || (!group.removed() && group.phase != PlacementGroupPhase::kCreated));
    std::vector<bool> placed(group.bundles.size());
    for (const auto& [reservation_id, reservation] : group.reservations) {
      ++reservations;
      ORRERY_ASSERT(by_reservation_.at(reservation_id) == id);
      ORRERY_ASSERT(!group.removed() || reservation.step == Step::kReturning);
      if (reservation.step == Step::kReturning) continue;
      for (uint32_t bundle : reservation.bundles) {
        ORRERY_ASSERT_MSG(!placed[bundle], "a bundle has two nodes");
        placed[bundle] = true;
      }
    }
    ORRERY_ASSERT(group.phase != PlacementGroupPhase::kCreated || group.All(Step::kCommitted));
  }
  ORRERY_ASSERT(reservations == by_reservation_.size() && waiting == waiting_.size() && names == names_.size());
}

}  // namespace orrery
