// One placement group as the GCS knows it.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "runtime/common/ids.h"
#include "runtime/common/status.h"
#include "runtime/env/address.h"
#include "runtime/env/placement_group_phase.h"
#include "runtime/env/state_chart.h"
#include "runtime/gcs/state_store.h"
#include "runtime/messages/kinds.h"
#include "runtime/scheduling/bundle_policy.h"

namespace orrery {

// The bundles that one round of placing has given to one node.
struct BundleReservation {
  // kReturning: the node is being told to give it back; the bundles are placed elsewhere meanwhile, or never again.
  enum class Step : uint8_t { kPreparing, kPrepared, kCommitting, kCommitted, kReturning };
  NodeId node;
  Step step = Step::kPreparing;
  std::vector<uint32_t> bundles;  // indices in the group
};

struct PlacementGroupRecord {
  static const StateChart& Chart();

  PlacementGroupId id;
  uint64_t order = 0;  // of creation: who waits longer is placed first
  JobId job;
  std::string name, name_space;
  bool detached = false;
  BundleStrategy strategy = BundleStrategy::kPack;
  std::vector<Bundle> bundles;
  PlacementGroupPhase phase = PlacementGroupPhase::kPending;
  Status why;  // it waits, or was removed
  std::map<LeaseId, BundleReservation> reservations;
  std::set<std::pair<Address, uint64_t>> waiters;  // AwaitPlacementGroup: process, request

  bool waits() const { return phase == PlacementGroupPhase::kPending || phase == PlacementGroupPhase::kRescheduling; }
  bool removed() const { return phase == PlacementGroupPhase::kRemoved; }
  // The node of each bundle, 0 for those without; a reservation that is being returned does not count.
  std::vector<NodeId> Nodes() const;
  // Every reservation that counts has come this far, and there is one.
  bool All(BundleReservation::Step step) const;
  // What the policy must place now: the bundles without a node, beside those that have one.
  BundleRequest Missing(std::vector<uint32_t>* indices) const;
  ResourceSet Sum(const BundleReservation& reservation) const;

  void Fill(msg::PlacementGroupInfo& out) const;
  // The row of the durable state. Waiters are not in it: they ask again.
  void Store(StateStore& store) const;
  void Erase(StateStore& store) const;
  static PlacementGroupRecord FromInfo(const msg::PlacementGroupInfo& info);
  static PlacementGroupRecord FromRow(const msg::StoredPlacementGroup& row);
};

}  // namespace orrery
