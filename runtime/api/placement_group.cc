#include "runtime/api/placement_group.h"

#include "runtime/api/client.h"
#include "runtime/api/errors.h"
#include "runtime/messages/convert.h"
#include "runtime/messages/orrery.pb.h"

namespace orrery {

namespace {

Message Ask(Message question) { return internal::Client::Current().AskAboutGroup(std::move(question)); }

Message Await(PlacementGroupId id, int64_t timeout_ns, bool give_up) {
  Draft<msg::AwaitPlacementGroup> await;
  ToProto(id, await->mutable_group());
  await->set_timeout_ns(timeout_ns);
  await->set_give_up(give_up);
  return Ask(std::move(await));
}

void ThrowIfFailed(const msg::PlacementGroupReply& reply) {
  if (reply.status() != 0) internal::ThrowError(static_cast<StatusCode>(reply.status()), reply.message());
}

}  // namespace

Bundle bundle(double num_cpus, double num_gpus, const std::map<std::string, double>& resources) {
  Bundle made;
  made.resources.Set(ResourceKind::kCpu, FixedPoint::FromDouble(num_cpus));
  made.resources.Set(ResourceKind::kGpu, FixedPoint::FromDouble(num_gpus));
  for (const auto& [name, amount] : resources) made.resources.Set(name, FixedPoint::FromDouble(amount));
  return made;
}

PlacementGroup internal::CreateGroup(Client& client, const std::vector<Bundle>& bundles,
                                     const PlacementGroupOptions& options) {
  if (const Status status = ValidateBundles(bundles); !status.ok()) throw Error(status.code(), status.message());
  const PlacementGroup group{{client.identity().worker, client.NewPut().task.index},
                             static_cast<uint32_t>(bundles.size())};
  Draft<msg::CreatePlacementGroup> create;
  msg::PlacementGroupInfo& info = *create->mutable_group();
  ToProto(group.id, info.mutable_group());
  info.set_name(options.name);
  info.set_name_space(options.name_space);
  info.set_strategy(static_cast<uint32_t>(options.strategy));
  info.set_detached(options.detached);
  for (const Bundle& wanted : bundles) {
    msg::BundleSpec* out = info.add_bundles();
    out->set_index(static_cast<uint32_t>(info.bundles_size() - 1));
    SchedulingRequest spec;
    spec.resources = wanted.resources;
    spec.strategy.hard_labels = wanted.labels;
    ToProto(spec, out->mutable_spec());
  }
  const Message reply = client.AskAboutGroup(std::move(create));
  ThrowIfFailed(reply.As<msg::PlacementGroupReply>());
  return group;
}

void internal::RemoveGroup(Client& client, const PlacementGroup& group) {
  Draft<msg::RemovePlacementGroup> removal;
  ToProto(group.id, removal->mutable_group());
  const Message reply = client.AskAboutGroup(std::move(removal));
  ThrowIfFailed(reply.As<msg::PlacementGroupReply>());
}

PlacementGroup placement_group(const std::vector<Bundle>& bundles, const PlacementGroupOptions& options) {
  return internal::CreateGroup(internal::Client::Current(), bundles, options);
}

PlacementGroup get_placement_group(const std::string& name, const std::string& name_space) {
  Draft<msg::FindPlacementGroup> find;
  find->set_name(name);
  find->set_name_space(name_space);
  const Message answer = Ask(std::move(find));
  const auto& reply = answer.As<msg::PlacementGroupReply>();
  ThrowIfFailed(reply);
  return {FromProto(reply.group().group()), static_cast<uint32_t>(reply.group().bundles_size())};
}

void remove_placement_group(const PlacementGroup& group) { internal::RemoveGroup(internal::Client::Current(), group); }

bool PlacementGroup::wait(std::optional<std::chrono::nanoseconds> timeout) const {
  const Message answer = Await(id, timeout ? timeout->count() : -1, false);
  const auto& reply = answer.As<msg::PlacementGroupReply>();
  if (static_cast<StatusCode>(reply.status()) == StatusCode::kPlacementGroupRemoved) ThrowIfFailed(reply);
  return static_cast<PlacementGroupPhase>(reply.group().state()) == PlacementGroupPhase::kCreated;
}

PlacementGroupStatus PlacementGroup::status() const {
  const Message answer = Await(id, -1, true);
  const auto& reply = answer.As<msg::PlacementGroupReply>();
  PlacementGroupStatus status;
  status.why = reply.message();
  if (!reply.has_group()) return status;
  status.phase = static_cast<PlacementGroupPhase>(reply.group().state());
  for (const msg::BundleSpec& placed : reply.group().bundles()) status.nodes.push_back(NodeId{placed.node()});
  return status;
}

SchedulingStrategy InPlacementGroup(const PlacementGroup& group, int32_t bundle, bool capture_child_tasks) {
  if (!group.id) throw Error(StatusCode::kInvalidArgument, "an empty placement group handle");
  if (bundle < SchedulingStrategy::kAnyBundle || bundle >= static_cast<int32_t>(group.bundle_count)) {
    throw Error(StatusCode::kInvalidArgument, ToString(group.id) + " has no bundle " + std::to_string(bundle) +
                                                  ": its " + std::to_string(group.bundle_count) + " count from 0");
  }
  SchedulingStrategy strategy;
  strategy.kind = SchedulingStrategy::Kind::kPlacementGroup;
  strategy.group = group.id;
  strategy.bundle = bundle;
  strategy.capture_child_tasks = capture_child_tasks;
  return strategy;
}

std::optional<PlacementGroupId> current_placement_group() {
  const internal::RunningTask* task = internal::CurrentTask();
  if (task == nullptr || !task->in.capture) return std::nullopt;
  return task->in.capture;
}

}  // namespace orrery
