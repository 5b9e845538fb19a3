#include "sim/record/summary.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

namespace orrery {

using Json = nlohmann::ordered_json;

struct Summary::Tree {
  Json root = Json::object();

  // The value at a dotted path, made (and its parents turned into objects) where missing.
  Json& Make(std::string_view path) {
    Json* at = &root;
    while (true) {
      const size_t dot = path.find('.');
      if (!at->is_object()) *at = Json::object();
      at = &(*at)[std::string(path.substr(0, dot))];
      if (dot == std::string_view::npos) return *at;
      path.remove_prefix(dot + 1);
    }
  }
  const Json* Find(std::string_view path) const {
    const Json* at = &root;
    while (true) {
      const size_t dot = path.find('.');
      if (!at->is_object()) return nullptr;
      auto it = at->find(std::string(path.substr(0, dot)));
      if (it == at->end()) return nullptr;
      at = &*it;
      if (dot == std::string_view::npos) return at;
      path.remove_prefix(dot + 1);
    }
  }
};

namespace {

bool IsNumber(const Json& value) { return value.is_number() || value.is_boolean(); }

void CollectNumbers(const Json& value, const std::string& prefix, std::vector<std::string>& paths) {
  for (auto it = value.begin(); it != value.end(); ++it) {
    const std::string path = prefix.empty() ? it.key() : prefix + "." + it.key();
    if (it->is_object()) CollectNumbers(*it, path, paths);
    if (IsNumber(*it)) paths.push_back(path);
  }
}

}  // namespace

Summary::Summary() : tree_(std::make_unique<Tree>()) {}
Summary::Summary(const Summary& other) : tree_(std::make_unique<Tree>(*other.tree_)) {}
Summary::Summary(Summary&& other) noexcept : tree_(std::exchange(other.tree_, std::make_unique<Tree>())) {}
Summary& Summary::operator=(Summary other) noexcept {
  tree_.swap(other.tree_);
  return *this;
}
Summary::~Summary() = default;

void Summary::SetNumber(std::string_view path, double value) {
  if (std::isfinite(value)) {
    tree_->Make(path) = value;
  } else {
    SetNull(path);
  }
}
void Summary::SetInteger(std::string_view path, int64_t value) { tree_->Make(path) = value; }
void Summary::SetUnsigned(std::string_view path, uint64_t value) { tree_->Make(path) = value; }
void Summary::SetString(std::string_view path, std::string_view value) { tree_->Make(path) = std::string(value); }
void Summary::SetBool(std::string_view path, bool value) { tree_->Make(path) = value; }
void Summary::SetNull(std::string_view path) { tree_->Make(path) = nullptr; }

void Summary::SetChecks(const std::vector<CheckResult>& checks) {
  Json list = Json::array();
  for (const CheckResult& check : checks) {
    list.push_back({{"name", check.name}, {"ok", check.ok}, {"detail", check.detail}});
  }
  tree_->Make("checks") = std::move(list);
}

std::optional<double> Summary::Number(std::string_view path) const {
  const Json* value = tree_->Find(path);
  if (value == nullptr || !IsNumber(*value)) return std::nullopt;
  return value->is_boolean() ? (value->get<bool>() ? 1.0 : 0.0) : value->get<double>();
}

std::optional<std::string> Summary::String(std::string_view path) const {
  const Json* value = tree_->Find(path);
  if (value == nullptr || !value->is_string()) return std::nullopt;
  return value->get<std::string>();
}

std::vector<std::string> Summary::NumberPaths() const {
  std::vector<std::string> paths;
  CollectNumbers(tree_->root, "", paths);
  return paths;
}

bool Summary::ChecksOk() const {
  const Json* checks = tree_->Find("checks");
  if (checks == nullptr || !checks->is_array()) return true;
  for (const Json& check : *checks) {
    if (!check.value("ok", false)) return false;
  }
  return true;
}

std::string Summary::ToJson(bool indented) const {
  // Names come from users and need not be UTF-8.
  constexpr auto kReplace = Json::error_handler_t::replace;
  return indented ? tree_->root.dump(2, ' ', false, kReplace) + "\n" : tree_->root.dump(-1, ' ', false, kReplace);
}

Result<Summary> Summary::FromJson(std::string_view text) {
  Json root = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!root.is_object()) return Status(StatusCode::kInvalidArgument, "a summary must be a JSON object");
  Summary summary;
  summary.tree_->root = std::move(root);
  return summary;
}

}  // namespace orrery
