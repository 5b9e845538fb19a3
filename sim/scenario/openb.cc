#include "sim/scenario/openb.h"

#include <algorithm>
#include <array>

#include "sim/scenario/bad_rows.h"
#include "sim/scenario/csv.h"
#include "sim/scenario/input_file.h"

namespace orrery {

namespace {

// Largest of any number in these files: beyond lies damage, and so many MiB are all that a resource amount can hold.
constexpr int64_t kMost = 800'000'000;

// Indices of named columns; the first `required` of them must exist.
template <size_t N>
Result<std::array<int, N>> FindColumns(const CsvReader& csv, const std::array<const char*, N>& names, size_t required) {
  std::array<int, N> columns{};
  for (size_t i = 0; i < N; ++i) {
    columns[i] = csv.Column(names[i]);
    if (columns[i] < 0 && i < required) return csv.RequireColumn(names[i]).status();
  }
  return columns;
}

// A number from `least` to kMost; an empty or missing field keeps `out` where it may.
bool ReadWhole(const CsvReader& csv, int column, bool needed, int64_t& out) {
  const std::string_view text = csv.Field(column);
  if (text.empty()) return !needed;
  return ParseField(text, out) && out >= 0 && out <= kMost;
}

constexpr std::array<const char*, 5> kNodeColumns = {"sn", "cpu_milli", "memory_mib", "gpu", "model"};
constexpr std::array<const char*, 9> kPodColumns = {"name",          "cpu_milli",     "memory_mib",
                                                    "num_gpu",       "gpu_milli",     "gpu_spec",
                                                    "creation_time", "deletion_time", "scheduled_time"};

std::string Wrong(const CsvReader& csv, const char* name, int column) {
  return std::string(name) + " '" + std::string(csv.Field(column)) + "' is not a whole number from 0 to 8e8";
}

std::string MakeNode(const CsvReader& csv, const std::array<int, 5>& columns, OpenbNode& node) {
  node.name = csv.Field(columns[0]);
  node.model = csv.Field(columns[4]);
  if (node.name.empty()) return "sn is empty";
  const std::array<int64_t*, 3> numbers = {&node.cpu_milli, &node.memory_mib, &node.gpu};
  for (size_t i = 0; i < numbers.size(); ++i) {
    if (!ReadWhole(csv, columns[i + 1], true, *numbers[i])) return Wrong(csv, kNodeColumns[i + 1], columns[i + 1]);
  }
  return "";
}

std::string MakePod(const CsvReader& csv, const std::array<int, 9>& columns, OpenbPod& pod) {
  pod.name = csv.Field(columns[0]);
  pod.gpu_spec = csv.Field(columns[5]);
  if (pod.name.empty()) return "name is empty";
  const std::array<int64_t*, 9> numbers = {nullptr, &pod.cpu_milli,  &pod.memory_mib, &pod.num_gpu,    &pod.gpu_milli,
                                           nullptr, &pod.creation_s, &pod.deletion_s, &pod.scheduled_s};
  for (size_t i = 0; i < numbers.size(); ++i) {
    if (numbers[i] == nullptr) continue;
    const bool needed = i < 7;
    if (!ReadWhole(csv, columns[i], needed && columns[i] >= 0, *numbers[i]))
      return Wrong(csv, kPodColumns[i], columns[i]);
  }
  if (pod.gpu_milli > 1000) return "gpu_milli is above 1000";
  if (pod.num_gpu > 1 && pod.gpu_milli != 1000) return "a pod of several GPUs must take whole ones (gpu_milli 1000)";
  if (pod.num_gpu == 1 && pod.gpu_milli == 0) return "a pod of one GPU must take some of it (gpu_milli above 0)";
  return "";
}

}  // namespace

Result<std::vector<OpenbNode>> ParseOpenbNodes(std::string text, const std::string& name) {
  Result<CsvReader> csv = CsvReader::Open(std::move(text), name);
  if (!csv.ok()) return csv.status();
  const auto columns = FindColumns(*csv, kNodeColumns, 4);
  if (!columns.ok()) return columns.status();
  std::vector<OpenbNode> nodes;
  for (;;) {
    const CsvReader::Row row = csv->Next();
    if (row == CsvReader::Row::kEnd) return nodes;
    OpenbNode& node = nodes.emplace_back();
    const std::string problem = row == CsvReader::Row::kBad ? csv->problem() : MakeNode(*csv, columns.value(), node);
    if (!problem.empty()) return Status(StatusCode::kInvalidArgument, csv->Locate(problem));
  }
}

Result<OpenbPods> ParseOpenbPods(std::string text, const std::string& name, const TraceOptions& options) {
  Result<CsvReader> csv = CsvReader::Open(std::move(text), name);
  if (!csv.ok()) return csv.status();
  const auto columns = FindColumns(*csv, kPodColumns, 5);
  if (!columns.ok()) return columns.status();
  OpenbPods found;
  BadRows rows(options, found.report);
  while (rows.More()) {
    const CsvReader::Row row = csv->Next();
    if (row == CsvReader::Row::kEnd) break;
    rows.CountRow();
    OpenbPod pod;
    const std::string problem = row == CsvReader::Row::kBad ? csv->problem() : MakePod(*csv, columns.value(), pod);
    if (problem.empty()) {
      found.pods.push_back(std::move(pod));
      continue;
    }
    const Status status = rows.Bad(csv->Locate(problem));
    if (!status.ok()) return status;
  }
  return found;
}

Result<std::vector<OpenbNode>> ReadOpenbNodes(const std::string& path) {
  Result<std::string> text = ReadInputFile(path);
  if (!text.ok()) return text.status();
  return ParseOpenbNodes(std::move(text).value(), path);
}

Result<OpenbPods> ReadOpenbPods(const std::string& path, const TraceOptions& options) {
  Result<std::string> text = ReadInputFile(path);
  if (!text.ok()) return text.status();
  return ParseOpenbPods(std::move(text).value(), path, options);
}

}  // namespace orrery
