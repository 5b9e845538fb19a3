#include "sim/scenario/cluster_file.h"

#include <algorithm>

#include "runtime/autoscaler/autoscaler.h"

namespace orrery {

std::map<std::string, std::string> ChangedSettings(const Settings& settings) {
  std::map<std::string, std::string> changed;
  const std::vector<SettingInfo> now = ListSettings(settings), before = ListSettings(Settings());
  for (size_t i = 0; i < now.size(); ++i) {
    if (now[i].value != before[i].value) changed[now[i].name] = now[i].value;
  }
  return changed;
}

Result<ClusterConfig> ClusterConfigOf(const Scenario& scenario) {
  const std::vector<NodeTypeSpec>& specs = scenario.cluster.node_types;
  const auto head = std::find_if(specs.begin(), specs.end(), [&](const NodeTypeSpec& spec) {
    return scenario.cluster.head.empty() ? spec.count > 0 : spec.name == scenario.cluster.head;
  });
  if (head == specs.end())
    return Status(StatusCode::kInvalidArgument,
                  "the cluster of scenario '" + scenario.name + "' has no node types to write down");
  ClusterConfig config;
  config.name = scenario.name;
  config.head_type = head->name;
  config.head_resources = head->resources;
  config.head_labels = head->labels;
  std::vector<NodeType> types;
  for (const NodeTypeSpec& spec : specs) {
    NodeType type;
    type.name = spec.name;
    type.resources = spec.resources;
    type.labels = spec.labels;
    type.price = spec.price;
    const int64_t fixed = spec.count - (&spec == &*head ? 1 : 0);
    type.min_workers = spec.scaled ? spec.min : fixed;
    type.max_workers = spec.scaled ? spec.max : fixed;
    if (type.max_workers > 0) types.push_back(std::move(type));
  }
  config.scaling = ConfigFrom(scenario.policy, std::move(types));
  if (scenario.autoscaler) config.scaling.max_workers = scenario.autoscaler->max_workers;
  config.settings = ChangedSettings(scenario.policy);
  return config;
}

}  // namespace orrery
