// Comma-separated files by column name (RFC 4180), over libfccp's line reader and quoting rules. libfccp's own reader fixes the
// columns at compile time; here a mapping chooses them at run time. Lines end in LF or CRLF; quoted fields may hold commas and
// doubled quotes, but no line break (libfccp's rule), which keeps "row" equal to the line an editor shows.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/common/status.h"

namespace orrery {

class CsvReader {
 public:
  enum class Row : uint8_t { kRow, kBad, kEnd };

  // Takes the whole text; the first line is the header. `name` serves for messages. kInvalidArgument without a header, with two
  // columns of the same name, or with a NUL byte anywhere.
  static Result<CsvReader> Open(std::string text, std::string name);
  CsvReader(CsvReader&&) noexcept;
  ~CsvReader();

  // Index of a column, or -1.
  int Column(std::string_view name) const;
  // The same; its absence is an error that names the nearest column.
  Result<int> RequireColumn(std::string_view name) const;
  const std::vector<std::string>& header() const { return header_; }

  // Goes to the next line that is not empty. kBad: the line cannot be split, or has not as many fields as the header; then
  // `problem()` says why, and the next call goes on behind it.
  Row Next();
  // A field of the current row, without surrounding blanks; valid until the next call of Next(). column -1 gives "".
  std::string_view Field(int column) const { return column < 0 ? std::string_view() : fields_[static_cast<size_t>(column)]; }
  const std::string& problem() const { return problem_; }
  // Line number in the file; the header is row 1.
  int64_t row() const { return row_; }
  // "FILE:ROW: why".
  std::string Locate(const std::string& why) const;

 private:
  struct Lines;
  CsvReader(std::unique_ptr<Lines> lines, std::string name);
  bool SplitLine(char* line);

  std::unique_ptr<Lines> lines_;
  std::string name_;
  std::vector<std::string> header_;
  std::vector<std::string_view> fields_;
  std::string problem_;
  int64_t row_ = 0;
  bool ended_ = false;  // no way to go on
};

// Numbers of a field; false unless all of it is one. Whole numbers may be written "12.0"; infinities are refused.
bool ParseField(std::string_view text, int64_t& out);
bool ParseField(std::string_view text, double& out);

}  // namespace orrery
