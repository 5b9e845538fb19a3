#include "runtime/config/cluster_config.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "runtime/autoscaler/autoscaler.h"
#include "runtime/autoscaler/demand_scheduler.h"
#include "runtime/config/quantity.h"
#include "runtime/config/resource_reader.h"

namespace orrery {

namespace {

// Keys of Ray's file that say how to install and start Ray on a fresh machine.
constexpr const char* kSetupKeys[] = {"auth",
                                      "cluster_synced_files",
                                      "docker",
                                      "file_mounts",
                                      "head_node",
                                      "head_setup_commands",
                                      "head_start_ray_commands",
                                      "initialization_commands",
                                      "rsync_exclude",
                                      "rsync_filter",
                                      "setup_commands",
                                      "worker_nodes",
                                      "worker_setup_commands",
                                      "worker_start_ray_commands"};

struct Reading {
  std::string file;
  Problems problems;
  ClusterConfig config;
  Settings settings;
  std::optional<int64_t> max_workers;
};

void ReadMinutes(const Value& value, Problems& problems, Duration& out) {
  double minutes = 0;
  ReadPositive(value, problems, minutes);
  out = Duration::FromSeconds(minutes * 60);
}

// One of `idle_timeout: 90s`, `idle_timeout_minutes: 1.5` and `idle_timeout_s: 90`.
void ReadIdleTimeout(MapReader& map, Duration& out) {
  const bool given = map.Read("idle_timeout", ReadTime, out);
  const bool minutes = map.Read("idle_timeout_minutes", ReadMinutes, out);
  double seconds = 0;
  const bool in_seconds = map.Read("idle_timeout_s", ReadPositive, seconds);
  if (in_seconds) out = Duration::FromSeconds(seconds);
  if (given + minutes + in_seconds > 1)
    map.problems().Add(map.value(), map.what() + ": give one of idle_timeout, idle_timeout_minutes, idle_timeout_s");
}

// YAML's own scalar types, where they are not quoted.
nlohmann::ordered_json JsonOf(const Value& value) {
  nlohmann::ordered_json json;
  switch (value.kind) {
    case Value::Kind::kNull: return nullptr;
    case Value::Kind::kList:
      json = nlohmann::ordered_json::array();
      for (const Value& element : value.list) json.push_back(JsonOf(element));
      return json;
    case Value::Kind::kMap:
      json = nlohmann::ordered_json::object();
      for (const Value::Entry& entry : value.map) json[entry.key.scalar] = JsonOf(entry.value);
      return json;
    case Value::Kind::kScalar: break;
  }
  if (!value.quoted) {
    nlohmann::ordered_json plain = nlohmann::ordered_json::parse(value.scalar, nullptr, false);
    if (plain.is_number() || plain.is_boolean()) return plain;
  }
  return value.scalar;
}

void ReadNodeType(const Value::Entry& entry, Reading& reading) {
  ClusterConfig& config = reading.config;
  NodeType type;
  type.name = entry.key.scalar;
  MapReader map(entry.value, reading.problems, "node type '" + type.name + "'");
  if (const Value* resources = map.Require("resources")) ReadResources(*resources, reading.problems, type.resources);
  if (const Value* labels = map.Find("labels")) ReadLabels(*labels, reading.problems, type.labels);
  const bool head = type.name == config.head_type;
  map.Read("min_workers", ReadCount, type.min_workers);
  const bool bounded = map.Read("max_workers", ReadCount, type.max_workers);
  if (!bounded && !head) {
    if (!reading.max_workers)
      reading.problems.Add(entry.key, map.what() + " needs max_workers, here or for the whole cluster");
    type.max_workers = reading.max_workers.value_or(0);
  }
  map.Read("price", ReadNumber, type.price);
  ReadIdleTimeout(map, type.idle_timeout);
  if (const Value* given = map.Find("node_config")) {
    if (config.provider.kind != ProviderConfig::Kind::kExec)
      reading.problems.Add(*given, "node_config is for the program of provider type exec");
    config.node_config[type.name] = JsonOf(*given).dump();
  }
  for (const char* key : kSetupKeys) map.Forbid(key, "nodes are set up by what provides them");
  map.Finish();
  if (head) {
    config.head_resources = type.resources;
    config.head_labels = type.labels;
    if (type.max_workers == 0 && type.min_workers == 0) return;
  }
  AutoscalerConfig alone;
  alone.types = {type};
  if (Status status = ValidateConfig(alone); !status.ok()) reading.problems.Add(entry.key, status);
  config.scaling.types.push_back(std::move(type));
}

void ReadSubnet(const Value& value, Problems& problems, Subnet& out) {
  std::string text;
  ReadText(value, problems, text);
  Result<Subnet> subnet = ParseSubnet(text);
  if (subnet.ok())
    out = *subnet;
  else
    problems.Add(value, "subnet: " + subnet.status().message());
}

// `network: namespaces`, and `subnet` only with it.
void ReadNetwork(MapReader& map, std::optional<Subnet>& namespaces) {
  bool own = false;
  map.Choose<bool>("network", {{"host", false}, {"namespaces", true}}, own);
  if (!own) return map.Forbid("subnet", "only with network: namespaces");
  map.Read("subnet", ReadSubnet, namespaces.emplace());
}

void ReadProvider(const Value& value, Reading& reading) {
  using Kind = ProviderConfig::Kind;
  ProviderConfig& provider = reading.config.provider;
  MapReader map(value, reading.problems, "provider");
  map.Require("type");
  map.Choose<Kind>("type", {{"local", Kind::kLocal}, {"exec", Kind::kExec}}, provider.kind);
  if (provider.kind == Kind::kExec) {
    map.Forbid("max_instances", "the program says how many it can have");
    for (const char* key : {"network", "subnet"}) map.Forbid(key, "only with type: local");
    map.Read("timeout", ReadTime, provider.timeout);
    if (const Value* program = map.Require("program")) {
      if (program->kind == Value::Kind::kScalar) {
        ReadText(*program, reading.problems, provider.program.emplace_back());
      } else {
        ReadList(*program, reading.problems, "program",
                 [&](const Value& word) { ReadText(word, reading.problems, provider.program.emplace_back()); });
      }
      if (provider.program.empty()) reading.problems.Add(*program, "program: name at least the program");
    }
    // A path, unless it is a plain name that is looked up on PATH.
    if (!provider.program.empty()) {
      std::string& program = provider.program.front();
      const size_t slash = reading.file.rfind('/');
      if (program.find('/') != std::string::npos && program[0] != '/' && slash != std::string::npos)
        program = reading.file.substr(0, slash + 1) + program;
    }
  } else {
    for (const char* key : {"program", "timeout"}) map.Forbid(key, "only with type: exec");
    map.Read("max_instances", ReadCount, provider.max_instances);
    ReadNetwork(map, provider.namespaces);
  }
  map.Finish();
}

void ReadSettings(const Value& value, Reading& reading) {
  if (value.kind != Value::Kind::kMap)
    return reading.problems.Add(value, "settings must be a map, not " + value.Describe());
  for (const Value::Entry& entry : value.map) {
    if (entry.value.kind != Value::Kind::kScalar) {
      reading.problems.Add(entry.value, "a setting takes a single value, not " + entry.value.Describe());
      continue;
    }
    const Status status = SetSetting(reading.settings, entry.key.scalar, entry.value.scalar);
    if (!status.ok()) reading.problems.Add(status.message().starts_with("unknown") ? entry.key : entry.value, status);
    reading.config.settings[entry.key.scalar] = entry.value.scalar;
  }
}

void ReadTypes(MapReader& map, Reading& reading) {
  const Value* types = map.Require("available_node_types");
  const Value* head = map.Require("head_node_type");
  map.Read("head_node_type", ReadText, reading.config.head_type);
  if (types == nullptr) return;
  if (types->kind != Value::Kind::kMap)
    return reading.problems.Add(*types, "available_node_types must be a map, not " + types->Describe());
  std::vector<std::string> names;
  for (const Value::Entry& entry : types->map) {
    names.push_back(entry.key.scalar);
    ReadNodeType(entry, reading);
  }
  const std::string& name = reading.config.head_type;
  if (head != nullptr && std::find(names.begin(), names.end(), name) == names.end())
    reading.problems.Add(*head, "head_node_type: there is no node type '" + name + "'" + Suggest(name, names));
}

// All except what is known only when every type has been read.
void ReadAll(const Value& root, Reading& reading) {
  MapReader map(root, reading.problems, "the cluster");
  ClusterConfig& config = reading.config;
  map.Read("cluster_name", ReadText, config.name);
  if (const Value* settings = map.Find("settings")) ReadSettings(*settings, reading);
  config.scaling = ConfigFrom(reading.settings, {});
  int64_t most = 0;
  if (map.Read("max_workers", ReadCount, most)) reading.max_workers = config.scaling.max_workers = most;
  map.Read("upscaling_speed", ReadPositive, config.scaling.upscaling_speed);
  ReadIdleTimeout(map, config.scaling.idle_timeout);
  if (const Value* provider = map.Require("provider")) ReadProvider(*provider, reading);
  ReadTypes(map, reading);
  for (const char* key : kSetupKeys) map.Forbid(key, "nodes are set up by what provides them");
  map.Finish();
  if (reading.problems.count() > 0) return;
  if (Status status = ValidateConfig(config.scaling); !status.ok()) reading.problems.Add(root, status);
}

}  // namespace

Result<ClusterConfig> ParseClusterConfig(const std::string& text, const std::string& filename) {
  Result<Value> root = ParseDocument(text, std::make_shared<const Source>(Source{filename, false}));
  if (!root.ok()) return root.status();
  Reading reading;
  reading.file = filename;
  ReadAll(*root, reading);
  if (reading.problems.count() > 0) return reading.problems.ToStatus();
  return std::move(reading.config);
}

Result<ClusterConfig> LoadClusterConfig(const std::string& path) {
  std::ifstream file(path);
  if (!file) return Status(StatusCode::kNotFound, "cannot read '" + path + "': " + std::strerror(errno));
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (file.bad()) return Status(StatusCode::kNotFound, "cannot read '" + path + "'");
  return ParseClusterConfig(text, path);
}

}  // namespace orrery
