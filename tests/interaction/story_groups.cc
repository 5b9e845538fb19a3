// Commands about placement groups.
#include <stdexcept>

#include "runtime/messages/convert.h"
#include "runtime/messages/orrery.pb.h"
#include "tests/interaction/story.h"

namespace orrery::test {

// group WHO NAME STRATEGY BUNDLE… [named=N] [detached]; a BUNDLE is CPUS, or CPUS+GPUS.
void Story::Group(const Arguments& words) {
  const ProcessId process = Process(words.at(0));
  const PlacementGroupId id{cluster().core(process)->id(), 1'000'000 + groups_.size()};
  const TaskId as_task{id.owner, id.index};
  describe_->NameTask(as_task, words.at(1));
  groups_[words[1]] = id;
  Draft<msg::CreatePlacementGroup> create;
  create->set_request(id.index);
  msg::PlacementGroupInfo& info = *create->mutable_group();
  ToProto(id, info.mutable_group());
  Result<BundleStrategy> strategy = ParseBundleStrategy(words.at(2));
  if (!strategy.ok()) throw std::runtime_error(strategy.status().message());
  info.set_strategy(static_cast<uint32_t>(*strategy));
  for (size_t i = 3; i < words.size(); ++i) {
    if (words[i] == "detached") {
      info.set_detached(true);
    } else if (words[i].starts_with("named=")) {
      info.set_name(words[i].substr(6));
    } else {
      const size_t plus = words[i].find('+');
      SchedulingRequest spec;
      spec.resources.Set(ResourceKind::kCpu, FixedPoint::FromDouble(std::stod(words[i].substr(0, plus))));
      if (plus != std::string::npos)
        spec.resources.Set(ResourceKind::kGpu, FixedPoint::FromDouble(std::stod(words[i].substr(plus + 1))));
      msg::BundleSpec* bundle = info.add_bundles();
      bundle->set_index(static_cast<uint32_t>(info.bundles_size() - 1));
      ToProto(spec, bundle->mutable_spec());
    }
  }
  cluster().FromApplication(process, std::move(create));
}

// await-group WHO NAME [timeout=1s]
void Story::AwaitGroup(const Arguments& words) {
  Draft<msg::AwaitPlacementGroup> await;
  await->set_request(2'000'000 + ++group_requests_);
  await->set_timeout_ns(-1);
  if (words.size() > 2) await->set_timeout_ns(ParseDuration(words[2].substr(words[2].find('=') + 1)).value().ns);
  if (tasks_.count(words.at(0)) != 0) await->set_from_task(1);  // the task waits
  ToProto(groups_.at(words.at(1)), await->mutable_group());
  cluster().FromApplication(Process(words.at(0)), std::move(await));
}

// remove-group WHO NAME
void Story::RemoveGroup(const Arguments& words) {
  Draft<msg::RemovePlacementGroup> removal;
  removal->set_request(2'000'000 + ++group_requests_);
  ToProto(groups_.at(words.at(1)), removal->mutable_group());
  cluster().FromApplication(Process(words.at(0)), std::move(removal));
}

// find-group WHO NAME
void Story::FindGroup(const Arguments& words) {
  Draft<msg::FindPlacementGroup> find;
  find->set_request(2'000'000 + ++group_requests_);
  find->set_name(words.at(1));
  cluster().FromApplication(Process(words.at(0)), std::move(find));
}

void Story::StatusOfGroups(const Gcs& gcs) {
  for (const auto& [id, group] : gcs.placement_groups().all()) {
    std::string text = "gcs: " + describe_->Of(TaskId{id.owner, id.index}) + " " +
                       std::string(PlacementGroupPhaseName(group.phase)) + " on";
    for (NodeId node : group.Nodes()) text += " " + describe_->Of(node);
    if (!group.why.ok()) text += " (" + group.why.message() + ")";
    Print(text);
  }
}

}  // namespace orrery::test
