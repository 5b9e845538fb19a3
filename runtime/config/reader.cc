#include "runtime/config/reader.h"

#include <algorithm>
#include <tuple>

#include "runtime/common/settings.h"
#include "runtime/config/quantity.h"

namespace orrery {

namespace {

// Parses a scalar with a function of quantity.h; other kinds of values get the same message as a wrong text.
template <class T, class Parse>
void ReadWith(const Value& value, Problems& problems, T& out, Parse parse, const char* expected) {
  if (value.kind != Value::Kind::kScalar) {
    problems.Add(value, "expected " + std::string(expected) + ", not " + value.Describe());
    return;
  }
  auto parsed = parse(value.scalar);
  if (!parsed.ok()) {
    const bool negative = !value.scalar.empty() && value.scalar[0] == '-';
    problems.Add(value, negative ? value.Describe() + " is negative; expected " + expected : parsed.status().message());
    return;
  }
  out = *parsed;
}

}  // namespace

void Problems::Add(const Value& at, const std::string& message) {
  ++count_;
  if (lines_.size() >= kMost) return;
  lines_.push_back({at.source != nullptr && at.source->from_option, at.line, at.column, at.Where() + ": " + message});
}

void Problems::AddLine(std::string line) {
  ++count_;
  if (lines_.size() < kMost) lines_.push_back({true, 0, 0, std::move(line)});
}

Status Problems::ToStatus() const {
  if (count_ == 0) return Status::Ok();
  std::vector<Line> sorted = lines_;
  std::stable_sort(sorted.begin(), sorted.end(), [](const Line& a, const Line& b) {
    return std::tie(a.from_option, a.line, a.column) < std::tie(b.from_option, b.line, b.column);
  });
  std::string text;
  for (const Line& line : sorted) text += (text.empty() ? "" : "\n") + line.text;
  if (count_ > lines_.size()) text += "\n… and " + std::to_string(count_ - lines_.size()) + " more problems";
  return {StatusCode::kInvalidArgument, text};
}

std::string Suggest(const std::string& word, const std::vector<std::string>& choices) {
  const std::string nearest = NearestName(word, choices);
  if (!nearest.empty()) return "; did you mean '" + nearest + "'?";
  std::string list;
  for (const std::string& choice : choices) list += (list.empty() ? "; expected " : ", ") + choice;
  return list;
}

void ReadText(const Value& value, Problems& problems, std::string& out) {
  if (value.kind != Value::Kind::kScalar || value.scalar.empty()) {
    problems.Add(value, "expected text, not " + value.Describe());
    return;
  }
  out = value.scalar;
}

void ReadFlag(const Value& value, Problems& problems, bool& out) {
  if (value.kind == Value::Kind::kScalar && value.scalar == "true") {
    out = true;
  } else if (value.kind == Value::Kind::kScalar && value.scalar == "false") {
    out = false;
  } else {
    problems.Add(value, "expected true or false, not " + value.Describe());
  }
}

void ReadCount(const Value& value, Problems& problems, int64_t& out) {
  ReadWith(value, problems, out, ParseCount, "a whole number");
}

void ReadNumber(const Value& value, Problems& problems, double& out) {
  ReadWith(value, problems, out, ParseNumber, "a number");
}

void ReadPositive(const Value& value, Problems& problems, double& out) {
  double number = 1;
  ReadNumber(value, problems, number);
  if (number > 0) {
    out = number;
  } else {
    problems.Add(value, value.Describe() + " is not above zero");
  }
}

void ReadTime(const Value& value, Problems& problems, Duration& out) {
  ReadWith(value, problems, out, ParseDuration, "a duration like 250ms, 2s or 1h30m");
}

void ReadBytes(const Value& value, Problems& problems, int64_t& out) {
  ReadWith(value, problems, out, ParseBytes, "a size like 16KiB, 512MB or 4GiB");
}

void ReadBandwidth(const Value& value, Problems& problems, double& out) {
  ReadWith(value, problems, out, ParseBandwidth, "a bandwidth like 10Gbps");
}

void ReadRate(const Value& value, Problems& problems, double& out) {
  ReadWith(value, problems, out, ParseRate, "a rate like 100/s");
}

void ReadAmount(const Value& value, Problems& problems, FixedPoint& out) {
  ReadWith(value, problems, out, ParseAmount, "an amount like 2, 0.5 or 500m");
}

void ReadPercent(const Value& value, Problems& problems, double& out) {
  ReadWith(value, problems, out, ParsePercent, "a percentage like 2%");
}

void ReadShare(const Value& value, Problems& problems, double& out) {
  double share = 0;
  const bool percent = value.kind == Value::Kind::kScalar && value.scalar.ends_with('%');
  const size_t before = problems.count();
  percent ? ReadPercent(value, problems, share) : ReadNumber(value, problems, share);
  if (problems.count() != before) return;
  if (share < 0 || share > 1) {
    problems.Add(value, value.Describe() + " is not between 0 and 1 (0% and 100%)");
    return;
  }
  out = share;
}

MapReader::MapReader(const Value& value, Problems& problems, std::string what)
    : value_(value), problems_(problems), what_(std::move(what)) {
  if (value.kind != Value::Kind::kMap) problems_.Add(value, what_ + " must be a map of keys, not " + value.Describe());
}

const Value* MapReader::Find(const std::string& key) {
  known_.push_back(key);
  const Value* value = value_.Find(key);
  return value == nullptr || value->kind == Value::Kind::kNull ? nullptr : value;
}

const Value* MapReader::Require(const std::string& key) {
  const Value* value = Find(key);
  if (value == nullptr && value_.kind == Value::Kind::kMap)
    problems_.Add(value_, what_ + " needs the key '" + key + "'");
  return value;
}

void MapReader::Finish() {
  for (const Value::Entry& entry : value_.map) {
    const std::string& key = entry.key.scalar;
    if (std::find(known_.begin(), known_.end(), key) != known_.end()) continue;
    problems_.Add(entry.key, "unknown key '" + key + "' in " + what_ + Suggest(key, known_));
  }
}

void MapReader::Forbid(const std::string& key, const std::string& why) {
  for (const Value::Entry& entry : value_.map) {
    if (entry.key.scalar != key) continue;
    problems_.Add(entry.key, "key '" + key + "' in " + what_ + ": " + why);
    known_.push_back(key);
  }
}

void ReadList(const Value& value, Problems& problems, const std::string& what,
              const std::function<void(const Value&)>& read) {
  if (value.kind != Value::Kind::kList) {
    problems.Add(value, what + " must be a list, not " + value.Describe());
    return;
  }
  for (const Value& element : value.list) read(element);
}

}  // namespace orrery
