#include "runtime/common/resources.h"

#include <gtest/gtest.h>

namespace orrery {
namespace {

ResourceSet Node() {
  return ResourceSet::Cpu(4)
      .Set(ResourceKind::kMemory, FixedPoint::Whole(1 << 30))
      .Set(ResourceKind::kGpu, FixedPoint::Whole(2))
      .Set("disk", FixedPoint::Whole(3));
}

TEST(ResourceSet, AbsentMeansZero) {
  const ResourceSet empty;
  EXPECT_TRUE(empty.empty());
  EXPECT_EQ(empty.Get(ResourceKind::kCpu), FixedPoint{});
  EXPECT_EQ(empty.Get("anything"), FixedPoint{});
}

TEST(ResourceSet, PredefinedNamesReachThePredefinedAmounts) {
  ResourceSet set;
  set.Set("CPU", FixedPoint::Whole(2)).Set("object_store_memory", FixedPoint::Whole(9));
  EXPECT_EQ(set.Get(ResourceKind::kCpu), FixedPoint::Whole(2));
  EXPECT_EQ(set.Get(ResourceKind::kObjectStoreMemory), FixedPoint::Whole(9));
  EXPECT_TRUE(set.custom().empty());
}

TEST(ResourceSet, CustomEntriesAreSortedAndNeverZero) {
  ResourceSet set;
  set.Set("b", FixedPoint::Whole(1)).Set("a", FixedPoint::Whole(2)).Set("c", FixedPoint::Whole(3));
  ASSERT_EQ(set.custom().size(), 3u);
  EXPECT_EQ(set.custom()[0].first, "a");
  EXPECT_EQ(set.custom()[2].first, "c");
  set.Set("b", FixedPoint{});
  EXPECT_EQ(set.custom().size(), 2u);
  set.Set("never", FixedPoint{});
  EXPECT_EQ(set.custom().size(), 2u);
}

TEST(ResourceSet, OrderOfSettingDoesNotShow) {
  ResourceSet one, two;
  one.Set("x", FixedPoint::Whole(1)).Set("y", FixedPoint::Whole(2));
  two.Set("y", FixedPoint::Whole(2)).Set("x", FixedPoint::Whole(1));
  EXPECT_EQ(one, two);
  EXPECT_EQ(one <=> two, std::strong_ordering::equal);
}

TEST(ResourceSet, FitsWhereEveryAmountFits) {
  EXPECT_TRUE(ResourceSet::Cpu(4).FitsIn(Node()));
  EXPECT_FALSE(ResourceSet::Cpu(4.0001).FitsIn(Node()));
  EXPECT_TRUE(Node().FitsIn(Node()));
  EXPECT_FALSE(ResourceSet().Set("disk", FixedPoint::Whole(4)).FitsIn(Node()));
  EXPECT_FALSE(ResourceSet().Set("licence", FixedPoint::Milli(1)).FitsIn(Node()));
  EXPECT_TRUE(ResourceSet().FitsIn(ResourceSet()));
}

TEST(ResourceSet, TakingAndGivingBackRestoresTheSet) {
  ResourceSet left = Node();
  left -= Node();
  EXPECT_TRUE(left.empty());
  EXPECT_TRUE(left.custom().empty());
  left += Node();
  EXPECT_EQ(left, Node());
}

TEST(ResourceSet, SeesNegativeAmountsEverywhere) {
  ResourceSet set;
  EXPECT_FALSE(set.AnyNegative());
  set -= ResourceSet::Cpu(1);
  EXPECT_TRUE(set.AnyNegative());
  ResourceSet custom;
  custom -= ResourceSet().Set("disk", FixedPoint::Whole(1));
  EXPECT_TRUE(custom.AnyNegative());
}

TEST(ResourceSet, PrintsInFixedOrder) {
  EXPECT_EQ(ToString(Node()), "{CPU: 4, memory: 1073741824, GPU: 2, disk: 3}");
  EXPECT_EQ(ToString(ResourceSet()), "{}");
}

TEST(ValidateRequest, GpusAreBelowOneOrWhole) {
  const auto gpu = [](double amount) { return ResourceSet().Set(ResourceKind::kGpu, FixedPoint::FromDouble(amount)); };
  EXPECT_TRUE(ValidateRequest(gpu(0.25)).ok());
  EXPECT_TRUE(ValidateRequest(gpu(1)).ok());
  EXPECT_TRUE(ValidateRequest(gpu(8)).ok());
  const Status status = ValidateRequest(gpu(1.5));
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("1.5"), std::string::npos);
  EXPECT_TRUE(ValidateRequest(ResourceSet::Cpu(1.5)).ok());
}

TEST(ValidateRequest, RefusesNegativeAmounts) {
  EXPECT_FALSE(ValidateRequest(ResourceSet::Cpu(-1)).ok());
  EXPECT_FALSE(ValidateRequest(ResourceSet().Set("disk", FixedPoint::Whole(-1))).ok());
}

TEST(LabelExpression, FollowsItsOperator) {
  using Op = LabelExpression::Op;
  const Labels labels = {{"zone", "a"}, {"gpu", "A100"}};
  const auto matches = [&](std::string key, Op op, std::vector<std::string> values) {
    return LabelExpression{std::move(key), op, std::move(values)}.Matches(labels);
  };
  EXPECT_TRUE(matches("zone", Op::kIn, {"b", "a"}));
  EXPECT_FALSE(matches("zone", Op::kIn, {"b"}));
  EXPECT_FALSE(matches("rack", Op::kIn, {"a"}));
  EXPECT_FALSE(matches("zone", Op::kNotIn, {"a"}));
  EXPECT_TRUE(matches("zone", Op::kNotIn, {"b"}));
  EXPECT_TRUE(matches("rack", Op::kNotIn, {"a"}));  // a node without the label is not in the list
  EXPECT_TRUE(matches("gpu", Op::kExists, {}));
  EXPECT_FALSE(matches("rack", Op::kExists, {}));
  EXPECT_TRUE(matches("rack", Op::kDoesNotExist, {}));
  EXPECT_FALSE(matches("gpu", Op::kDoesNotExist, {}));
}

TEST(LabelExpression, IsReadFromWords) {
  using Op = LabelExpression::Op;
  const auto read = [](const char* text) { return ParseLabelExpression("zone", text).value(); };
  EXPECT_EQ(read("a"), (LabelExpression{"zone", Op::kIn, {"a"}}));
  EXPECT_EQ(read("!a"), (LabelExpression{"zone", Op::kNotIn, {"a"}}));
  EXPECT_EQ(read("in(b, a)"), (LabelExpression{"zone", Op::kIn, {"a", "b"}}));
  EXPECT_EQ(read("!in(b,a)"), (LabelExpression{"zone", Op::kNotIn, {"a", "b"}}));
  EXPECT_EQ(read("in a"), (LabelExpression{"zone", Op::kIn, {"in a"}}));
  for (const char* text : {"", "!", "in()", "in(a,)", "!in(,a)"})
    EXPECT_EQ(ParseLabelExpression("zone", text).status().code(), StatusCode::kInvalidArgument) << text;
}

TEST(LabelSelector, OneOfSeveralIsEnough) {
  using Op = LabelExpression::Op;
  SchedulingStrategy strategy;
  strategy.hard_labels = {{"zone", Op::kIn, {"a"}}};
  strategy.fallbacks = {{{"zone", Op::kIn, {"b"}}, {"disk", Op::kExists, {}}}};
  EXPECT_TRUE(MatchesAny(strategy, {{"zone", "a"}}));
  EXPECT_TRUE(MatchesAny(strategy, {{"zone", "b"}, {"disk", "ssd"}}));
  EXPECT_FALSE(MatchesAny(strategy, {{"zone", "b"}}));
}

TEST(LabelSelector, NeedsEveryExpressionAndEmptyMatchesAll) {
  using Op = LabelExpression::Op;
  const Labels labels = {{"zone", "a"}};
  EXPECT_TRUE(Matches(LabelSelector{}, labels));
  EXPECT_TRUE(Matches({{"zone", Op::kIn, {"a"}}, {"rack", Op::kDoesNotExist, {}}}, labels));
  EXPECT_FALSE(Matches({{"zone", Op::kIn, {"a"}}, {"rack", Op::kExists, {}}}, labels));
}

TEST(SchedulingRequest, EqualRequestsAreOneClass) {
  SchedulingRequest one{ResourceSet::Cpu(1), {}}, two{ResourceSet::Cpu(1), {}};
  EXPECT_EQ(one <=> two, std::strong_ordering::equal);
  two.strategy.kind = SchedulingStrategy::Kind::kSpread;
  EXPECT_NE(one <=> two, std::strong_ordering::equal);
}

}  // namespace
}  // namespace orrery
