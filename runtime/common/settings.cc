#include "runtime/common/settings.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>

namespace orrery {

namespace {

struct Knob {
  const char* name;
  const char* unit;
  double Settings::*fraction = nullptr;
  int64_t Settings::*count = nullptr;
  Duration Settings::*duration = nullptr;
  std::string Settings::*text = nullptr;
  std::vector<std::string> choices{};  // of a text, when they are known here
};

Knob Count(const char* name, int64_t Settings::*member, const char* unit = "count") {
  return {name, unit, nullptr, member, nullptr, nullptr};
}
Knob Span(const char* name, Duration Settings::*member) {
  return {name, "duration", nullptr, nullptr, member, nullptr};
}
Knob Fraction(const char* name, double Settings::*member) {
  return {name, "fraction", member, nullptr, nullptr, nullptr};
}

// A number without an upper bound.
Knob Factor(const char* name, double Settings::*member) { return {name, "number", member, nullptr, nullptr, nullptr}; }

const std::vector<Knob>& Knobs() {
  static const std::vector<Knob> knobs = {
      {"placement", "name", nullptr, nullptr, nullptr, &Settings::placement},
      Fraction("spread_threshold", &Settings::spread_threshold),
      Fraction("top_k_fraction", &Settings::top_k_fraction),
      Count("top_k_absolute", &Settings::top_k_absolute),
      {"job_scheduling",
       "name",
       nullptr,
       nullptr,
       nullptr,
       &Settings::job_scheduling,
       {"fifo", "priority", "fair_share"}},
      {"job_preemption", "name", nullptr, nullptr, nullptr, &Settings::job_preemption, {"none", "priority"}},
      Span("job_preemption_delay", &Settings::job_preemption_delay),
      Span("worker_lease_timeout", &Settings::worker_lease_timeout),
      Span("lease_idle_timeout", &Settings::lease_idle_timeout),
      Count("max_tasks_in_flight_per_worker", &Settings::max_tasks_in_flight_per_worker),
      Span("pipeline_target", &Settings::pipeline_target),
      Count("max_pending_lease_requests", &Settings::max_pending_lease_requests),
      Count("max_pending_tasks", &Settings::max_pending_tasks),
      Count("task_max_retries", &Settings::task_max_retries),
      Span("task_retry_delay", &Settings::task_retry_delay),
      Count("inline_limit", &Settings::inline_limit, "bytes"),
      Span("resource_report_interval", &Settings::resource_report_interval),
      Span("health_check_initial_delay", &Settings::health_check_initial_delay),
      Span("health_check_period", &Settings::health_check_period),
      Span("health_check_timeout", &Settings::health_check_timeout),
      Count("health_check_failures", &Settings::health_check_failures),
      Span("gcs_reconnect_timeout", &Settings::gcs_reconnect_timeout),
      {"gcs_storage", "name", nullptr, nullptr, nullptr, &Settings::gcs_storage, {"sqlite", "sqlite_fsync", "memory"}},
      Span("worker_register_timeout", &Settings::worker_register_timeout),
      Span("worker_idle_timeout", &Settings::worker_idle_timeout),
      Count("worker_soft_limit", &Settings::worker_soft_limit),
      Count("worker_startup_concurrency", &Settings::worker_startup_concurrency),
      Span("worker_kill_grace", &Settings::worker_kill_grace),
      Span("cancel_retry_interval", &Settings::cancel_retry_interval),
      Span("request_retry_interval", &Settings::request_retry_interval),
      {"locality", "name", nullptr, nullptr, nullptr, &Settings::locality, {"most_bytes", "none"}},
      Count("object_chunk_bytes", &Settings::object_chunk_bytes, "bytes"),
      Count("object_chunks_in_flight", &Settings::object_chunks_in_flight),
      Count("object_pulls_in_flight", &Settings::object_pulls_in_flight),
      Count("object_fanout", &Settings::object_fanout),
      Count("object_room_ahead_bytes", &Settings::object_room_ahead_bytes, "bytes"),
      Fraction("object_room_ahead_fraction", &Settings::object_room_ahead_fraction),
      Span("object_room_idle", &Settings::object_room_idle),
      Span("object_create_timeout", &Settings::object_create_timeout),
      Span("object_pull_retry", &Settings::object_pull_retry),
      Fraction("argument_memory_fraction", &Settings::argument_memory_fraction),
      Fraction("spill_threshold", &Settings::spill_threshold),
      Count("spill_fuse_bytes", &Settings::spill_fuse_bytes, "bytes"),
      {"spill_directories", "text", nullptr, nullptr, nullptr, &Settings::spill_directories},
      Count("spill_limit_bytes", &Settings::spill_limit_bytes, "bytes"),
      Count("max_lineage_bytes", &Settings::max_lineage_bytes, "bytes"),
      Span("backlog_report_interval", &Settings::backlog_report_interval),
      Span("autoscaler_interval", &Settings::autoscaler_interval),
      {"autoscaler_objective", "name", nullptr, nullptr, nullptr, &Settings::autoscaler_objective},
      Factor("upscaling_speed", &Settings::upscaling_speed),
      Span("idle_timeout", &Settings::idle_timeout),
      Count("max_concurrent_launches", &Settings::max_concurrent_launches),
      Span("instance_request_timeout", &Settings::instance_request_timeout),
      Span("instance_boot_timeout", &Settings::instance_boot_timeout),
      Span("instance_terminate_timeout", &Settings::instance_terminate_timeout),
      Span("drain_timeout", &Settings::drain_timeout),
      Span("launch_backoff", &Settings::launch_backoff),
  };
  return knobs;
}

Status Bad(std::string message) { return {StatusCode::kInvalidArgument, std::move(message)}; }

template <class Number>
bool ParseNumber(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t substitute = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({substitute, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

struct Unit {
  const char* name;
  int64_t ns;
};
constexpr std::array<Unit, 7> kUnits = {{{"d", 86'400'000'000'000},
                                         {"h", 3'600'000'000'000},
                                         {"m", 60'000'000'000},
                                         {"s", 1'000'000'000},
                                         {"ms", 1'000'000},
                                         {"us", 1'000},
                                         {"ns", 1}}};

}  // namespace

Status SetSetting(Settings& settings, std::string_view name, std::string_view value) {
  const auto& knobs = Knobs();
  const auto knob = std::find_if(knobs.begin(), knobs.end(), [&](const Knob& k) { return name == k.name; });
  if (knob == knobs.end()) {
    std::vector<std::string> names;
    for (const Knob& k : knobs) names.emplace_back(k.name);
    const std::string nearest = NearestName(name, names);
    return Bad("unknown setting '" + std::string(name) + "'" +
               (nearest.empty() ? "" : "; did you mean '" + nearest + "'?"));
  }
  const std::string where = "setting '" + std::string(name) + "': ";
  const auto& choices = knob->choices;
  if (!choices.empty() && std::find(choices.begin(), choices.end(), value) == choices.end()) {
    const std::string nearest = NearestName(value, choices);
    std::string known;
    for (const std::string& choice : choices) known += (known.empty() ? "" : ", ") + choice;
    return Bad(where + "unknown '" + std::string(value) + "' (known: " + known + ")" +
               (nearest.empty() ? "" : "; did you mean '" + nearest + "'?"));
  }
  if (knob->text != nullptr) {
    settings.*(knob->text) = std::string(value);
  } else if (knob->duration != nullptr) {
    Result<Duration> duration = ParseDuration(value);
    if (!duration.ok()) return Bad(where + duration.status().message());
    settings.*(knob->duration) = *duration;
  } else if (knob->count != nullptr) {
    int64_t number = 0;
    if (!ParseNumber(value, number) || number < -1)
      return Bad(where + "expected a whole number, not '" + std::string(value) + "'");
    settings.*(knob->count) = number;
  } else {
    double number = 0;
    const bool factor = knob->unit == std::string_view("number");
    if (factor && (!ParseNumber(value, number) || !(number >= 0 && number <= 1e9)))
      return Bad(where + "expected a number of at least 0, not '" + std::string(value) + "'");
    if (!factor && (!ParseNumber(value, number) || !(number >= 0 && number <= 1))) {
      return Bad(where + "expected a number from 0 to 1, not '" + std::string(value) + "'");
    }
    settings.*(knob->fraction) = number;
  }
  return Status::Ok();
}

std::vector<SettingInfo> ListSettings(const Settings& settings) {
  std::vector<SettingInfo> list;
  for (const Knob& knob : Knobs()) {
    std::string value;
    if (knob.text != nullptr) value = settings.*(knob.text);
    if (knob.duration != nullptr) value = ToString(settings.*(knob.duration));
    if (knob.count != nullptr) value = std::to_string(settings.*(knob.count));
    if (knob.fraction != nullptr) {
      std::array<char, 32> buffer{};
      value.assign(buffer.data(),
                   std::to_chars(buffer.data(), buffer.data() + buffer.size(), settings.*(knob.fraction)).ptr);
    }
    list.push_back({knob.name, knob.unit, value});
  }
  return list;
}

std::string NearestName(std::string_view word, const std::vector<std::string>& candidates) {
  std::string best;
  size_t best_distance = std::max<size_t>(2, word.size() / 2) + 1;
  for (const std::string& candidate : candidates) {
    const size_t distance = EditDistance(word, candidate);
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

Result<Duration> ParseDuration(std::string_view text) {
  const auto error = [&] {
    return Bad("'" + std::string(text) + "' is not a duration; write for example 250ms, 2s or 1h30m");
  };
  if (text == "0") return Duration{};
  if (text.empty()) return error();
  double total = 0;
  size_t at = 0;
  while (at < text.size()) {
    size_t end = at;
    while (end < text.size() && ((text[end] >= '0' && text[end] <= '9') || text[end] == '.')) ++end;
    double number = 0;
    if (!ParseNumber(text.substr(at, end - at), number)) return error();
    size_t unit_end = end;
    while (unit_end < text.size() && text[unit_end] >= 'a' && text[unit_end] <= 'z') ++unit_end;
    const std::string_view unit = text.substr(end, unit_end - end);
    const auto known = std::find_if(kUnits.begin(), kUnits.end(), [&](const Unit& u) { return unit == u.name; });
    if (known == kUnits.end()) return error();
    total += number * static_cast<double>(known->ns);
    at = unit_end;
  }
  if (total > 9.2e18) return Bad("'" + std::string(text) + "' is longer than 292 years");
  return Duration{static_cast<int64_t>(std::llround(total))};
}

std::string ToString(Duration duration) {
  if (duration.ns == 0) return "0";
  for (const Unit& unit : kUnits) {
    if (duration.ns % unit.ns == 0) return std::to_string(duration.ns / unit.ns) + unit.name;
  }
  return std::to_string(duration.ns) + "ns";
}

}  // namespace orrery
