#include "runtime/config/document.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <sstream>

namespace orrery {

namespace {

constexpr size_t kMaxDepth = 32;
constexpr size_t kMaxValues = 200'000;
constexpr size_t kMaxKeys = 10'000;
constexpr size_t kMaxText = size_t{16} << 20;

// Why parsing stopped; thrown inside ParseDocument only, through yaml-cpp's frames.
struct Refusal {
  YAML::Mark mark;
  std::string message;
};

// Builds the tree from yaml-cpp's events, so that depth, size and aliases are bounded while they arrive.
class TreeBuilder final : public YAML::EventHandler {
 public:
  explicit TreeBuilder(std::shared_ptr<const Source> source) : source_(std::move(source)) {}

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Leaf(Make(Value::Kind::kNull, mark), anchor, mark);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    Value value = Make(Value::Kind::kScalar, mark);
    value.scalar = text;
    value.quoted = tag == "!";
    if (!value.quoted && (text.empty() || text == "~" || text == "null")) value.kind = Value::Kind::kNull;
    Leaf(std::move(value), anchor, mark);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto known = anchors_.find(anchor);
    if (known == anchors_.end()) throw Refusal{mark, "an alias inside of what it names"};
    CountValues(mark, Size(known->second));
    Value copy = known->second;
    if (open_.size() + Depth(copy) > kMaxDepth) throw Refusal{mark, "nested deeper than 32 levels"};
    Attach(std::move(copy), mark);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Open(Value::Kind::kList, mark, anchor);
  }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Open(Value::Kind::kMap, mark, anchor);
  }
  void OnSequenceEnd() override { Close(); }
  void OnMapEnd() override { Close(); }

  Value TakeRoot() { return std::move(root_); }

 private:
  struct OpenValue {
    Value value;
    YAML::anchor_t anchor;
    YAML::Mark mark;
    bool has_key = false;
    Value key;
  };

  Value Make(Value::Kind kind, const YAML::Mark& mark) {
    CountValues(mark, 1);
    Value value;
    value.kind = kind;
    value.source = source_;
    value.line = mark.line + 1;
    value.column = mark.column + 1;
    return value;
  }
  void CountValues(const YAML::Mark& mark, size_t n) {
    values_ += n;
    if (values_ > kMaxValues) throw Refusal{mark, "more than 200000 values"};
  }
  void Open(Value::Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (open_.size() >= kMaxDepth) throw Refusal{mark, "nested deeper than 32 levels"};
    open_.push_back({Make(kind, mark), anchor, mark, false, {}});
  }
  void Close() {
    OpenValue closed = std::move(open_.back());
    open_.pop_back();
    Leaf(std::move(closed.value), closed.anchor, closed.mark);
  }
  void Leaf(Value value, YAML::anchor_t anchor, const YAML::Mark& mark) {
    if (anchor != YAML::NullAnchor) anchors_[anchor] = value;
    Attach(std::move(value), mark);
  }
  void Attach(Value value, const YAML::Mark& mark) {
    if (open_.empty()) {
      root_ = std::move(value);
      return;
    }
    OpenValue& parent = open_.back();
    if (parent.value.kind == Value::Kind::kList) {
      parent.value.list.push_back(std::move(value));
    } else if (!parent.has_key) {
      if (value.kind != Value::Kind::kScalar) throw Refusal{mark, "a key must be a name, not " + value.Describe()};
      if (parent.value.map.size() >= kMaxKeys) throw Refusal{mark, "more than 10000 keys in one map"};
      if (parent.value.Find(value.scalar) != nullptr)
        throw Refusal{mark, "the key '" + value.scalar + "' is given twice"};
      parent.key = std::move(value);
      parent.has_key = true;
    } else {
      parent.value.map.push_back({std::move(parent.key), std::move(value)});
      parent.has_key = false;
    }
  }
  static size_t Size(const Value& value) {
    size_t size = 1;
    for (const Value& element : value.list) size += Size(element);
    for (const auto& entry : value.map) size += 1 + Size(entry.value);
    return size;
  }
  static size_t Depth(const Value& value) {
    size_t depth = 0;
    for (const Value& element : value.list) depth = std::max(depth, Depth(element));
    for (const auto& entry : value.map) depth = std::max(depth, Depth(entry.value));
    return depth + 1;
  }

  std::shared_ptr<const Source> source_;
  Value root_;
  std::vector<OpenValue> open_;
  std::map<YAML::anchor_t, Value> anchors_;
  size_t values_ = 0;
};

Status BadAt(const Source& source, const YAML::Mark& mark, const std::string& message) {
  if (source.from_option || mark.is_null()) return {StatusCode::kInvalidArgument, source.name + ": " + message};
  return {StatusCode::kInvalidArgument,
          source.name + ":" + std::to_string(mark.line + 1) + ":" + std::to_string(mark.column + 1) + ": " + message};
}

}  // namespace

const Value* Value::Find(const std::string& key) const {
  for (const Entry& entry : map) {
    if (entry.key.scalar == key) return &entry.value;
  }
  return nullptr;
}

Value* Value::Find(const std::string& key) { return const_cast<Value*>(std::as_const(*this).Find(key)); }

std::string Value::Where() const {
  if (source == nullptr) return "?";
  if (source->from_option) return source->name;
  return source->name + ":" + std::to_string(line) + ":" + std::to_string(column);
}

std::string Value::Describe() const {
  switch (kind) {
    case Kind::kNull: return "nothing";
    case Kind::kScalar: return "'" + (scalar.size() > 60 ? scalar.substr(0, 57) + "..." : scalar) + "'";
    case Kind::kList: return "a list";
    case Kind::kMap: return "a map";
  }
  return "?";
}

Result<Value> ParseDocument(const std::string& text, std::shared_ptr<const Source> source) {
  if (text.size() > kMaxText) return Status(StatusCode::kTooLarge, source->name + ": larger than 16 MiB");
  TreeBuilder builder(source);
  try {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    if (!parser.HandleNextDocument(builder)) return BadAt(*source, {}, "is empty");
    TreeBuilder rest(source);
    if (parser.HandleNextDocument(rest)) return BadAt(*source, {}, "holds more than one YAML document");
  } catch (const Refusal& refusal) {
    return BadAt(*source, refusal.mark, refusal.message);
  } catch (const YAML::Exception& e) {
    return BadAt(*source, e.mark, "is not valid YAML here: " + e.msg);
  }
  return builder.TakeRoot();
}

}  // namespace orrery
