#include "runtime/messages/autoscaler_rows.h"

#include <charconv>
#include <cmath>
#include <cstdio>

namespace orrery {

namespace {

// As sim/record writes text.
void AppendText(std::string& out, const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) {
    out += text;
    return;
  }
  out += '"';
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

// The fields of the next row, which may go on over several lines inside quotes; false at the end of the text.
bool NextRow(std::string_view& text, std::vector<std::string>& fields) {
  fields.assign(1, "");
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted && c == '"' && i + 1 < text.size() && text[i + 1] == '"') {
      fields.back() += '"';
      ++i;
    } else if (c == '"') {
      quoted = !quoted;
    } else if (quoted) {
      fields.back() += c;
    } else if (c == ',') {
      fields.emplace_back();
    } else if (c == '\n') {
      text.remove_prefix(i + 1);
      return true;
    } else {
      fields.back() += c;
    }
  }
  return false;
}

template <class Number>
bool Parse(const std::string& text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

bool ParseRow(const std::vector<std::string>& fields, AutoscalerRow& row) {
  double seconds = 0;
  if (fields.size() != 6 || !Parse(fields[0], seconds) || !Parse(fields[1], row.round) || !Parse(fields[4], row.count))
    return false;
  row.time = Time{std::llround(seconds * 1e9)};
  row.action = fields[2];
  row.node_type = fields[3];
  row.reason = fields[5];
  return true;
}

}  // namespace

std::string AutoscalerActionText(const std::string& action, const std::string& node_type, const std::string& reason) {
  return action + " " + node_type + ": " + reason;
}

std::vector<AutoscalerRow> AutoscalerRowsOf(Time time, const TraceEvent& event) {
  if (event.kind == TraceKind::kAutoscalerRound) {
    return {{time, event.a, "demand", "", event.b, "leases that wait for a place"},
            {time, event.a, "nodes", "", event.c, "instances, running or on their way"}};
  }
  if (event.kind != TraceKind::kAutoscalerAction) return {};
  const std::string_view text = event.text;
  const size_t space = text.find(' '), colon = text.find(": ", space);
  return {{time, event.a, std::string(text.substr(0, space)), std::string(text.substr(space + 1, colon - space - 1)),
           event.b, std::string(text.substr(colon + 2))}};
}

std::string AutoscalerCsvHeader() { return "time_s,round,action,node_type,count,reason\n"; }

std::string AutoscalerCsvLine(const AutoscalerRow& row) {
  char time[40];
  std::snprintf(time, sizeof time, "%.3f", row.time.seconds());
  std::string line = time;
  line += "," + std::to_string(row.round) + "," + row.action + ",";
  AppendText(line, row.node_type);
  line += "," + std::to_string(row.count) + ",";
  AppendText(line, row.reason);
  return line + "\n";
}

Result<std::vector<AutoscalerRow>> ParseAutoscalerCsv(std::string_view text) {
  const auto bad = [](size_t number) {
    return Status(StatusCode::kInvalidArgument, "row " + std::to_string(number) + " is no row of an autoscaler.csv");
  };
  std::vector<std::string> fields;
  std::vector<AutoscalerRow> rows;
  const std::string header = AutoscalerCsvHeader();
  if (text.empty()) return rows;
  if (!text.starts_with(header)) return bad(1);
  text.remove_prefix(header.size());
  while (NextRow(text, fields)) {
    if (!ParseRow(fields, rows.emplace_back())) return bad(rows.size() + 1);
  }
  return rows;
}

}  // namespace orrery
