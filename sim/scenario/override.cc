#include "sim/scenario/override.h"

#include <charconv>
#include <vector>

#include "runtime/common/settings.h"

namespace orrery {

namespace {

std::vector<std::string> SplitPath(const std::string& path) {
  std::vector<std::string> parts(1);
  for (const char c : path) {
    if (c == '.') {
      parts.emplace_back();
    } else {
      parts.back().push_back(c);
    }
  }
  return parts;
}

std::string ElementName(const Value& element) {
  const Value* name = element.Find("name");
  return name != nullptr ? name->scalar : "";
}

// The element called `part`, by name or by index; else an error with the names there are.
Result<Value*> StepIntoList(Value& list, const std::string& part) {
  std::vector<std::string> names;
  for (Value& element : list.list) {
    const std::string name = ElementName(element);
    if (name == part) return &element;
    if (!name.empty()) names.push_back(name);
  }
  size_t index = 0;
  const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), index);
  if (error == std::errc() && end == part.data() + part.size()) {
    if (index < list.list.size()) return &list.list[index];
    return Status(StatusCode::kInvalidArgument,
                  "there is no element " + part + ": the list has " + std::to_string(list.list.size()));
  }
  const std::string nearest = NearestName(part, names);
  return Status(StatusCode::kInvalidArgument, "the list has no element named '" + part + "'" +
                                                  (nearest.empty() ? "" : "; did you mean '" + nearest + "'?"));
}

Value NewValue(const std::shared_ptr<const Source>& source) {
  Value value;
  value.source = source;
  return value;
}

Result<Value*> Step(Value& at, const std::string& part, const std::shared_ptr<const Source>& source) {
  if (at.kind == Value::Kind::kNull) {
    at = NewValue(source);
    at.kind = Value::Kind::kMap;
  }
  if (at.kind == Value::Kind::kList) return StepIntoList(at, part);
  if (at.kind == Value::Kind::kScalar) {
    return Status(StatusCode::kInvalidArgument, at.Describe() + " has no part '" + part + "'");
  }
  if (Value* known = at.Find(part)) return known;
  Value key = NewValue(source);
  key.kind = Value::Kind::kScalar;
  key.scalar = part;
  at.map.push_back({std::move(key), NewValue(source)});
  return &at.map.back().value;
}

}  // namespace

Status ApplyOverride(Value& root, const std::string& text) {
  const auto bad = [&](const std::string& why) {
    return Status(StatusCode::kInvalidArgument, "--set " + text + ": " + why);
  };
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) return bad("write --set key.path=value");
  const auto source = std::make_shared<const Source>(Source{"--set " + text, true});
  Value value = NewValue(source);
  if (equals + 1 < text.size()) {
    Result<Value> parsed = ParseDocument(text.substr(equals + 1), source);
    if (!parsed.ok()) return parsed.status();
    value = std::move(parsed).value();
  }
  const std::vector<std::string> parts = SplitPath(text.substr(0, equals));
  if (parts.size() > 32) return bad("the path has more than 32 parts");
  Value* at = &root;
  for (const std::string& part : parts) {
    if (part.empty()) return bad("the path has an empty part");
    Result<Value*> next = Step(*at, part, source);
    if (!next.ok()) return bad(next.status().message());
    at = *next;
  }
  *at = std::move(value);
  return Status::Ok();
}

}  // namespace orrery
