#include "sim/workload/groups_source.h"

#include <utility>
#include <vector>

#include "sim/workload/generator_source.h"

namespace orrery {

namespace {

class GroupsSource final : public WorkloadSource {
 public:
  GroupsSource(const GroupsSpec& spec, Random random)
      : spec_(spec), random_(random), left_(static_cast<size_t>(spec.groups), spec.bundles) {}

  void Begin(WorkloadPort& port) override { port.WakeAt(spec_.at, 0); }

  // Wakes for one group after the other; without `every` for all at once.
  void OnWake(WorkloadPort& port, uint64_t group) override {
    const uint64_t end = spec_.every.ns == 0 ? static_cast<uint64_t>(spec_.groups) : group + 1;
    for (; group < end; ++group) {
      ++created_;
      port.CreateGroup(
          {group, spec_.strategy, std::vector<ResourceSet>(static_cast<size_t>(spec_.bundles), spec_.task.resources)});
    }
    if (created_ < spec_.groups) port.WakeAt(spec_.at + spec_.every * static_cast<int64_t>(group), group);
  }

  // The tasks wait inside until their bundles are reserved.
  void OnGroupMade(WorkloadPort& port, uint64_t group) override {
    for (int64_t bundle = 0; bundle < spec_.bundles; ++bundle) {
      PlannedTask task = PlanFrom(spec_.task, group * static_cast<uint64_t>(spec_.bundles) + bundle, random_);
      task.strategy.kind = SchedulingStrategy::Kind::kPlacementGroup;
      task.strategy.group.index = group;
      task.strategy.bundle = static_cast<int32_t>(bundle);
      ++submitted_;
      port.Submit(std::move(task));
    }
  }

  void OnTaskEnded(WorkloadPort& port, uint64_t number) override {
    const uint64_t group = number / static_cast<uint64_t>(spec_.bundles);
    if (--left_[group] == 0) port.RemoveGroup(group);
  }

  bool MakesGroups() const override { return true; }
  bool Exhausted() const override { return submitted_ == spec_.groups * spec_.bundles; }
  std::optional<uint64_t> Total() const override { return static_cast<uint64_t>(spec_.groups * spec_.bundles); }

 private:
  const GroupsSpec spec_;
  Random random_;
  std::vector<int64_t> left_;  // tasks of each group that have not ended
  int64_t created_ = 0;
  int64_t submitted_ = 0;
};

}  // namespace

std::unique_ptr<WorkloadSource> MakeGroupsSource(const GroupsSpec& spec, Random random) {
  return std::make_unique<GroupsSource>(spec, random);
}

}  // namespace orrery
