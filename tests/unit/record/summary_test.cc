#include "sim/record/summary.h"

#include <gtest/gtest.h>

#include <cmath>

#include "sim/record/checks.h"

namespace orrery {
namespace {

TEST(Summary, KeepsTheOrderOfItsKeys) {
  Summary summary;
  summary.SetString("schema", "orrery.summary");
  summary.SetNumber("wait_s.p95", 0.25);
  summary.SetInteger("events", 7);
  summary.SetNumber("wait_s.mean", 0.125);
  summary.SetNumber("bad", NAN);
  summary.SetBool("flag", true);
  summary.SetUnsigned("seed", UINT64_MAX);
  EXPECT_EQ(
      summary.ToJson(false),
      "{\"schema\":\"orrery.summary\",\"wait_s\":{\"p95\":0.25,\"mean\":0.125},\"events\":7,\"bad\":null,\"flag\":true,"
      "\"seed\":18446744073709551615}");
  EXPECT_EQ(summary.NumberPaths(), (std::vector<std::string>{"wait_s.p95", "wait_s.mean", "events", "flag", "seed"}));
}

TEST(Summary, NumbersAreFoundByPath) {
  Summary summary;
  summary.SetNumber("a.b.c", 2.5);
  summary.SetString("name", "x");
  EXPECT_EQ(summary.Number("a.b.c"), 2.5);
  EXPECT_FALSE(summary.Number("a.b"));
  EXPECT_FALSE(summary.Number("a.b.c.d"));
  EXPECT_FALSE(summary.Number("name"));
  EXPECT_EQ(summary.String("name"), "x");
}

TEST(Summary, CopiesAreDeepAndReadBack) {
  Summary one;
  one.SetNumber("x", 1);
  Summary two = one;
  two.SetNumber("x", 2);
  EXPECT_EQ(one.Number("x"), 1);
  Result<Summary> parsed = Summary::FromJson(two.ToJson());
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->ToJson(), two.ToJson());
  EXPECT_FALSE(Summary::FromJson("[1]").ok());
  EXPECT_FALSE(Summary::FromJson("{").ok());
}

TEST(Summary, NamesNeedNotBeUtf8) {
  Summary summary;
  summary.SetString("scenario", "a\xff");
  EXPECT_EQ(summary.ToJson(false), "{\"scenario\":\"a\xef\xbf\xbd\"}");
}

class ChecksTest : public testing::Test {
 protected:
  ChecksTest() {
    summary.SetInteger("tasks.submitted", 10);
    summary.SetInteger("tasks.finished", 9);
    summary.SetInteger("tasks.failed", 1);
    summary.SetNumber("wait_s.p95", 0.5);
    summary.SetNumber("littles_law.l", 4);
    summary.SetNumber("littles_law.lambda", 2);
    summary.SetNumber("littles_law.w", 1.96);
    summary.SetNumber("littles_law.error", 0.02);
  }
  static CheckSpec Spec(CheckSpec::Kind kind, double value = 0, double tolerance = 0, bool relative = true) {
    CheckSpec spec;
    spec.name = "check";
    spec.kind = kind;
    spec.metric = "wait_s.p95";
    spec.value = value;
    spec.tolerance = tolerance;
    spec.relative = relative;
    return spec;
  }
  bool Ok(const CheckSpec& spec) { return EvaluateCheck(spec, summary).ok; }
  Summary summary;
};

TEST_F(ChecksTest, Comparisons) {
  using Kind = CheckSpec::Kind;
  EXPECT_TRUE(Ok(Spec(Kind::kMax, 0.5)));
  EXPECT_FALSE(Ok(Spec(Kind::kMax, 0.49)));
  EXPECT_TRUE(Ok(Spec(Kind::kMin, 0.5)));
  EXPECT_FALSE(Ok(Spec(Kind::kMin, 0.51)));
  EXPECT_TRUE(Ok(Spec(Kind::kEquals, 0.5)));
  EXPECT_FALSE(Ok(Spec(Kind::kEquals, 0.5000001)));
  EXPECT_TRUE(Ok(Spec(Kind::kNear, 0.52, 0.05)));
  EXPECT_FALSE(Ok(Spec(Kind::kNear, 0.52, 0.03)));
  EXPECT_TRUE(Ok(Spec(Kind::kNear, 0.52, 0.03, false)));
  EXPECT_FALSE(Ok(Spec(Kind::kNear, 0.52, 0.01, false)));
  EXPECT_EQ(EvaluateCheck(Spec(Kind::kMax, 0.25), summary).detail, "wait_s.p95 = 0.5, not <= 0.25");
}

TEST_F(ChecksTest, Tasks) {
  using Kind = CheckSpec::Kind;
  EXPECT_TRUE(Ok(Spec(Kind::kAllTasksFinish)));
  EXPECT_FALSE(Ok(Spec(Kind::kNoTaskFails)));
  summary.SetInteger("tasks.failed", 0);
  EXPECT_FALSE(Ok(Spec(Kind::kAllTasksFinish)));
  EXPECT_TRUE(Ok(Spec(Kind::kNoTaskFails)));
}

TEST_F(ChecksTest, LittlesLaw) {
  EXPECT_TRUE(Ok(Spec(CheckSpec::Kind::kLittlesLaw, 0, 0.02)));
  EXPECT_FALSE(Ok(Spec(CheckSpec::Kind::kLittlesLaw, 0, 0.019)));
}

TEST_F(ChecksTest, AMetricThatIsNotThereFailsAndNamesTheNearest) {
  CheckSpec spec = Spec(CheckSpec::Kind::kMax, 1);
  spec.metric = "wait_s.p59";
  const CheckResult result = EvaluateCheck(spec, summary);
  EXPECT_FALSE(result.ok);
  EXPECT_EQ(result.detail, "the summary has no number wait_s.p59; did you mean wait_s.p95?");
}

TEST_F(ChecksTest, MeansOfSeedsAreComparedOnce) {
  CheckSpec spec = Spec(CheckSpec::Kind::kNear, 0.6, 0.01);
  spec.mean_of_seeds = true;
  Summary other = summary;
  other.SetNumber("wait_s.p95", 0.7);
  EXPECT_TRUE(EvaluateChecks({spec}, summary).empty());
  const auto results = EvaluateMeanChecks({spec, Spec(CheckSpec::Kind::kMax, 0)}, {&summary, &other});
  ASSERT_EQ(results.size(), 1u);
  EXPECT_TRUE(results[0].ok) << results[0].detail;
  EXPECT_FALSE(EvaluateMeanChecks({spec}, {&summary})[0].ok);
}

TEST_F(ChecksTest, TheSummaryKnowsWhetherAllAreOk) {
  EXPECT_TRUE(summary.ChecksOk());
  summary.SetChecks({{"one", true, ""}, {"two", true, ""}});
  EXPECT_TRUE(summary.ChecksOk());
  summary.SetChecks({{"one", true, ""}, {"two", false, "why"}});
  EXPECT_FALSE(summary.ChecksOk());
}

}  // namespace
}  // namespace orrery
