#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <fstream>
#include <limits>

#include "sim/record/columns.h"
#include "sim/record/csv_writer.h"

namespace orrery {
namespace {

std::string Number(double value) {
  std::string out;
  AppendNumber(out, value);
  return out;
}
std::string Seconds(int64_t ns) {
  std::string out;
  AppendSeconds(out, ns);
  return out;
}

TEST(Csv, NumbersAreShortestAndReadBackExactly) {
  EXPECT_EQ(Number(0.1), "0.1");
  EXPECT_EQ(Number(1), "1");
  EXPECT_EQ(Number(-2.5), "-2.5");
  EXPECT_EQ(Number(1.0 / 3), "0.3333333333333333");
  EXPECT_EQ(std::stod(Number(0.1 + 0.2)), 0.1 + 0.2);
  EXPECT_EQ(Number(std::nan("")), "");
  EXPECT_EQ(Number(std::numeric_limits<double>::infinity()), "");
}

TEST(Csv, NanosecondsBecomeExactSeconds) {
  EXPECT_EQ(Seconds(0), "0");
  EXPECT_EQ(Seconds(1), "0.000000001");
  EXPECT_EQ(Seconds(1'500'000), "0.0015");
  EXPECT_EQ(Seconds(12'000'000'000), "12");
  EXPECT_EQ(Seconds(-1'000'000'001), "-1.000000001");
  EXPECT_EQ(Seconds(std::numeric_limits<int64_t>::max()), "9223372036.854775807");
  EXPECT_EQ(Seconds(std::numeric_limits<int64_t>::min()), "-9223372036.854775808");
}

TEST(Csv, FieldsAreQuotedOnlyWhereRfc4180DemandsIt) {
  const std::string path = testing::TempDir() + "orrery-csv-test.csv";
  {
    CsvWriter csv(path, "a,b\n");
    csv.Text("plain").Text("comma, quote \" and\nbreak").EndRow();
    csv.Empty().Integer(-7).EndRow();
    ASSERT_TRUE(csv.Close().ok());
  }
  std::ifstream in(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(in)), {});
  EXPECT_EQ(text, "a,b\nplain,\"comma, quote \"\" and\nbreak\"\n,-7\n");
  std::remove(path.c_str());
}

TEST(Csv, AnUnwritableFileIsReportedByName) {
  CsvWriter csv("/nonexistent-folder/x.csv", "a\n");
  csv.Text("1").EndRow();
  const Status status = csv.Close();
  EXPECT_EQ(status.code(), StatusCode::kUnavailable);
  EXPECT_NE(status.message().find("/nonexistent-folder/x.csv"), std::string::npos);
}

TEST(Columns, HeadersAreAsOthersReadThem) {
  EXPECT_EQ(HeaderRow(TableOf("tasks")),
            "task_id,name,job,attempts,node,worker,cpus,gpus,submit_time_s,start_time_s,finish_time_s,wait_time_s,"
            "run_time_s,turnaround_time_s,bounded_slowdown,status\n");
  EXPECT_EQ(HeaderRow(TableOf("nodes")),
            "node_id,name,type,cpus,gpus,memory_bytes,join_time_s,leave_time_s,busy_cpu_seconds,utilization\n");
  EXPECT_DEATH(TableOf("task"), "known table");
}

TEST(Columns, EveryColumnHasAMeaningAndTimesHaveAUnit) {
  for (const TableSpec& table : Tables()) {
    for (const Column& column : table.columns) {
      EXPECT_FALSE(column.meaning.empty()) << column.name;
      EXPECT_TRUE(!column.name.ends_with("_s") || column.unit == "s") << column.name;
      EXPECT_TRUE(!column.name.ends_with("_bytes") || column.unit == "B") << column.name;
    }
  }
}

}  // namespace
}  // namespace orrery
