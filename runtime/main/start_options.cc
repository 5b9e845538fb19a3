#include "runtime/main/start_options.h"

#include <dirent.h>
#include <sched.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "runtime/scheduling/policy.h"

namespace orrery {

namespace {

Status Bad(const std::string& message) { return {StatusCode::kInvalidArgument, message}; }

int MachineCpus() {
  cpu_set_t set;
  return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

// /dev/nvidia0, /dev/nvidia1, …
int MachineGpus() {
  int count = 0;
  if (DIR* directory = opendir("/dev")) {
    while (const dirent* entry = readdir(directory)) {
      const std::string name = entry->d_name;
      if (name.size() > 6 && name.compare(0, 6, "nvidia") == 0 &&
          std::isdigit(static_cast<unsigned char>(name[6])) != 0)
        ++count;
    }
    closedir(directory);
  }
  return count;
}

int64_t MachineMemory() { return int64_t{sysconf(_SC_PHYS_PAGES)} * sysconf(_SC_PAGESIZE); }

// What shared memory can hold: the machine's memory, or the container's share of it.
int64_t SharedMemoryLimit() {
  std::ifstream file("/sys/fs/cgroup/memory.max");
  int64_t share = 0;
  return file >> share && share > 0 ? std::min(share, MachineMemory()) : MachineMemory();
}

// Defaults as in Ray.
Result<int64_t> ObjectStoreMemory(const std::string& text) {
  constexpr int64_t kMost = 200'000'000'000;
  const int64_t limit = SharedMemoryLimit();
  if (text.empty()) return std::min(limit / 10 * 3, kMost);
  Result<int64_t> given = ParseBytes(text);
  if (!given.ok()) return Bad("--object-store-memory: " + given.status().message());
  if (*given > limit) {
    return Bad("--object-store-memory: " + text + " is more than the " + std::to_string(limit) +
               " bytes of memory that this machine has for it");
  }
  return given;
}

Status AddCustom(const std::string& text, ResourceSet& total) {
  const nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
  const std::string hint = R"(; write for example --resources '{"tpu": 4, "licence": 1}')";
  if (!json.is_object()) return Bad("--resources: '" + text + "' is not a JSON object" + hint);
  for (const auto& [name, amount] : json.items()) {
    if (!amount.is_number() || amount.get<double>() < 0)
      return Bad("--resources: the amount of '" + name + "' must be a number >= 0");
    for (size_t kind = 0; kind < kPredefinedResources; ++kind) {
      if (name == ResourceKindName(static_cast<ResourceKind>(kind))) {
        return Bad("--resources: '" + name +
                   "' has its own flag (--num-cpus, --num-gpus, --memory, --object-store-memory)");
      }
    }
    total.Set(name, FixedPoint::FromDouble(amount.get<double>()));
  }
  return Status::Ok();
}

}  // namespace

void AddNodeFlags(CLI::App& app, StartOptions& options) {
  const CLI::Validator amount(
      [](const std::string& text) {
        double number = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
        const bool good = error == std::errc() && end == text.data() + text.size() && number >= 0 && number < 1e6;
        return good ? std::string() : "'" + text + "' is not an amount; write a number from 0, e.g. 4 or 0.5";
      },
      "");
  app.add_option("--num-cpus", options.num_cpus, "CPUs that tasks may use (default: all of this machine)")
      ->check(amount);
  app.add_option("--num-gpus", options.num_gpus, "GPUs that tasks may use (default: as many as /dev/nvidia*)")
      ->check(amount);
  app.add_option("--memory", options.memory,
                 "memory that tasks may ask for, e.g. 8GiB (default: 70 % of this machine's)");
  app.add_option("--object-store-memory", options.object_store_memory,
                 "shared memory for large values, e.g. 4GiB (default: 30 % of this machine's, at most 200GB)");
  app.add_option("--resources", options.resources, R"(custom resources as JSON, e.g. '{"tpu": 4}')");
  app.add_option("--labels", options.labels, "labels, e.g. zone=a,disk=ssd");
  app.add_option("--name", options.name, "name of the node (default: given by the cluster, node-1, node-2, …)");
  app.add_option("--set", options.settings, "a setting, knob=value; repeatable (orrery settings lists them)")
      ->take_all()
      ->expected(1);
}

std::vector<std::string> NodeFlags(const StartOptions& options) {
  std::vector<std::string> words;
  const auto add = [&](const char* flag, const std::string& value) {
    if (!value.empty()) words.push_back(std::string(flag) + "=" + value);
  };
  const auto number = [](double value) { return value < 0 ? std::string() : nlohmann::json(value).dump(); };
  add("--num-cpus", number(options.num_cpus));
  add("--num-gpus", number(options.num_gpus));
  add("--memory", options.memory);
  add("--object-store-memory", options.object_store_memory);
  add("--resources", options.resources);
  add("--labels", options.labels);
  add("--name", options.name);
  for (const std::string& setting : options.settings) add("--set", setting);
  return words;
}

Result<int64_t> ParseBytes(const std::string& text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string unit(end, text.data() + text.size());
  struct Unit {
    const char* name;
    double bytes;
  };
  constexpr Unit kUnits[] = {{"", 1},         {"B", 1},        {"kB", 1e3},    {"KB", 1e3},
                             {"MB", 1e6},     {"GB", 1e9},     {"TB", 1e12},   {"KiB", 0x1p10},
                             {"MiB", 0x1p20}, {"GiB", 0x1p30}, {"TiB", 0x1p40}};
  for (const Unit& known : kUnits) {
    if (error == std::errc() && number >= 0 && unit == known.name && number * known.bytes < 1e15) {
      return static_cast<int64_t>(std::llround(number * known.bytes));
    }
  }
  return Bad("'" + text + "' is not an amount of memory; write for example 8GiB or 500MB");
}

Result<ResourceSet> TotalResources(const StartOptions& options) {
  ResourceSet total;
  total.Set(ResourceKind::kCpu, FixedPoint::FromDouble(options.num_cpus < 0 ? MachineCpus() : options.num_cpus));
  total.Set(ResourceKind::kGpu, FixedPoint::FromDouble(options.num_gpus < 0 ? MachineGpus() : options.num_gpus));
  if (options.num_gpus > 0 && std::floor(options.num_gpus) != options.num_gpus)
    return Bad("--num-gpus: a node has whole GPUs");
  int64_t memory = MachineMemory() / 10 * 7;
  if (!options.memory.empty()) {
    Result<int64_t> given = ParseBytes(options.memory);
    if (!given.ok()) return Bad("--memory: " + given.status().message());
    memory = *given;
  }
  total.Set(ResourceKind::kMemory, FixedPoint::Whole(memory));
  Result<int64_t> store = ObjectStoreMemory(options.object_store_memory);
  if (!store.ok()) return store.status();
  total.Set(ResourceKind::kObjectStoreMemory, FixedPoint::Whole(*store));
  if (!options.resources.empty()) {
    Status status = AddCustom(options.resources, total);
    if (!status.ok()) return status;
  }
  return total;
}

Result<std::vector<std::string>> SpillParents(const Settings& settings, const std::string& session_folder) {
  const std::string& text = settings.spill_directories;
  if (text == "none") return std::vector<std::string>();
  if (text.empty()) return std::vector<std::string>{session_folder};
  std::vector<std::string> parents;
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find(',', at), text.size());
    const std::string folder = text.substr(at, end - at);
    if (access(folder.c_str(), W_OK | X_OK) != 0)
      return Bad("setting 'spill_directories': cannot write to '" + folder + "': " + std::strerror(errno));
    parents.push_back(folder + "/orrery-spill-" + std::to_string(geteuid()));
    at = end + 1;
  }
  return parents;
}

