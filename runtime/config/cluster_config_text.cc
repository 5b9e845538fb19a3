// From a cluster's description back to its file.
#include <nlohmann/json.hpp>
#include <sstream>

#include "runtime/config/cluster_config.h"

namespace orrery {

namespace {

// Every JSON string is a YAML string.
std::string Quoted(const std::string& text) { return nlohmann::json(text).dump(); }

std::string Number(double value) {
  std::ostringstream text;
  text.precision(15);
  text << value;
  return text.str();
}

std::string ResourcesText(const ResourceSet& resources) {
  std::string text;
  const auto add = [&](const std::string& name, const std::string& amount) {
    text += (text.empty() ? "" : ", ") + name + ": " + amount;
  };
  for (size_t i = 0; i < kPredefinedResources; ++i) {
    const auto kind = static_cast<ResourceKind>(i);
    if (resources.Get(kind) == FixedPoint()) continue;
    const bool bytes = kind == ResourceKind::kMemory || kind == ResourceKind::kObjectStoreMemory;
    add(ResourceKindName(kind), Number(resources.Get(kind).value()) + (bytes ? "B" : ""));
  }
  for (const auto& [name, amount] : resources.custom()) add(Quoted(name), Number(amount.value()));
  return "{" + text + "}";
}

std::string LabelsText(const Labels& labels) {
  std::string text;
  for (const auto& [key, value] : labels) text += (text.empty() ? "" : ", ") + Quoted(key) + ": " + Quoted(value);
  return "{" + text + "}";
}

std::string TypeText(const NodeType& type, const ClusterConfig& config) {
  std::string text = "  " + Quoted(type.name) + ":\n    resources: " + ResourcesText(type.resources) + "\n";
  if (!type.labels.empty()) text += "    labels: " + LabelsText(type.labels) + "\n";
  text += "    min_workers: " + std::to_string(type.min_workers) + "\n";
  text += "    max_workers: " + std::to_string(type.max_workers) + "\n";
  if (type.price > 0) text += "    price: " + Number(type.price) + "\n";
  if (type.idle_timeout.ns >= 0) text += "    idle_timeout: " + ToString(type.idle_timeout) + "\n";
  const auto given = config.node_config.find(type.name);
  if (given != config.node_config.end()) text += "    node_config: " + given->second + "\n";
  return text;
}

std::string ProviderText(const ProviderConfig& provider) {
  if (provider.kind == ProviderConfig::Kind::kLocal) {
    std::string text = "{type: local";
    if (provider.max_instances > 0) text += ", max_instances: " + std::to_string(provider.max_instances);
    if (provider.namespaces) text += ", network: namespaces, subnet: " + ToString(*provider.namespaces);
    return text + "}";
  }
  std::string words;
  for (const std::string& word : provider.program) words += (words.empty() ? "" : ", ") + Quoted(word);
  return "{type: exec, program: [" + words + "], timeout: " + ToString(provider.timeout) + "}";
}

}  // namespace

std::string ClusterConfigText(const ClusterConfig& config, const std::string& comment) {
  std::string text;
  std::istringstream lines(comment);
  for (std::string line; std::getline(lines, line);) text += "# " + line + "\n";
  text += "cluster_name: " + Quoted(config.name) + "\n";
  if (config.scaling.max_workers != INT64_MAX)
    text += "max_workers: " + std::to_string(config.scaling.max_workers) + "\n";
  text += "upscaling_speed: " + Number(config.scaling.upscaling_speed) + "\n";
  text += "idle_timeout: " + ToString(config.scaling.idle_timeout) + "\n";
  text += "provider: " + ProviderText(config.provider) + "\n";
  text += "head_node_type: " + Quoted(config.head_type) + "\n";
  text += "available_node_types:\n";
  bool head_scales = false;
  for (const NodeType& type : config.scaling.types) {
    text += TypeText(type, config);
    head_scales |= type.name == config.head_type;
  }
  if (!head_scales) {
    NodeType head;
    head.name = config.head_type;
    head.resources = config.head_resources;
    head.labels = config.head_labels;
    text += TypeText(head, config);
  }
  if (!config.settings.empty()) text += "settings:\n";
  for (const auto& [name, value] : config.settings) text += "  " + name + ": " + Quoted(value) + "\n";
  return text;
}

}  // namespace orrery
