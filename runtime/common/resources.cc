#include "runtime/common/resources.h"

#include <algorithm>
#include <utility>

namespace orrery {

namespace {
using Custom = std::vector<std::pair<std::string, FixedPoint>>;

Custom::const_iterator LowerBound(const Custom& custom, std::string_view name) {
  return std::lower_bound(custom.begin(), custom.end(), name,
                          [](const auto& entry, auto n) { return entry.first < n; });
}
}  // namespace

const char* ResourceKindName(ResourceKind kind) {
  static constexpr std::array<const char*, kPredefinedResources> kNames = {"CPU", "memory", "object_store_memory",
                                                                           "GPU"};
  return kNames[static_cast<size_t>(kind)];
}

FixedPoint ResourceSet::Get(std::string_view name) const {
  for (size_t i = 0; i < kPredefinedResources; ++i) {
    if (name == ResourceKindName(static_cast<ResourceKind>(i))) return predefined_[i];
  }
  auto it = LowerBound(custom_, name);
  return it != custom_.end() && it->first == name ? it->second : FixedPoint{};
}

ResourceSet& ResourceSet::Set(std::string_view name, FixedPoint amount) {
  for (size_t i = 0; i < kPredefinedResources; ++i) {
    if (name == ResourceKindName(static_cast<ResourceKind>(i))) return Set(static_cast<ResourceKind>(i), amount);
  }
  auto it = custom_.begin() + (LowerBound(custom_, name) - custom_.cbegin());
  const bool present = it != custom_.end() && it->first == name;
  if (amount.raw == 0) {
    if (present) custom_.erase(it);
  } else if (present) {
    it->second = amount;
  } else {
    custom_.insert(it, {std::string(name), amount});
  }
  return *this;
}

bool ResourceSet::empty() const {
  return custom_.empty() &&
         std::all_of(predefined_.begin(), predefined_.end(), [](FixedPoint x) { return x.raw == 0; });
}

bool ResourceSet::FitsIn(const ResourceSet& other) const {
  for (size_t i = 0; i < kPredefinedResources; ++i) {
    if (predefined_[i] > other.predefined_[i]) return false;
  }
  for (const auto& [name, amount] : custom_) {
    if (amount > other.Get(name)) return false;
  }
  return true;
}

bool ResourceSet::AnyNegative() const {
  const auto negative = [](FixedPoint x) { return x.raw < 0; };
  return std::any_of(predefined_.begin(), predefined_.end(), negative) ||
         std::any_of(custom_.begin(), custom_.end(), [&](const auto& entry) { return negative(entry.second); });
}

ResourceSet& ResourceSet::operator+=(const ResourceSet& other) {
  for (size_t i = 0; i < kPredefinedResources; ++i) predefined_[i] += other.predefined_[i];
  for (const auto& [name, amount] : other.custom_) Set(name, Get(name) + amount);
  return *this;
}

ResourceSet& ResourceSet::operator-=(const ResourceSet& other) {
  for (size_t i = 0; i < kPredefinedResources; ++i) predefined_[i] -= other.predefined_[i];
  for (const auto& [name, amount] : other.custom_) Set(name, Get(name) - amount);
  return *this;
}

std::strong_ordering ResourceSet::operator<=>(const ResourceSet& other) const {
  if (auto order = predefined_ <=> other.predefined_; order != 0) return order;
  return custom_ <=> other.custom_;
}

std::string ToString(const ResourceSet& resources) {
  std::string text;
  const auto add = [&](std::string_view name, FixedPoint amount) {
    if (!text.empty()) text += ", ";
    text += std::string(name) + ": " + ToString(amount);
  };
  for (size_t i = 0; i < kPredefinedResources; ++i) {
    const auto kind = static_cast<ResourceKind>(i);
    if (resources.Get(kind).raw != 0) add(ResourceKindName(kind), resources.Get(kind));
  }
  for (const auto& [name, amount] : resources.custom()) add(name, amount);
  return "{" + text + "}";
}

Status ValidateRequest(const ResourceSet& request) {
  if (request.AnyNegative()) {
    return {StatusCode::kInvalidArgument, "resource amounts must not be negative: " + ToString(request)};
  }
  const FixedPoint gpu = request.Get(ResourceKind::kGpu);
  if (gpu > FixedPoint::Whole(1) && !gpu.whole()) {
    return {StatusCode::kInvalidArgument, "GPU must be below 1 or whole, not " + ToString(gpu)};
  }
  return Status::Ok();
}

bool LabelExpression::Matches(const Labels& labels) const {
  const auto it = labels.find(key);
  const bool present = it != labels.end();
  const bool listed = present && std::find(values.begin(), values.end(), it->second) != values.end();
  switch (op) {
    case Op::kIn: return listed;
    case Op::kNotIn: return !listed;
    case Op::kExists: return present;
    case Op::kDoesNotExist: return !present;
  }
  return false;
}

bool Matches(const LabelSelector& selector, const Labels& labels) {
  return std::all_of(selector.begin(), selector.end(), [&](const LabelExpression& e) { return e.Matches(labels); });
}

bool MatchesAny(const SchedulingStrategy& strategy, const Labels& labels) {
  return Matches(strategy.hard_labels, labels) ||
         std::any_of(strategy.fallbacks.begin(), strategy.fallbacks.end(),
                     [&](const LabelSelector& selector) { return Matches(selector, labels); });
}

Result<LabelExpression> ParseLabelExpression(const std::string& key, std::string text) {
  LabelExpression expression{key, LabelExpression::Op::kIn, {}};
  if (text.starts_with('!')) {
    expression.op = LabelExpression::Op::kNotIn;
    text.erase(0, 1);
  }
  const bool list = text.starts_with("in(") && text.ends_with(')');
  if (list) text = text.substr(3, text.size() - 4) + ",";
  std::string part;
  for (const char c : text) {
    if (list && c == ',') {
      expression.values.push_back(std::exchange(part, ""));
    } else if (c != ' ' || !list) {
      part.push_back(c);
    }
  }
  if (!list) expression.values.push_back(part);
  const bool blank =
      std::any_of(expression.values.begin(), expression.values.end(), [](const auto& value) { return value.empty(); });
  if (expression.values.empty() || blank)
    return Status(StatusCode::kInvalidArgument, "label '" + key + "' needs a value");
  std::sort(expression.values.begin(), expression.values.end());
  return expression;
}

}  // namespace orrery
