#include "runtime/common/settings.h"

#include <gtest/gtest.h>

#include <set>

namespace orrery {
namespace {

TEST(SetSetting, SetsEachKindOfKnob) {
  Settings settings;
  EXPECT_TRUE(SetSetting(settings, "placement", "fgd").ok());
  EXPECT_TRUE(SetSetting(settings, "spread_threshold", "0.25").ok());
  EXPECT_TRUE(SetSetting(settings, "task_max_retries", "-1").ok());
  EXPECT_TRUE(SetSetting(settings, "health_check_period", "1m30s").ok());
  EXPECT_EQ(settings.placement, "fgd");
  EXPECT_EQ(settings.spread_threshold, 0.25);
  EXPECT_EQ(settings.task_max_retries, -1);
  EXPECT_EQ(settings.health_check_period, Duration::Seconds(90));
}

TEST(SetSetting, UnknownNameNamesTheNearest) {
  Settings settings;
  const Status status = SetSetting(settings, "spred_treshold", "0.5");
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("did you mean 'spread_threshold'?"), std::string::npos) << status.message();
}

TEST(SetSetting, NothingNearMeansNoSuggestion) {
  Settings settings;
  const Status status = SetSetting(settings, "q", "1");
  EXPECT_FALSE(status.ok());
  EXPECT_EQ(status.message().find("did you mean"), std::string::npos) << status.message();
}

TEST(SetSetting, BadValuesAreRefusedAndChangeNothing) {
  Settings settings;
  const Settings before;
  for (const auto& [name, value] :
       std::vector<std::pair<const char*, const char*>>{{"spread_threshold", "1.5"},
                                                        {"spread_threshold", "-0.1"},
                                                        {"spread_threshold", "nan"},
                                                        {"spread_threshold", "half"},
                                                        {"spread_threshold", ""},
                                                        {"task_max_retries", "-2"},
                                                        {"task_max_retries", "3.5"},
                                                        {"task_max_retries", "3 "},
                                                        {"task_max_retries", "99999999999999999999"},
                                                        {"health_check_period", "3"},
                                                        {"health_check_period", "-3s"},
                                                        {"health_check_period", "3 s"}}) {
    const Status status = SetSetting(settings, name, value);
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << name << "=" << value;
    EXPECT_NE(status.message().find(name), std::string::npos) << status.message();
  }
  EXPECT_EQ(settings.spread_threshold, before.spread_threshold);
  EXPECT_EQ(settings.task_max_retries, before.task_max_retries);
  EXPECT_EQ(settings.health_check_period, before.health_check_period);
}

TEST(ListSettings, EveryListedValueIsAcceptedBack) {
  Settings settings;
  std::set<std::string> names;
  for (const SettingInfo& info : ListSettings(settings)) {
    EXPECT_TRUE(names.insert(info.name).second) << info.name << " is listed twice";
    EXPECT_TRUE(SetSetting(settings, info.name, info.value).ok()) << info.name << "=" << info.value;
  }
  for (size_t i = 0; i < ListSettings(settings).size(); ++i) {
    EXPECT_EQ(ListSettings(settings)[i].value, ListSettings(Settings())[i].value);
  }
  EXPECT_GE(names.size(), 20u);
}

TEST(NearestName, PicksByEditDistance) {
  const std::vector<std::string> names = {"cluster", "workload", "policy", "faults"};
  EXPECT_EQ(NearestName("clutser", names), "cluster");
  EXPECT_EQ(NearestName("work_load", names), "workload");
  EXPECT_EQ(NearestName("fault", names), "faults");
  EXPECT_EQ(NearestName("zzzzzzzzzz", names), "");
  EXPECT_EQ(NearestName("x", {}), "");
}

TEST(ParseDuration, ReadsUnitsAndTheirSums) {
  const auto parse = [](const char* text) { return ParseDuration(text).value(); };
  EXPECT_EQ(parse("250ms"), Duration::Millis(250));
  EXPECT_EQ(parse("1h30m"), Duration::Seconds(5400));
  EXPECT_EQ(parse("10us"), Duration::Micros(10));
  EXPECT_EQ(parse("5ns"), Duration::Nanos(5));
  EXPECT_EQ(parse("1.5s"), Duration::Millis(1500));
  EXPECT_EQ(parse("2d"), Duration::Seconds(172800));
  EXPECT_EQ(parse("0"), Duration{});
}

TEST(ParseDuration, RefusesWhatIsNotOne) {
  for (const char* text : {"", "5", "-1s", "s", "1.2.3s", "1 s", "1s ", "1week", "1S", "1e3s", "300000d"}) {
    EXPECT_FALSE(ParseDuration(text).ok()) << text;
  }
}

TEST(ParseDuration, ReadsWhatToStringWrites) {
  for (int64_t ns : {int64_t{0}, int64_t{1}, int64_t{1'500}, int64_t{2'000'000}, int64_t{90'000'000'000},
                     int64_t{7'200'000'000'000}, int64_t{86'400'000'000'000}}) {
    EXPECT_EQ(ParseDuration(ToString(Duration{ns})).value().ns, ns) << ToString(Duration{ns});
  }
}

TEST(DurationText, UsesTheLargestExactUnit) {
  EXPECT_EQ(ToString(Duration::Millis(500)), "500ms");
  EXPECT_EQ(ToString(Duration::Seconds(120)), "2m");
  EXPECT_EQ(ToString(Duration::Seconds(90)), "90s");
}

}  // namespace
}  // namespace orrery
