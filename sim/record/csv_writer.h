// Text files of a result folder, written byte for byte the same for the same values, on every machine and in every
// locale.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

#include "runtime/common/status.h"

namespace orrery {

// Shortest decimal form that reads back as the same number (std::to_chars); "" when not finite.
void AppendNumber(std::string& out, double value);
void AppendNumber(std::string& out, int64_t value);
// Nanoseconds as seconds, exactly: 1500000 → "0.0015".
void AppendSeconds(std::string& out, int64_t ns);

// Buffers writes to a file. Errors are kept and reported by Close.
class FileWriter {
 public:
  explicit FileWriter(const std::string& path);
  ~FileWriter();
  FileWriter(const FileWriter&) = delete;
  FileWriter& operator=(const FileWriter&) = delete;
  // Append to it, then call Flushed now and then.
  std::string& buffer() { return buffer_; }
  // Writes the buffer out when it has become large.
  void Flushed() {
    if (buffer_.size() >= kBufferBytes) Flush();
  }
  // kUnavailable names the path when anything could not be written.
  Status Close();

 private:
  static constexpr size_t kBufferBytes = 1 << 16;
  void Flush();
  std::string path_;
  std::FILE* file_;
  std::string buffer_;
  bool failed_ = false;
};

// RFC 4180, with "\n" as the line end. Fields hold quotes, commas and line breaks safely.
class CsvWriter {
 public:
  // Writes the header row at once.
  CsvWriter(const std::string& path, std::string_view header) : file_(path) { file_.buffer() += header; }
  CsvWriter& Text(std::string_view value);
  CsvWriter& Number(double value);
  CsvWriter& Integer(int64_t value);
  CsvWriter& Seconds(int64_t ns);
  CsvWriter& Empty();
  void EndRow();
  Status Close() { return file_.Close(); }

 private:
  void Separate();
  FileWriter file_;
  bool first_ = true;
};

}  // namespace orrery
