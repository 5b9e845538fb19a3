#include "sim/scenario/swf.h"

#include <array>
#include <charconv>
#include <cmath>

#include "sim/scenario/bad_rows.h"
#include "sim/scenario/input_file.h"

namespace orrery {

namespace {

constexpr size_t kFields = 18;
// Fields by their number in the format, counted from 0.
enum Field {
  kJob,
  kSubmit,
  kWait,
  kRunTime,
  kProcessors,
  kCpuTime,
  kUsedMemory,
  kRequestedProcessors,
  kRequestedTime,
  kRequestedMemory
};

using Numbers = std::array<double, kFields>;

// Splits on blanks into exactly 18 numbers; otherwise the reason why not.
std::string ParseNumbers(std::string_view line, Numbers& numbers) {
  size_t found = 0;
  const char* at = line.data();
  const char* const end = at + line.size();
  for (;;) {
    while (at != end && (*at == ' ' || *at == '\t' || *at == '\r')) ++at;
    if (at == end) break;
    if (found == kFields) return "expected 18 fields, found more";
    const char* const begin = at;
    double number = 0;
    const auto [stop, error] = std::from_chars(at, end, number);
    at = stop;
    const bool whole = at == end || *at == ' ' || *at == '\t' || *at == '\r';
    if (error != std::errc() || !whole || !std::isfinite(number)) {
      while (at != end && *at != ' ' && *at != '\t' && *at != '\r') ++at;
      return "field " + std::to_string(found + 1) + " is not a number: '" +
             std::string(begin, static_cast<size_t>(std::min<std::ptrdiff_t>(at - begin, 40))) + "'";
    }
    numbers[found++] = number;
  }
  return found == kFields ? "" : "expected 18 fields, found " + std::to_string(found) + " (is the file cut off?)";
}

// -1 means unknown; other negative numbers are wrong.
double FirstKnown(double first, double second) { return first > 0 ? first : second; }

std::string MakeTask(const Numbers& numbers, TraceTask& task) {
  constexpr double kLongest = 9e9;  // seconds; in nanoseconds still an int64
  constexpr double kMost = 1e9;
  const double processors = FirstKnown(numbers[kProcessors], numbers[kRequestedProcessors]);
  if (numbers[kSubmit] < 0 || numbers[kSubmit] > kLongest) return "field 2: the submit time is unknown or out of range";
  if (numbers[kRunTime] < 0 || numbers[kRunTime] > kLongest) return "field 4: the run time is unknown or out of range";
  if (!(processors > 0) || processors > kMost)
    return "fields 5 and 8: the number of processors is unknown or out of range";
  if (std::abs(numbers[kJob]) > 1e15) return "field 1: the job number is out of range";
  task.name = std::to_string(static_cast<int64_t>(numbers[kJob]));
  task.submit_time = Time{Duration::FromSeconds(numbers[kSubmit]).ns};
  task.duration = Duration::FromSeconds(numbers[kRunTime]);
  task.resources = ResourceSet::Cpu(processors);
  const double kilobytes = FirstKnown(numbers[kUsedMemory], numbers[kRequestedMemory]) * processors;
  if (kilobytes > 8e11) return "fields 7 and 10: the memory is out of range";
  if (kilobytes > 0) task.memory_bytes = static_cast<int64_t>(kilobytes * 1024);
  return "";
}

}  // namespace

Result<Trace> ParseSwf(const std::string& text, const std::string& name, const TraceOptions& options) {
  Trace trace;
  BadRows rows(options, trace.report);
  int64_t row = 0;
  for (size_t begin = 0; begin < text.size() && rows.More();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line(text.data() + begin, end - begin);
    begin = end + 1;
    ++row;
    const size_t first = line.find_first_not_of(" \t\r");
    if (first == std::string_view::npos || line[first] == ';') continue;
    rows.CountRow();
    Numbers numbers{};
    TraceTask task;
    std::string problem = ParseNumbers(line, numbers);
    if (problem.empty()) problem = MakeTask(numbers, task);
    if (problem.empty()) {
      trace.tasks.push_back(std::move(task));
      continue;
    }
    const Status status = rows.Bad(name + ":" + std::to_string(row) + ": " + problem);
    if (!status.ok()) return status;
  }
  NormalizeTrace(options.time_scale, trace.tasks);
  return trace;
}

Result<Trace> ReadSwf(const std::string& path, const TraceOptions& options) {
  Result<std::string> text = ReadInputFile(path);
  if (!text.ok()) return text.status();
  return ParseSwf(*text, path, options);
}

}  // namespace orrery
