#include "sim/main/plan_space.h"

#include <array>
#include <charconv>

#include "runtime/common/settings.h"

namespace orrery {

namespace {

Status Bad(std::string message) { return {StatusCode::kInvalidArgument, std::move(message)}; }

std::string Trimmed(const std::string& text) {
  const size_t first = text.find_first_not_of(" \t"), last = text.find_last_not_of(" \t");
  return first == std::string::npos ? "" : text.substr(first, last - first + 1);
}

bool ParseWhole(std::string text, int64_t& out) {
  std::erase(text, '_');
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

bool ParseReal(const std::string& text, double& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

// "p95_wait" → "wait_s.p95"; paths stay.
std::string PathOf(const std::string& name) {
  if (name == "makespan") return "makespan_s";
  if (name == "cost") return "autoscaler.cost";
  const size_t line = name.find('_');
  if (line == std::string::npos || name.find('.') != std::string::npos) return name;
  const std::string statistic = name.substr(0, line), what = name.substr(line + 1);
  for (const char* known : {"mean", "p50", "p95", "p99", "max"}) {
    for (const char* metric : {"wait", "turnaround", "run"}) {
      if (statistic == known && what == metric) return what + "_s." + statistic;
    }
  }
  return name;
}

}  // namespace

Result<PlanAxis> ParseAxis(const std::string& text) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == text.size())
    return Bad("--vary '" + text + "': expected key=a,b,c or key=lo..hi");
  PlanAxis axis;
  axis.key = Trimmed(text.substr(0, equals));
  const std::string values = text.substr(equals + 1);
  if (const size_t dots = values.find(".."); dots != std::string::npos) {
    if (!ParseWhole(Trimmed(values.substr(0, dots)), axis.low) ||
        !ParseWhole(Trimmed(values.substr(dots + 2)), axis.high))
      return Bad("--vary '" + text + "': a range is two whole numbers, as in 1..64");
    if (axis.low > axis.high) return Bad("--vary '" + text + "': the range ends before it begins");
    return axis;
  }
  size_t from = 0, depth = 0;  // commas inside braces belong to one value
  for (size_t i = 0; i <= values.size(); ++i) {
    if (i < values.size()) {
      depth += values[i] == '{' || values[i] == '[';
      depth -= (values[i] == '}' || values[i] == ']') && depth > 0;
    }
    if (i < values.size() && (values[i] != ',' || depth > 0)) continue;
    axis.values.push_back(Trimmed(values.substr(from, i - from)));
    if (axis.values.back().empty()) return Bad("--vary '" + text + "': one of the values is empty");
    from = i + 1;
  }
  return axis;
}

bool Slo::Holds(double measured) const {
  if (at_most) return strict ? measured < value : measured <= value;
  return strict ? measured > value : measured >= value;
}

Result<Slo> ParseSlo(const std::string& text) {
  const size_t at = text.find_first_of("<>");
  if (at == std::string::npos || at == 0)
    return Bad("--slo '" + text + "': expected METRIC <= VALUE, as in 'p95_wait <= 60s'");
  Slo slo;
  slo.text = text;
  slo.metric = PathOf(Trimmed(text.substr(0, at)));
  slo.at_most = text[at] == '<';
  slo.strict = at + 1 >= text.size() || text[at + 1] != '=';
  const std::string value = Trimmed(text.substr(at + (slo.strict ? 1 : 2)));
  if (ParseReal(value, slo.value)) return slo;
  if (value.ends_with('%') && ParseReal(value.substr(0, value.size() - 1), slo.value)) {
    slo.value /= 100;
    return slo;
  }
  const Result<Duration> duration = ParseDuration(value);
  if (!duration.ok())
    return Bad("--slo '" + text + "': '" + value + "' is neither a number, a percentage nor a duration");
  slo.value = duration.value().seconds();
  return slo;
}

}  // namespace orrery
