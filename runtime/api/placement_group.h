// Placement groups: resources that are reserved together, on one node or several, for tasks and actors to run in.
//
//   auto group = orrery::placement_group({orrery::bundle(2), orrery::bundle(2)});
//   group.wait();
//   auto ref = orrery::task<&train>({.num_cpus = 2, .strategy = orrery::InPlacementGroup(group, 0)})(data);
//   orrery::remove_placement_group(group);
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "runtime/common/bundle.h"
#include "runtime/common/ids.h"
#include "runtime/common/resources.h"
#include "runtime/env/placement_group_phase.h"

namespace orrery {

// What is reserved together on one node: CPUs, GPUs (a fraction of one, or whole ones), custom resources by name.
Bundle bundle(double num_cpus, double num_gpus = 0, const std::map<std::string, double>& resources = {});

struct PlacementGroupOptions {
  BundleStrategy strategy = BundleStrategy::kPack;
  std::string name = {};        // for get_placement_group
  std::string name_space = {};  // default: this job's own
  bool detached = false;        // outlives the job that creates it
};

struct PlacementGroupStatus {
  PlacementGroupPhase phase = PlacementGroupPhase::kRemoved;
  std::vector<NodeId> nodes;  // of each bundle; 0: it has none now
  std::string why;            // it is not created
};

// A handle: a value that tasks may take and return. Its end changes nothing; remove_placement_group ends the group, or
// its job's end.
struct PlacementGroup {
  PlacementGroupId id;
  uint32_t bundle_count = 0;

  // Blocks until every bundle is reserved. False: not within `timeout`; status() says what is missing.
  // Throws PlacementGroupRemovedError.
  bool wait(std::optional<std::chrono::nanoseconds> timeout = std::nullopt) const;
  PlacementGroupStatus status() const;

  bool operator==(const PlacementGroup&) const = default;
};

// The name is taken and the bundles are checked when this returns; nodes may reserve them later (wait).
// Throws Error(kInvalidArgument) for bundles that make no sense, Error(kAlreadyExists) for a name that is taken.
PlacementGroup placement_group(const std::vector<Bundle>& bundles, const PlacementGroupOptions& options = {});
// Throws Error(kNotFound).
PlacementGroup get_placement_group(const std::string& name, const std::string& name_space = "");
// The resources are free again when what runs inside has been killed. Harmless for a group that is gone.
void remove_placement_group(const PlacementGroup& group);

// For TaskOptions::strategy and ActorOptions::strategy: inside that bundle, or (kAnyBundle) the first with room. With
// `capture_child_tasks`, whatever the task or actor submits is in the group too, unless it names a strategy itself.
// (Ray's PlacementGroupSchedulingStrategy.) Throws Error(kInvalidArgument) for a bundle that the group lacks.
SchedulingStrategy InPlacementGroup(const PlacementGroup& group, int32_t bundle = SchedulingStrategy::kAnyBundle,
                                    bool capture_child_tasks = false);
// The group that captures what the running task submits.
std::optional<PlacementGroupId> current_placement_group();

namespace internal {

class Client;
// The same for a session of one's own.
PlacementGroup CreateGroup(Client& client, const std::vector<Bundle>& bundles, const PlacementGroupOptions& options);
void RemoveGroup(Client& client, const PlacementGroup& group);

}  // namespace internal
}  // namespace orrery
