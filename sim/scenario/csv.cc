#include "sim/scenario/csv.h"

#include <cassert>
#include <limits>  // libfccp forgets it

#define CSV_IO_NO_THREAD
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wstringop-truncation"  // file names in libfccp's own messages, which we do not use
#endif
#include <libfccp/csv.h>
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

#include <algorithm>
#include <charconv>
#include <cmath>

#include "runtime/common/settings.h"

namespace orrery {

namespace {

using Trim = io::trim_chars<' ', '\t'>;
using Quote = io::double_quote_escape<',', '"'>;

}  // namespace

CsvReader::CsvReader(std::string text, std::string name) : text_(std::move(text)), name_(std::move(name)) {}

Result<CsvReader> CsvReader::Open(std::string text, std::string name) {
  const auto bad = [&](const std::string& why) { return Status(StatusCode::kInvalidArgument, name + ":" + why); };
  if (const size_t nul = text.find('\0'); nul != std::string::npos) {
    const auto row = 1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(nul), '\n');
    return bad(std::to_string(row) + ": a NUL byte; this is not a text file");
  }
  CsvReader reader(std::move(text), name);
  if (reader.text_.starts_with("\xEF\xBB\xBF")) reader.at_ = 3;
  if (reader.Next() == Row::kBad) return Status(StatusCode::kInvalidArgument, reader.Locate(reader.problem_));
  if (reader.fields_.empty()) return bad("1: there is no header line");
  std::vector<std::string> header;
  for (const std::string_view field : reader.fields_) {
    if (std::find(header.begin(), header.end(), field) != header.end()) {
      return Status(StatusCode::kInvalidArgument, reader.Locate("two columns are named '" + std::string(field) + "'"));
    }
    header.emplace_back(field);
  }
  reader.header_ = std::move(header);
  return reader;
}

int CsvReader::Column(std::string_view name) const {
  const auto at = std::find(header_.begin(), header_.end(), name);
  return at == header_.end() ? -1 : static_cast<int>(at - header_.begin());
}

Result<int> CsvReader::RequireColumn(std::string_view name) const {
  const int column = Column(name);
  if (column >= 0) return column;
  std::string message = name_ + ":1: there is no column '" + std::string(name) + "'";
  const std::string nearest = NearestName(name, header_);
  if (!nearest.empty()) message += "; did you mean '" + nearest + "'?";
  return Status(StatusCode::kInvalidArgument, message);
}

bool CsvReader::SplitLine(char* line) {
  fields_.clear();
  try {
    while (line != nullptr) {
      char *begin = nullptr, *end = nullptr;
      io::detail::chop_next_column<Quote>(line, begin, end);
      Trim::trim(begin, end);
      Quote::unescape(begin, end);
      fields_.emplace_back(begin, static_cast<size_t>(end - begin));
    }
  } catch (const io::error::escaped_string_not_closed&) {
    problem_ = "a quoted field is not closed on its line";
    return false;
  }
  if (!header_.empty() && fields_.size() != header_.size()) {
    problem_ = "expected " + std::to_string(header_.size()) + " fields, found " + std::to_string(fields_.size());
    return false;
  }
  return true;
}

CsvReader::Row CsvReader::Next() {
  while (at_ < text_.size()) {
    char* const line = text_.data() + at_;
    const size_t end = std::min(text_.find('\n', at_), text_.size());
    at_ = end + 1;
    ++row_;
    text_[end] = '\0';  // where the last line has no line feed, this is the string's own terminator
    if (end > 0 && text_[end - 1] == '\r') text_[end - 1] = '\0';
    if (io::empty_line_comment::is_comment(line)) continue;
    return SplitLine(line) ? Row::kRow : Row::kBad;
  }
  return Row::kEnd;
}

std::string CsvReader::Locate(const std::string& why) const { return name_ + ":" + std::to_string(row_) + ": " + why; }

bool ParseField(std::string_view text, double& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size() && std::isfinite(out);
}

bool ParseField(std::string_view text, int64_t& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error == std::errc() && end == text.data() + text.size()) return true;
  double number = 0;
  if (!ParseField(text, number) || std::abs(number) > 9e15) return false;
  out = std::llround(number);
  return static_cast<double>(out) == number;
}

}  // namespace orrery
