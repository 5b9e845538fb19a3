#include "runtime/messages/convert.h"

#include <gtest/gtest.h>

#include "runtime/messages/orrery.pb.h"

namespace orrery {
namespace {

TEST(Convert, IdsAndAddressesComeBack) {
  const WorkerId owner = WorkerId::Of(NodeId{3}, 0xffffffff);
  msg::LeaseKey lease;
  ToProto(LeaseId{owner, 9}, &lease);
  EXPECT_EQ(FromProto(lease), (LeaseId{owner, 9}));
  msg::ObjectKey object;
  ToProto(ObjectId{{owner, 7}, 2}, &object);
  EXPECT_EQ(FromProto(object), (ObjectId{{owner, 7}, 2}));
  msg::AddressProto address;
  ToProto(Address{0xffffffffffffffff, 5}, &address);
  EXPECT_EQ(FromProto(address), (Address{0xffffffffffffffff, 5}));
}

TEST(Convert, ResourcesComeBackWithCustomAndNegativeAmounts) {
  ResourceSet resources = ResourceSet::Cpu(0.5);
  resources.Set(ResourceKind::kGpu, FixedPoint{-1}).Set("disk", FixedPoint::Whole(3)).Set("a b", FixedPoint{1});
  google::protobuf::RepeatedPtrField<msg::ResourceAmount> wire;
  ToProto(resources, &wire);
  EXPECT_EQ(wire.size(), 4);  // zeros are not sent
  EXPECT_EQ(FromProto(wire), resources);
  ToProto(ResourceSet(), &wire);
  EXPECT_EQ(wire.size(), 0);  // and what was there before is cleared
}

TEST(Convert, LabelsComeBack) {
  const Labels labels = {{"zone", "a"}, {"empty", ""}};
  google::protobuf::RepeatedPtrField<msg::Label> wire;
  ToProto(labels, &wire);
  ToProto(labels, &wire);
  EXPECT_EQ(wire.size(), 2);
  EXPECT_EQ(FromProto(wire), labels);
}

SchedulingRequest FullRequest() {
  using Op = LabelExpression::Op;
  SchedulingRequest request;
  request.resources = ResourceSet::Cpu(2).Set("disk", FixedPoint::Whole(1));
  request.strategy.kind = SchedulingStrategy::Kind::kNodeAffinity;
  request.strategy.affinity_node = 12;
  request.strategy.soft = true;
  request.strategy.hard_labels = {{"zone", Op::kIn, {"a", "b"}}, {"rack", Op::kDoesNotExist, {}}};
  request.strategy.soft_labels = {{"gpu", Op::kNotIn, {"T4"}}, {"ssd", Op::kExists, {}}};
  request.strategy.fallbacks = {{{"zone", Op::kNotIn, {"c"}}}, {}};
  return request;
}

TEST(Convert, SchedulingRequestsComeBackWhole) {
  msg::SchedulingSpec wire;
  ToProto(FullRequest(), &wire);
  EXPECT_EQ(FromProto(wire) <=> FullRequest(), std::strong_ordering::equal);
  ToProto(SchedulingRequest(), &wire);
  EXPECT_EQ(FromProto(wire) <=> SchedulingRequest(), std::strong_ordering::equal);
}

TEST(Convert, UnknownEnumValuesFromAnotherVersionBecomeTheDefault) {
  msg::SchedulingSpec wire;
  ToProto(FullRequest(), &wire);
  wire.set_strategy(200);
  wire.mutable_hard_labels(0)->set_op(200);
  const SchedulingRequest request = FromProto(wire);
  EXPECT_EQ(request.strategy.kind, SchedulingStrategy::Kind::kDefault);
  EXPECT_EQ(request.strategy.hard_labels[0].op, LabelExpression::Op::kIn);
}

}  // namespace
}  // namespace orrery
