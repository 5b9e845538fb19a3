#include "runtime/messages/convert.h"

#include <algorithm>

#include "runtime/messages/orrery.pb.h"

namespace orrery {

namespace {

using google::protobuf::RepeatedPtrField;
constexpr uint32_t kCustomResource = 15;

void ToProto(const LabelSelector& selector, RepeatedPtrField<msg::LabelCondition>* out) {
  out->Clear();
  for (const LabelExpression& expression : selector) {
    msg::LabelCondition* condition = out->Add();
    condition->set_key(expression.key);
    condition->set_op(static_cast<uint32_t>(expression.op));
    for (const std::string& value : expression.values) condition->add_values(value);
  }
}

LabelSelector FromProto(const RepeatedPtrField<msg::LabelCondition>& proto) {
  LabelSelector selector;
  for (const msg::LabelCondition& condition : proto) {
    const uint32_t op = condition.op() <= 3 ? condition.op() : 0;
    selector.push_back({condition.key(),
                        static_cast<LabelExpression::Op>(op),
                        {condition.values().begin(), condition.values().end()}});
  }
  return selector;
}

}  // namespace

void ToProto(const Address& address, msg::AddressProto* out) {
  out->set_endpoint(address.endpoint);
  out->set_incarnation(address.incarnation);
}

Address FromProto(const msg::AddressProto& proto) { return {proto.endpoint(), proto.incarnation()}; }

void ToProto(LeaseId lease, msg::LeaseKey* out) {
  out->set_owner(lease.owner.value);
  out->set_index(lease.index);
}

LeaseId FromProto(const msg::LeaseKey& proto) { return {{proto.owner()}, proto.index()}; }

void ToProto(ActorId actor, msg::ActorKey* out) {
  out->set_owner(actor.owner.value);
  out->set_index(actor.index);
}

ActorId FromProto(const msg::ActorKey& proto) { return {WorkerId{proto.owner()}, proto.index()}; }

void ToProto(PlacementGroupId group, msg::GroupKey* out) {
  out->set_owner(group.owner.value);
  out->set_index(group.index);
}

PlacementGroupId FromProto(const msg::GroupKey& proto) { return {WorkerId{proto.owner()}, proto.index()}; }

void ToProto(ObjectId object, msg::ObjectKey* out) {
  out->set_owner(object.task.owner.value);
  out->set_task(object.task.index);
  out->set_index(object.index);
}

ObjectId FromProto(const msg::ObjectKey& proto) { return {{{proto.owner()}, proto.task()}, proto.index()}; }

void ToProto(const ObjectReference& reference, msg::RefProto* out) {
  out->set_owner(reference.id.task.owner.value);
  out->set_task(reference.id.task.index);
  out->set_index(reference.id.index);
  ToProto(reference.owner, out->mutable_owner_address());
}

ObjectReference FromProto(const msg::RefProto& proto) {
  return {{{{proto.owner()}, proto.task()}, proto.index()}, FromProto(proto.owner_address())};
}

void ToProto(const ResourceSet& resources, RepeatedPtrField<msg::ResourceAmount>* out) {
  out->Clear();
  for (size_t i = 0; i < kPredefinedResources; ++i) {
    const FixedPoint amount = resources.Get(static_cast<ResourceKind>(i));
    if (amount.raw == 0) continue;
    msg::ResourceAmount* entry = out->Add();
    entry->set_kind(static_cast<uint32_t>(i));
    entry->set_raw(amount.raw);
  }
  for (const auto& [name, amount] : resources.custom()) {
    msg::ResourceAmount* entry = out->Add();
    entry->set_kind(kCustomResource);
    entry->set_name(name);
    entry->set_raw(amount.raw);
  }
}

ResourceSet FromProto(const RepeatedPtrField<msg::ResourceAmount>& proto) {
  ResourceSet resources;
  for (const msg::ResourceAmount& entry : proto) {
    if (entry.kind() < kPredefinedResources) {
      resources.Set(static_cast<ResourceKind>(entry.kind()), {entry.raw()});
    } else {
      resources.Set(entry.name(), {entry.raw()});
    }
  }
  return resources;
}

void ToProto(const Labels& labels, RepeatedPtrField<msg::Label>* out) {
  out->Clear();
  for (const auto& [key, value] : labels) {
    msg::Label* label = out->Add();
    label->set_key(key);
    label->set_value(value);
  }
}

Labels FromProto(const RepeatedPtrField<msg::Label>& proto) {
  Labels labels;
  for (const msg::Label& label : proto) labels[label.key()] = label.value();
  return labels;
}

void ToProto(const SchedulingRequest& request, msg::SchedulingSpec* out) {
  ToProto(request.resources, out->mutable_resources());
  out->set_strategy(static_cast<uint32_t>(request.strategy.kind));
  out->set_affinity_node(request.strategy.affinity_node);
  out->set_soft(request.strategy.soft);
  ToProto(request.strategy.hard_labels, out->mutable_hard_labels());
  ToProto(request.strategy.soft_labels, out->mutable_soft_labels());
  out->clear_fallbacks();
  for (const LabelSelector& selector : request.strategy.fallbacks)
    ToProto(selector, out->add_fallbacks()->mutable_conditions());
  if (request.strategy.kind != SchedulingStrategy::Kind::kPlacementGroup) return;
  ToProto(request.strategy.group, out->mutable_group());
  out->set_bundle(request.strategy.bundle);
  out->set_capture_child_tasks(request.strategy.capture_child_tasks);
}

SchedulingRequest FromProto(const msg::SchedulingSpec& proto) {
  SchedulingRequest request;
  request.resources = FromProto(proto.resources());
  const uint32_t kind = proto.strategy() <= 4 ? proto.strategy() : 0;
  request.strategy.kind = static_cast<SchedulingStrategy::Kind>(kind);
  request.strategy.affinity_node = proto.affinity_node();
  request.strategy.soft = proto.soft();
  request.strategy.hard_labels = FromProto(proto.hard_labels());
  request.strategy.soft_labels = FromProto(proto.soft_labels());
  for (const msg::LabelConditions& selector : proto.fallbacks())
    request.strategy.fallbacks.push_back(FromProto(selector.conditions()));
  if (request.strategy.kind != SchedulingStrategy::Kind::kPlacementGroup) return request;
  request.strategy.group = FromProto(proto.group());
  request.strategy.bundle = std::max(SchedulingStrategy::kAnyBundle, proto.bundle());
  request.strategy.capture_child_tasks = proto.capture_child_tasks();
  return request;
}

}  // namespace orrery
