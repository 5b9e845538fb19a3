#include "sim/scenario/csv_trace.h"

#include <array>
#include <cmath>

#include "sim/scenario/bad_rows.h"
#include "sim/scenario/csv.h"
#include "sim/scenario/input_file.h"

namespace orrery {

namespace {

struct Unit {
  std::string_view name;
  std::string_view suffix;
  double factor;
};
constexpr std::array<Unit, 4> kTimes = {{{"s", "_s", 1e9}, {"ms", "_ms", 1e6}, {"us", "_us", 1e3}, {"ns", "_ns", 1}}};
constexpr std::array<Unit, 7> kSizes = {{{"B", "_bytes", 1},
                                         {"KiB", "_kib", 1024},
                                         {"MiB", "_mib", 1048576},
                                         {"GiB", "_gib", 1073741824},
                                         {"KB", "_kb", 1e3},
                                         {"MB", "_mb", 1e6},
                                         {"GB", "_gb", 1e9}}};

// Where a field is found, and by what to multiply it.
struct Place {
  int column = -1;
  double factor = 1;
};

// The column of `field`: from the mapping, or by its own name, bare or with a unit behind.
template <size_t N>
Result<Place> FindPlace(const CsvReader& csv, const TraceSpec& spec, const std::string& field,
                        const std::array<Unit, N>& units) {
  Place place;
  if constexpr (N > 0) place.factor = units[0].factor;
  const auto mapped = spec.mapping.find(field);
  if (mapped == spec.mapping.end()) {
    place.column = csv.Column(field);
    for (const Unit& unit : units) {
      if (place.column >= 0) break;
      place.column = csv.Column(field + std::string(unit.suffix));
      if (place.column >= 0) place.factor = unit.factor;
    }
    return place;
  }
  const TraceSpec::Column& column = mapped->second;
  const Result<int> found = csv.RequireColumn(column.name);
  if (!found.ok()) return found.status();
  place.column = found.value();
  for (const Unit& unit : units) {
    const bool chosen = column.unit.empty() ? column.name.ends_with(unit.suffix) : column.unit == unit.name;
    if (chosen) place.factor = unit.factor;
  }
  return place;
}

struct Places {
  Place name, submit_time, duration, cpus, gpus, memory;
};

Result<Places> FindPlaces(const CsvReader& csv, const TraceSpec& spec) {
  Places places;
  const auto find = [&](const std::string& field, const auto& units, Place& place) -> Status {
    Result<Place> found = FindPlace(csv, spec, field, units);
    if (found.ok()) place = *found;
    return found.status();
  };
  constexpr std::array<Unit, 0> kPlain{};
  for (const Status& status : {find("name", kPlain, places.name), find("submit_time", kTimes, places.submit_time),
                               find("duration", kTimes, places.duration), find("cpus", kPlain, places.cpus),
                               find("gpus", kPlain, places.gpus), find("memory", kSizes, places.memory)}) {
    if (!status.ok()) return status;
  }
  for (const auto& [field, place] :
       {std::pair{"submit_time", places.submit_time}, std::pair{"duration", places.duration}}) {
    if (place.column >= 0) continue;
    const Status missing = csv.RequireColumn(field).status();
    return Status(StatusCode::kInvalidArgument, missing.message() + " (workload.trace.mapping names the columns)");
  }
  return places;
}

// A number from 0 to `most` after scaling; false when it is none. An empty field keeps `out`.
bool ReadScaled(const CsvReader& csv, Place place, double most, bool needed, double& out) {
  const std::string_view text = csv.Field(place.column);
  if (text.empty()) return !needed;
  double number = 0;
  if (!ParseField(text, number) || number < 0 || number * place.factor > most) return false;
  out = number * place.factor;
  return true;
}

std::string MakeTask(const CsvReader& csv, const Places& places, const TraceSpec& spec, TraceTask& task) {
  constexpr double kLongest = 9e18;
  double submit = 0, duration = 0;
  double cpus = spec.task.resources.Get(ResourceKind::kCpu).value(),
         gpus = spec.task.resources.Get(ResourceKind::kGpu).value();
  double memory = spec.task.resources.Get(ResourceKind::kMemory).value();
  const auto wrong = [&](const char* field, Place place) {
    return std::string(field) + " '" + std::string(csv.Field(place.column)) +
           "' is missing, negative, too large or not a number";
  };
  if (!ReadScaled(csv, places.submit_time, kLongest, true, submit)) return wrong("submit_time", places.submit_time);
  if (!ReadScaled(csv, places.duration, kLongest, true, duration)) return wrong("duration", places.duration);
  if (!ReadScaled(csv, places.cpus, 1e9, false, cpus)) return wrong("cpus", places.cpus);
  if (!ReadScaled(csv, places.gpus, 1e6, false, gpus)) return wrong("gpus", places.gpus);
  if (!ReadScaled(csv, places.memory, 9e14, false, memory)) return wrong("memory", places.memory);
  task.name = csv.Field(places.name.column);
  if (task.name.empty()) task.name = std::to_string(csv.row());
  task.submit_time = Time{std::llround(submit)};
  task.duration = Duration{std::llround(duration)};
  task.resources.Set(ResourceKind::kCpu, FixedPoint::FromDouble(cpus));
  task.resources.Set(ResourceKind::kGpu, FixedPoint::FromDouble(gpus));
  task.resources.Set(ResourceKind::kMemory, FixedPoint::Whole(std::llround(memory)));
  task.memory_bytes = places.memory.column >= 0 ? std::llround(memory) : spec.task.allocate_bytes;
  const Status valid = ValidateRequest(task.resources);
  return valid.ok() ? "" : valid.message();
}

}  // namespace

Result<Trace> ParseCsvTrace(std::string text, const std::string& name, const TraceSpec& spec) {
  Result<CsvReader> csv = CsvReader::Open(std::move(text), name);
  if (!csv.ok()) return csv.status();
  const Result<Places> places = FindPlaces(*csv, spec);
  if (!places.ok()) return places.status();
  Trace trace;
  BadRows rows(spec.options, trace.report);
  while (rows.More()) {
    const CsvReader::Row row = csv->Next();
    if (row == CsvReader::Row::kEnd) break;
    rows.CountRow();
    TraceTask task;
    const std::string problem =
        row == CsvReader::Row::kBad ? csv->problem() : MakeTask(*csv, places.value(), spec, task);
    if (problem.empty()) {
      trace.tasks.push_back(std::move(task));
      continue;
    }
    const Status status = rows.Bad(csv->Locate(problem));
    if (!status.ok()) return status;
  }
  NormalizeTrace(spec.options.time_scale, trace.tasks);
  return trace;
}

Result<Trace> ReadCsvTrace(const TraceSpec& spec) {
  Result<std::string> text = ReadInputFile(spec.path);
  if (!text.ok()) return text.status();
  return ParseCsvTrace(std::move(text).value(), spec.path, spec);
}

}  // namespace orrery
