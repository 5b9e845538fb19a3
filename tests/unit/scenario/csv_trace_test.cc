#include "sim/scenario/csv_trace.h"

#include <gtest/gtest.h>

namespace orrery {
namespace {

Result<Trace> Parse(const std::string& text, const TraceSpec& spec = {}) { return ParseCsvTrace(text, "t.csv", spec); }
const std::string kHint = " (on_bad_row: drop leaves such rows out)";

TEST(CsvTrace, ColumnsByTheirOwnNamesWithUnitsBehind) {
  const auto trace =
      Parse("duration_ms,ignored,submit_time_s,cpus,gpus,memory_mib,name\n250,x,1.5,2,0.5,16,a\n5,y,1,,,,\n");
  ASSERT_TRUE(trace.ok()) << trace.status().message();
  const auto& tasks = trace.value().tasks;
  ASSERT_EQ(tasks.size(), 2u);
  EXPECT_EQ(tasks[0].name, "3") << "without a name, its row";
  EXPECT_EQ(tasks[0].resources, ResourceSet::Cpu(1)) << "empty fields take the template's values";
  EXPECT_EQ(tasks[1].name, "a");
  EXPECT_EQ(tasks[1].submit_time.ns, Duration::Millis(500).ns);
  EXPECT_EQ(tasks[1].duration, Duration::Millis(250));
  EXPECT_EQ(ToString(tasks[1].resources), "{CPU: 2, memory: 16777216, GPU: 0.5}");
  EXPECT_EQ(tasks[1].memory_bytes, 16777216);
}

TEST(CsvTrace, MappedColumns) {
  TraceSpec spec;
  spec.mapping = {{"submit_time", {"when", "ms"}}, {"duration", {"length_us", ""}}};
  const auto trace = Parse("when,length_us\n0,7\n2000,9\n", spec);
  ASSERT_TRUE(trace.ok()) << trace.status().message();
  EXPECT_EQ(trace.value().tasks[1].submit_time.ns, Duration::Seconds(2).ns);
  EXPECT_EQ(trace.value().tasks[1].duration, Duration::Micros(9)) << "the unit is read off the column's name";
  spec.mapping["duration"].name = "lenght_us";
  EXPECT_EQ(Parse("when,length_us\n", spec).status().message(),
            "t.csv:1: there is no column 'lenght_us'; did you mean 'length_us'?");
}

TEST(CsvTrace, MissingColumnsAndBadRows) {
  EXPECT_EQ(Parse("submit_time,x\n").status().message(),
            "t.csv:1: there is no column 'duration' (workload.trace.mapping names the columns)");
  EXPECT_EQ(Parse("submit_time,duration\n0,1\n1,-2\n").status().message(),
            "t.csv:3: duration '-2' is missing, negative, too large or not a number" + kHint);
  EXPECT_EQ(Parse("submit_time,duration\n0,1\n,2\n").status().message(),
            "t.csv:3: submit_time '' is missing, negative, too large or not a number" + kHint);
  EXPECT_EQ(Parse("submit_time,duration\n0,1\n3\n").status().message(), "t.csv:3: expected 2 fields, found 1" + kHint);
  EXPECT_EQ(Parse("submit_time,duration,gpus\n0,1,1.5\n").status().code(), StatusCode::kInvalidArgument);
}

TEST(CsvTrace, DroppedRowsAreCounted) {
  TraceSpec spec;
  spec.options.on_bad_row = OnBadRow::kDrop;
  const auto trace = Parse("submit_time,duration\n0,1\nx,2\n5\n2,2\n", spec);
  ASSERT_TRUE(trace.ok());
  EXPECT_EQ(trace.value().tasks.size(), 2u);
  EXPECT_EQ(trace.value().report.rows, 4);
  EXPECT_EQ(trace.value().report.dropped, 2);
  EXPECT_EQ(trace.value().report.first_dropped[1], "t.csv:4: expected 2 fields, found 1");
}

TEST(CsvTrace, TemplateLabelsAndCustomResourcesReachEveryTask) {
  TraceSpec spec;
  spec.path = testing::TempDir() + "/labels.csv";
  FILE* file = fopen(spec.path.c_str(), "w");
  ASSERT_NE(file, nullptr);
  fputs("submit_time,duration\n0,1\n", file);
  fclose(file);
  spec.task.resources.Set("slot", FixedPoint::Whole(1));
  spec.task.strategy.hard_labels = {{"zone", LabelExpression::Op::kIn, {"a"}}};
  const auto trace = LoadTrace(spec);
  ASSERT_TRUE(trace.ok()) << trace.status().message();
  EXPECT_EQ(ToString(trace.value().tasks[0].resources), "{CPU: 1, slot: 1}");
  EXPECT_FALSE(Matches(trace.value().tasks[0].labels, {{"zone", "b"}}));
  remove(spec.path.c_str());
  EXPECT_NE(LoadTrace(spec).status().message().find("--set workload.trace.path=FILE"), std::string::npos);
}

}  // namespace
}  // namespace orrery
