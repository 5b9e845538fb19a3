#include "sim/record/csv_writer.h"

#include <charconv>
#include <cmath>
#include <utility>

namespace orrery {

void AppendNumber(std::string& out, double value) {
  if (!std::isfinite(value)) return;
  char digits[32];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
}

void AppendNumber(std::string& out, int64_t value) {
  char digits[24];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
}

void AppendSeconds(std::string& out, int64_t ns) {
  constexpr uint64_t kSecond = 1'000'000'000;
  uint64_t magnitude = static_cast<uint64_t>(ns);
  if (ns < 0) {
    out += '-';
    magnitude = 0 - magnitude;
  }
  AppendNumber(out, static_cast<int64_t>(magnitude / kSecond));
  const uint64_t fraction = magnitude % kSecond;
  if (fraction == 0) return;
  char digits[16];
  const char* end = std::to_chars(digits, digits + sizeof digits, kSecond + fraction).ptr;
  while (end[-1] == '0') --end;
  digits[0] = '.';
  out.append(digits, static_cast<size_t>(end - digits));
}

FileWriter::FileWriter(const std::string& path) : path_(path), file_(std::fopen(path.c_str(), "wb")) {
  failed_ = file_ == nullptr;
}

FileWriter::~FileWriter() { (void)Close(); }

void FileWriter::Flush() {
  if (file_ != nullptr && std::fwrite(buffer_.data(), 1, buffer_.size(), file_) != buffer_.size()) failed_ = true;
  buffer_.clear();
}

Status FileWriter::Close() {
  if (file_ != nullptr) {
    Flush();
    if (std::fclose(std::exchange(file_, nullptr)) != 0) failed_ = true;
  }
  return failed_ ? Status(StatusCode::kUnavailable, "cannot write " + path_) : Status::Ok();
}

void CsvWriter::Separate() {
  if (!first_) file_.buffer() += ',';
  first_ = false;
}

CsvWriter& CsvWriter::Text(std::string_view value) {
  Separate();
  std::string& out = file_.buffer();
  if (value.find_first_of(",\"\r\n") == std::string_view::npos) {
    out += value;
    return *this;
  }
  out += '"';
  for (const char c : value) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
  return *this;
}

CsvWriter& CsvWriter::Number(double value) {
  Separate();
  AppendNumber(file_.buffer(), value);
  return *this;
}

CsvWriter& CsvWriter::Integer(int64_t value) {
  Separate();
  AppendNumber(file_.buffer(), value);
  return *this;
}

CsvWriter& CsvWriter::Seconds(int64_t ns) {
  Separate();
  AppendSeconds(file_.buffer(), ns);
  return *this;
}

CsvWriter& CsvWriter::Empty() {
  Separate();
  return *this;
}

void CsvWriter::EndRow() {
  file_.buffer() += '\n';
  first_ = true;
  file_.Flushed();
}

}  // namespace orrery