Result<Labels> ParseLabels(const std::string& text) {
  Labels labels;
  size_t at = 0;
  while (at < text.size()) {
    size_t end = text.find(',', at);
    if (end == std::string::npos) end = text.size();
    const std::string item = text.substr(at, end - at);
    const size_t equals = item.find('=');
    if (equals == std::string::npos || equals == 0) return Bad("--labels: '" + item + "' is not of the form key=value");
    labels[item.substr(0, equals)] = item.substr(equals + 1);
    at = end + 1;
  }
  return labels;
}

Result<Settings> ParseSettings(const std::vector<std::string>& words) {
  Settings settings;
  for (const std::string& word : words) {
    const size_t equals = word.find('=');
    if (equals == std::string::npos) return Bad("--set: '" + word + "' is not of the form knob=value");
    Status status = SetSetting(settings, word.substr(0, equals), word.substr(equals + 1));
    if (!status.ok()) return Bad("--set: " + status.message());
  }
  const std::vector<std::string>& policies = PolicyNames();
  if (std::find(policies.begin(), policies.end(), settings.placement) == policies.end()) {
    const std::string nearest = NearestName(settings.placement, policies);
    return Bad("--set: unknown placement policy '" + settings.placement + "'" +
               (nearest.empty() ? "" : "; did you mean '" + nearest + "'?"));
  }
  return settings;
}

}  // namespace orrery
