// Placement groups in random lives: few and small, so that what is submitted outside of them always finds room at last.
#include <map>

#include "runtime/messages/convert.h"
#include "runtime/messages/orrery.pb.h"
#include "tests/unit/control/random_life.h"

namespace orrery::test {

namespace {
constexpr size_t kLivingGroups = 2;
}  // namespace

std::vector<PlacementGroupId> RandomLife::LivingGroups() const {
  std::vector<PlacementGroupId> living;
  for (const auto& [id, group] : groups_) {
    if (!group.removed && cluster_->Alive(group.owner) && closed_.count(group.owner) == 0) living.push_back(id);
  }
  return living;
}

void RandomLife::ActOnGroups(ProcessId driver) {
  const std::vector<PlacementGroupId> living = LivingGroups();
  if (!living.empty() && Chance(0.3)) {
    const PlacementGroupId id = living[Below(living.size())];
    const ProcessId owner = groups_.at(id).owner;
    groups_.at(id).removed = true;
    Draft<msg::RemovePlacementGroup> removal;
    removal->set_request(kGroupRequests + ++group_requests_);
    ToProto(id, removal->mutable_group());
    return cluster_->FromApplication(owner, std::move(removal));
  }
  // Also those whose driver is gone or cut off may hold resources, until the GCS hears of it.
  if (groups_made_ >= 6 || living.size() >= kLivingGroups) return;
  ++groups_made_;
  ++counts_.groups;
  const PlacementGroupId id{cluster_->core(driver)->id(), kGroupRequests + ++group_requests_};
  groups_[id] = {driver, static_cast<uint32_t>(1 + Below(2)), false, false};
  Draft<msg::CreatePlacementGroup> create;
  create->set_request(id.index);
  msg::PlacementGroupInfo& info = *create->mutable_group();
  ToProto(id, info.mutable_group());
  info.set_strategy(static_cast<uint32_t>(Below(4)));
  for (uint32_t i = 0; i < groups_[id].bundles; ++i) {
    msg::BundleSpec* bundle = info.add_bundles();
    bundle->set_index(i);
    ToProto(SchedulingRequest{ResourceSet::Cpu(1), {}}, bundle->mutable_spec());
  }
  cluster_->FromApplication(driver, std::move(create));
}

// False: there is no group that this process could name.
bool RandomLife::PutInGroup(ProcessId process, SchedulingRequest& request) {
  std::vector<PlacementGroupId> own;
  for (const auto& [id, group] : groups_) {
    if (group.owner == process && group.created) own.push_back(id);
  }
  if (own.empty()) return false;
  const PlacementGroupId id = own[Below(own.size())];
  request.resources = ResourceSet::Cpu(Chance(0.5) ? 1 : 0.5);
  request.strategy = {};
  request.strategy.kind = SchedulingStrategy::Kind::kPlacementGroup;
  request.strategy.group = id;
  request.strategy.bundle =
      Chance(0.5) ? SchedulingStrategy::kAnyBundle : static_cast<int32_t>(Below(groups_.at(id).bundles));
  return true;
}

void RandomLife::OnGroupReply(const msg::PlacementGroupReply& reply) {
  if (!reply.has_group()) return;
  const auto it = groups_.find(FromProto(reply.group().group()));
  if (it != groups_.end() && reply.status() == 0) it->second.created = true;
}

// Leases are granted inside one copy of a bundle only, on the nodes that the GCS believes alive.
void RandomLife::CheckBundles() {
  const ProcessId gcs = cluster_->Find("gcs");
  if (groups_.empty() || !cluster_->Alive(gcs)) return;
  std::map<std::pair<PlacementGroupId, uint32_t>, NodeId> committed;
  for (ProcessId process : Living(ProcessKind::kNodeManager)) {
    const NodeManager* node = cluster_->node(process);
    if (!cluster_->gcs(gcs)->nodes().Alive(node->id())) continue;
    for (const auto& bundle : node->leases().bundles().Open()) {
      if (committed.emplace(bundle, node->id()).second) continue;
      Wrong("bundle " + std::to_string(bundle.second) + " of " + ToString(bundle.first) + " is committed twice");
    }
  }
}

}  // namespace orrery::test
