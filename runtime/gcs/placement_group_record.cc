#include "runtime/gcs/placement_group_record.h"

#include "runtime/messages/convert.h"
#include "runtime/messages/orrery.pb.h"

namespace orrery {

using Step = BundleReservation::Step;

const StateChart& PlacementGroupRecord::Chart() {
  constexpr auto kPending = static_cast<uint8_t>(PlacementGroupPhase::kPending),
                 kPreparing = static_cast<uint8_t>(PlacementGroupPhase::kPreparing),
                 kPrepared = static_cast<uint8_t>(PlacementGroupPhase::kPrepared),
                 kCreated = static_cast<uint8_t>(PlacementGroupPhase::kCreated),
                 kRescheduling = static_cast<uint8_t>(PlacementGroupPhase::kRescheduling),
                 kRemoved = static_cast<uint8_t>(PlacementGroupPhase::kRemoved), kNone = StateChart::kNone;
  static const StateChart chart("PlacementGroup",
                                {"Pending", "Preparing", "Prepared", "Created", "Rescheduling", "Removed"},
                                {{kNone, kPending, "CreatePlacementGroup"},
                                 {kPending, kPreparing, "nodes with room are found: PrepareBundles to each"},
                                 {kPreparing, kPrepared, "all have reserved: CommitBundles to each"},
                                 {kPreparing, kPending, "one refuses, or dies: ReturnBundles to the others"},
                                 {kPreparing, kRescheduling, "the same, and it was created before"},
                                 {kPrepared, kCreated, "all have committed"},
                                 {kPrepared, kRescheduling, "all that live have committed"},
                                 {kCreated, kRescheduling, "a node with bundles dies"},
                                 {kRescheduling, kPreparing, "nodes with room are found for the lost bundles"},
                                 {kPending, kRemoved, "RemovePlacementGroup, its job ends"},
                                 {kPreparing, kRemoved, "the same"},
                                 {kPrepared, kRemoved, "the same"},
                                 {kCreated, kRemoved, "the same"},
                                 {kRescheduling, kRemoved, "the same"},
                                 {kRemoved, kNone, "every node has its resources back"}});
  return chart;
}

std::vector<NodeId> PlacementGroupRecord::Nodes() const {
  std::vector<NodeId> nodes(bundles.size());
  for (const auto& [id, reservation] : reservations) {
    if (reservation.step == Step::kReturning) continue;
    for (uint32_t bundle : reservation.bundles) nodes[bundle] = reservation.node;
  }
  return nodes;
}

bool PlacementGroupRecord::All(Step step) const {
  bool any = false;
  for (const auto& [id, reservation] : reservations) {
    if (reservation.step == Step::kReturning) continue;
    if (reservation.step < step) return false;
    any = true;
  }
  return any;
}

BundleRequest PlacementGroupRecord::Missing(std::vector<uint32_t>* indices) const {
  BundleRequest request;
  request.strategy = strategy;
  const std::vector<NodeId> nodes = Nodes();
  for (uint32_t i = 0; i < bundles.size(); ++i) {
    if (nodes[i]) {
      request.held.push_back({nodes[i], bundles[i]});
    } else {
      request.bundles.push_back(bundles[i]);
      if (indices != nullptr) indices->push_back(i);
    }
  }
  return request;
}

ResourceSet PlacementGroupRecord::Sum(const BundleReservation& reservation) const {
  ResourceSet sum;
  for (uint32_t bundle : reservation.bundles) sum += bundles[bundle].resources;
  return sum;
}

void PlacementGroupRecord::Fill(msg::PlacementGroupInfo& out) const {
  ToProto(id, out.mutable_group());
  out.set_state(static_cast<uint32_t>(phase));
  out.set_name(name);
  out.set_name_space(name_space);
  out.set_strategy(static_cast<uint32_t>(strategy));
  out.set_detached(detached);
  out.set_job(job.value);
  out.set_status(static_cast<uint32_t>(why.code()));
  out.set_message(why.message());
  const std::vector<NodeId> nodes = Nodes();
  for (uint32_t i = 0; i < bundles.size(); ++i) {
    msg::BundleSpec* bundle = out.add_bundles();
    bundle->set_index(i);
    SchedulingRequest spec;
    spec.resources = bundles[i].resources;
    spec.strategy.hard_labels = bundles[i].labels;
    ToProto(spec, bundle->mutable_spec());
    bundle->set_node(nodes[i].value);
  }
}

namespace {
std::string RowKey(PlacementGroupId id) { return std::to_string(id.owner.value) + "." + std::to_string(id.index); }
}  // namespace

void PlacementGroupRecord::Store(StateStore& store) const {
  msg::StoredPlacementGroup row;
  Fill(*row.mutable_info());
  row.set_order(order);
  for (const auto& [reservation_id, reservation] : reservations) {
    msg::StoredReservation* out = row.add_reservations();
    ToProto(reservation_id, out->mutable_reservation());
    out->set_node(reservation.node.value);
    out->set_step(static_cast<uint32_t>(reservation.step));
    for (uint32_t bundle : reservation.bundles) out->add_bundles(bundle);
  }
  store.Put(StateTable::kPlacementGroups, RowKey(id), row.SerializeAsString());
}

void PlacementGroupRecord::Erase(StateStore& store) const { store.Erase(StateTable::kPlacementGroups, RowKey(id)); }

PlacementGroupRecord PlacementGroupRecord::FromInfo(const msg::PlacementGroupInfo& info) {
  PlacementGroupRecord group;
  group.id = FromProto(info.group());
  group.job = JobId{info.job()};
  group.name = info.name();
  group.name_space = info.name_space();
  group.detached = info.detached();
  group.strategy = static_cast<BundleStrategy>(info.strategy() <= 3 ? info.strategy() : 0);
  for (const msg::BundleSpec& bundle : info.bundles()) {
    const SchedulingRequest spec = FromProto(bundle.spec());
    group.bundles.push_back({spec.resources, spec.strategy.hard_labels});
  }
  return group;
}

PlacementGroupRecord PlacementGroupRecord::FromRow(const msg::StoredPlacementGroup& row) {
  PlacementGroupRecord group = FromInfo(row.info());
  group.order = row.order();
  group.phase = static_cast<PlacementGroupPhase>(row.info().state());
  group.why = {static_cast<StatusCode>(row.info().status()), row.info().message()};
  for (const msg::StoredReservation& stored : row.reservations()) {
    BundleReservation& reservation = group.reservations[FromProto(stored.reservation())];
    reservation.node = NodeId{stored.node()};
    reservation.step = static_cast<Step>(stored.step());
    reservation.bundles.assign(stored.bundles().begin(), stored.bundles().end());
  }
  return group;
}

}  // namespace orrery
