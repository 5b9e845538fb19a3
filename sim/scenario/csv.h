// Comma-separated files by column name (RFC 4180), split by libfccp's quoting and trimming rules. Its reader class is
// not used: it fixes the columns at compile time, where a mapping must choose them at run time, and takes 48 MiB for
// every file. Lines end in LF or CRLF; quoted fields may hold commas and doubled quotes, but no line break (libfccp's
// rule too), which keeps "row" equal to the line that an editor shows.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/common/status.h"

namespace orrery {

class CsvReader {
 public:
  enum class Row : uint8_t { kRow, kBad, kEnd };

  // Takes the whole text; the first line is the header. `name` serves for messages. kInvalidArgument without a header,
  // with two columns of the same name, or with a NUL byte anywhere.
  static Result<CsvReader> Open(std::string text, std::string name);
  // Moved, never copied: fields point into the text.
  CsvReader(CsvReader&&) noexcept = default;
  CsvReader(const CsvReader&) = delete;

  // Index of a column, or -1.
  int Column(std::string_view name) const;
  // The same; its absence is an error that names the nearest column.
  Result<int> RequireColumn(std::string_view name) const;
  const std::vector<std::string>& header() const { return header_; }

  // Goes to the next line that is not empty. kBad: the line cannot be split, or has not as many fields as the header;
  // then `problem()` says why, and the next call goes on behind it.
  Row Next();
  // A field of the current row, without surrounding blanks; valid until the next call of Next(). column -1 gives "".
  std::string_view Field(int column) const {
    return column < 0 ? std::string_view() : fields_[static_cast<size_t>(column)];
  }
  const std::string& problem() const { return problem_; }
  // Line number in the file; the header is row 1.
  int64_t row() const { return row_; }
  // "FILE:ROW: why".
  std::string Locate(const std::string& why) const;

 private:
  CsvReader(std::string text, std::string name);
  bool SplitLine(char* line);

  std::string text_;  // split in place: separators become NUL
  size_t at_ = 0;  // where the next line begins
  std::string name_;
  std::vector<std::string> header_;
  std::vector<std::string_view> fields_;
  std::string problem_;
  int64_t row_ = 0;
};

// Numbers of a field; false unless all of it is one. Whole numbers may be written "12.0"; infinities are refused.
bool ParseField(std::string_view text, int64_t& out);
bool ParseField(std::string_view text, double& out);

}  // namespace orrery
