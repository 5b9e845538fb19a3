#include "sim/scenario/swf.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace orrery {
namespace {

const std::string kGood = "1 100 5 60 1 -1 -1 1 -1 -1 -1 3 -1 -1 -1 8 -1 -1\n";

std::string ErrorOf(const std::string& text) {
  const auto trace = ParseSwf(text, "log.swf");
  return trace.ok() ? "accepted" : trace.status().message();
}
const std::string kHint = " (on_bad_row: drop leaves such rows out)";

TEST(Swf, JobsBecomeTasks) {
  const auto trace = ParseSwf("; Version: 2.2\n;\n\n" + kGood +
                                  "  2  90 0 1.5 4 -1 1000 8 -1 2000 1 -1 -1 -1 -1 -1 -1 -1\r\n"
                                  "3 95 0 7 -1 -1 -1 2 -1 -1 0 -1 -1 -1 -1 -1 -1 -1",
                              "log.swf");
  ASSERT_TRUE(trace.ok()) << trace.status().message();
  const auto& tasks = trace.value().tasks;
  ASSERT_EQ(tasks.size(), 3u);
  EXPECT_EQ(tasks[0].name, "2") << "sorted by submit time, which starts at zero";
  EXPECT_EQ(tasks[0].submit_time, Time{});
  EXPECT_EQ(tasks[0].duration, Duration::Millis(1500));
  EXPECT_EQ(tasks[0].resources, ResourceSet::Cpu(4));
  EXPECT_EQ(tasks[0].memory_bytes, 4 * 1000 * 1024);
  EXPECT_EQ(tasks[1].resources, ResourceSet::Cpu(2)) << "requested processors where the allocated are unknown";
  EXPECT_EQ(tasks[2].submit_time.ns, Duration::Seconds(10).ns);
}

TEST(Swf, BadRowsAreErrorsWithTheirRow) {
  EXPECT_EQ(ErrorOf("; c\n" + kGood + "2 100 5 60 1 -1\n"),
            "log.swf:3: expected 18 fields, found 6 (is the file cut off?)" + kHint);
  EXPECT_EQ(ErrorOf(kGood + "2 100 5 sixty 1 -1 -1 1 -1 -1 -1 3 -1 -1 -1 8 -1 -1\n"),
            "log.swf:2: field 4 is not a number: 'sixty'" + kHint);
  EXPECT_EQ(ErrorOf("2 100 5 60s 1 -1 -1 1 -1 -1 -1 3 -1 -1 -1 8 -1 -1\n"),
            "log.swf:1: field 4 is not a number: '60s'" + kHint);
  EXPECT_EQ(ErrorOf("2 100 5 -1 1 -1 -1 1 -1 -1 -1 3 -1 -1 -1 8 -1 -1\n"),
            "log.swf:1: field 4: the run time is unknown or out of range" + kHint);
  EXPECT_EQ(ErrorOf("2 -7 5 1 1 -1 -1 1 -1 -1 -1 3 -1 -1 -1 8 -1 -1\n"),
            "log.swf:1: field 2: the submit time is unknown or out of range" + kHint);
  EXPECT_EQ(ErrorOf("2 7 5 1 -1 -1 -1 -1 -1 -1 -1 3 -1 -1 -1 8 -1 -1\n"),
            "log.swf:1: fields 5 and 8: the number of processors is unknown or out of range" + kHint);
  EXPECT_EQ(ErrorOf("2 7 5 1 1 -1 -1 -1 -1 -1 -1 3 -1 -1 -1 8 -1 -1 9\n"),
            "log.swf:1: expected 18 fields, found more" + kHint);
}

TEST(Swf, BadRowsAreDroppedOnlyWhenAskedAndCounted) {
  TraceOptions options;
  options.on_bad_row = OnBadRow::kDrop;
  const auto trace =
      ParseSwf(kGood + "2 100 5 -1 1 -1 -1 1 -1 -1 -1 3 -1 -1 -1 8 -1 -1\n" + kGood + "4 100 5\n", "log.swf", options);
  ASSERT_TRUE(trace.ok());
  EXPECT_EQ(trace.value().tasks.size(), 2u);
  EXPECT_EQ(trace.value().report.rows, 4);
  EXPECT_EQ(trace.value().report.dropped, 2);
  EXPECT_EQ(trace.value().report.first_dropped,
            (std::vector<std::string>{"log.swf:2: field 4: the run time is unknown or out of range",
                                      "log.swf:4: expected 18 fields, found 3 (is the file cut off?)"}));
}

TEST(Swf, LimitAndTimeScale) {
  TraceOptions options;
  options.limit = 2;
  options.time_scale = 0.1;
  const auto trace = ParseSwf(kGood + "2 200 5 60 1 -1 -1 1 -1 -1 -1 3 -1 -1 -1 8 -1 -1\nbroken\n", "log.swf", options);
  ASSERT_TRUE(trace.ok()) << trace.status().message();
  ASSERT_EQ(trace.value().tasks.size(), 2u);
  EXPECT_EQ(trace.value().tasks[1].submit_time.ns, Duration::Seconds(10).ns);
  EXPECT_EQ(trace.value().tasks[1].duration, Duration::Seconds(6));
}

TEST(Swf, LcgGridLog) {
  const char* folder = std::getenv("ORRERY_TRACES");
  if (folder == nullptr) GTEST_SKIP() << "set ORRERY_TRACES to the folder with lcg/LCG.swf.gz to run this test";
  const auto trace = ReadSwf(std::string(folder) + "/lcg/LCG.swf.gz");
  if (!trace.ok() && trace.status().code() == StatusCode::kNotFound) GTEST_SKIP() << trace.status().message();
  ASSERT_TRUE(trace.ok()) << trace.status().message();
  EXPECT_EQ(trace.value().tasks.size(), 188'041u);
  EXPECT_EQ(trace.value().report.dropped, 0);
  int64_t seconds = 0;
  for (const TraceTask& task : trace.value().tasks) seconds += task.duration.ns / 1'000'000'000;
  EXPECT_EQ(seconds, 1'502'530'759);
}

}  // namespace
}  // namespace orrery
