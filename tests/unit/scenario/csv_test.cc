#include "sim/scenario/csv.h"

#include <gtest/gtest.h>
#include <unistd.h>
#include <zlib.h>

#include "sim/scenario/input_file.h"

namespace orrery {
namespace {

std::string ErrorOf(const std::string& text) {
  const auto reader = CsvReader::Open(text, "f.csv");
  return reader.ok() ? "accepted" : reader.status().message();
}

TEST(Csv, ColumnsByNameQuotesBlanksAndCrLf) {
  auto reader = CsvReader::Open(
      "\xEF\xBB\xBF"
      "a, b ,c\r\n1,\"x,\"\"y\"\"\",3\r\n\r\n 4 ,,6",
      "f.csv");
  ASSERT_TRUE(reader.ok()) << reader.status().message();
  EXPECT_EQ(reader->Column("b"), 1);
  EXPECT_EQ(reader->Column("d"), -1);
  ASSERT_EQ(reader->Next(), CsvReader::Row::kRow);
  EXPECT_EQ(reader->Field(1), "x,\"y\"");
  EXPECT_EQ(reader->row(), 2);
  ASSERT_EQ(reader->Next(), CsvReader::Row::kRow) << "a last line without line feed counts, an empty line does not";
  EXPECT_EQ(reader->Field(0), "4");
  EXPECT_EQ(reader->Field(1), "");
  EXPECT_EQ(reader->Field(-1), "");
  EXPECT_EQ(reader->row(), 4);
  EXPECT_EQ(reader->Next(), CsvReader::Row::kEnd);
}

TEST(Csv, BadRowsSayWhyAndReadingGoesOn) {
  auto reader = CsvReader::Open("a,b\n1\n1,2,3\n\"x,2\n3,4\n", "f.csv");
  ASSERT_TRUE(reader.ok());
  EXPECT_EQ(reader->Next(), CsvReader::Row::kBad);
  EXPECT_EQ(reader->Locate(reader->problem()), "f.csv:2: expected 2 fields, found 1");
  EXPECT_EQ(reader->Next(), CsvReader::Row::kBad);
  EXPECT_EQ(reader->Locate(reader->problem()), "f.csv:3: expected 2 fields, found 3");
  EXPECT_EQ(reader->Next(), CsvReader::Row::kBad);
  EXPECT_EQ(reader->Locate(reader->problem()), "f.csv:4: a quoted field is not closed on its line");
  ASSERT_EQ(reader->Next(), CsvReader::Row::kRow);
  EXPECT_EQ(reader->Field(0), "3");
}

TEST(Csv, HeadersThatCannotWork) {
  EXPECT_EQ(ErrorOf(""), "f.csv:1: there is no header line");
  EXPECT_EQ(ErrorOf("\n\n"), "f.csv:1: there is no header line");
  EXPECT_EQ(ErrorOf("a,b,a\n"), "f.csv:1: two columns are named 'a'");
  EXPECT_EQ(ErrorOf(std::string("a,b\n1,\0002\n", 9)), "f.csv:2: a NUL byte; this is not a text file");
  const auto reader = CsvReader::Open("submit,duration\n", "f.csv");
  EXPECT_EQ(reader.value().RequireColumn("submitt").status().message(),
            "f.csv:1: there is no column 'submitt'; did you mean 'submit'?");
}

TEST(Csv, LongLinesAndManyRows) {
  const std::string pad(3'000'000, 'x');
  std::string text = "n,pad\n0," + pad + "\n";
  constexpr int kRows = 100'000;
  for (int i = 1; i < kRows; ++i) text += std::to_string(i) + ",\n";
  auto reader = CsvReader::Open(std::move(text), "f.csv");
  ASSERT_TRUE(reader.ok());
  for (int64_t i = 0; i < kRows; ++i) {
    ASSERT_EQ(reader->Next(), CsvReader::Row::kRow);
    int64_t n = -1;
    ASSERT_TRUE(ParseField(reader->Field(0), n));
    ASSERT_EQ(n, i);
    ASSERT_EQ(reader->Field(1).size(), i == 0 ? pad.size() : 0u);
  }
  EXPECT_EQ(reader->Next(), CsvReader::Row::kEnd);
}

TEST(Csv, AMovedReaderGoesOn) {
  auto opened = CsvReader::Open("a\n1\n2\n", "f.csv");
  CsvReader reader = std::move(opened).value();  // also of a text short enough to be kept inside the string object
  ASSERT_EQ(reader.Next(), CsvReader::Row::kRow);
  EXPECT_EQ(reader.Field(0), "1");
}

TEST(Csv, Numbers) {
  int64_t whole = 0;
  double number = 0;
  EXPECT_TRUE(ParseField("12.0", whole));
  EXPECT_EQ(whole, 12);
  EXPECT_FALSE(ParseField("12.5", whole));
  EXPECT_FALSE(ParseField("12x", whole));
  EXPECT_FALSE(ParseField("", whole));
  EXPECT_FALSE(ParseField("inf", number));
  EXPECT_TRUE(ParseField("1e3", number));
  EXPECT_EQ(number, 1000);
}

TEST(InputFile, GzipIsUnpackedAndACutOneIsAnError) {
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += std::to_string(i * 7919) + "\n";
  const std::string path = testing::TempDir() + "/input.gz";
  gzFile file = gzopen(path.c_str(), "wb");
  ASSERT_EQ(gzwrite(file, text.data(), static_cast<unsigned>(text.size())), static_cast<int>(text.size()));
  gzclose(file);
  const auto whole = ReadInputFile(path);
  ASSERT_TRUE(whole.ok()) << whole.status().message();
  EXPECT_EQ(whole.value(), text);
  ASSERT_EQ(truncate(path.c_str(), 50'000), 0);
  const auto cut = ReadInputFile(path);
  ASSERT_FALSE(cut.ok());
  EXPECT_EQ(cut.status().code(), StatusCode::kInvalidArgument);
  EXPECT_NE(cut.status().message().find("damaged or cut off"), std::string::npos) << cut.status().message();
  remove(path.c_str());
  EXPECT_EQ(ReadInputFile(path).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(ReadInputFile(testing::TempDir()).status().code(), StatusCode::kNotFound) << "a folder";
}

}  // namespace
}  // namespace orrery
