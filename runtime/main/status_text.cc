#include "runtime/main/status_text.h"

#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>

#include "runtime/messages/convert.h"
#include "runtime/messages/orrery.pb.h"
#include "runtime/transport/endpoint.h"

namespace orrery {

namespace {

using Json = nlohmann::ordered_json;

struct Usage {
  FixedPoint total, available;
};

// By name, in the order in which Ray prints them: CPU, GPU, custom ones, memory.
std::map<std::pair<int, std::string>, Usage> UsageOf(const ResourceSet& total, const ResourceSet& available) {
  std::map<std::pair<int, std::string>, Usage> usage;
  constexpr int kOrder[kPredefinedResources] = {0, 3, 4, 1};
  for (size_t i = 0; i < kPredefinedResources; ++i) {
    const auto kind = static_cast<ResourceKind>(i);
    if (total.Get(kind).raw != 0) usage[{kOrder[i], ResourceKindName(kind)}] = {total.Get(kind), available.Get(kind)};
  }
  for (const auto& [name, amount] : total.custom()) usage[{2, name}] = {amount, available.Get(name)};
  return usage;
}

bool IsMemory(const std::string& name) { return name == "memory" || name == "object_store_memory"; }

std::string Amount(const std::string& name, double value) {
  char text[48];
  if (!IsMemory(name)) {
    std::snprintf(text, sizeof text, "%.1f", value);
  } else if (value < 1024) {
    std::snprintf(text, sizeof text, "%.0fB", value);
  } else if (value < 0x1p30) {
    std::snprintf(text, sizeof text, "%.2fMiB", value / 0x1p20);
  } else {
    std::snprintf(text, sizeof text, "%.2fGiB", value / 0x1p30);
  }
  return text;
}

double Number(FixedPoint value) { return static_cast<double>(value.raw) / FixedPoint::kUnit; }

std::string UsageLines(const ResourceSet& total, const ResourceSet& available) {
  std::string text;
  for (const auto& [key, usage] : UsageOf(total, available)) {
    const double all = Number(usage.total), used = all - Number(usage.available);
    text += " " + Amount(key.second, used) + "/" + Amount(key.second, all) + " " + key.second + "\n";
  }
  return text.empty() ? " (no resources)\n" : text;
}

// Ray's form: {'CPU': 1.0, 'GPU': 0.5}.
std::string Shape(const ResourceSet& resources) {
  std::string text = "{";
  for (const auto& [key, usage] : UsageOf(resources, {})) {
    char amount[32];
    std::snprintf(amount, sizeof amount, "%.10g", Number(usage.total));
    std::string number = amount;
    if (number.find_first_of(".e") == std::string::npos) number += ".0";
    text += (text.size() > 1 ? ", '" : "'") + key.second + "': " + number;
  }
  return text + "}";
}

std::string NodeLine(const msg::NodeStatus& node) {
  const Address address = FromProto(node.address());
  std::string line = " 1 " + node.name() + (node.head() ? " (head)" : "") + "  " + node.hostname() + "  " +
                     ToString(Address{address.endpoint, 0}) + "  pid " + std::to_string(node.pid());
  for (const msg::Label& label : node.labels()) line += "  " + label.key() + "=" + label.value();
  return line + "\n";
}

Json ResourcesJson(const ResourceSet& total, const ResourceSet& available) {
  Json json = Json::object();
  for (const auto& [key, usage] : UsageOf(total, available)) {
    json[key.second] = {{"total", Number(usage.total)}, {"available", Number(usage.available)}};
  }
  return json;
}

// "  priority 5, weight 2, uses {CPU: 4}", of what is not as for everybody.
std::string ClaimOf(const msg::JobStatus& job) {
  std::string text;
  const auto add = [&](const std::string& part) { text += (text.empty() ? "  " : ", ") + part; };
  if (job.priority() != 0) add("priority " + std::to_string(job.priority()));
  if (job.weight() != FixedPoint::kUnit) add("weight " + ToString(FixedPoint{job.weight()}));
  if (job.amounts_size() > 0) add("uses " + ToString(FromProto(job.amounts())));
  return text;
}

}  // namespace

std::string StatusText(const msg::ClusterStatus& status, const std::string& when) {
  std::string active, failures, demands, jobs;
  ResourceSet total, available;
  for (const msg::NodeStatus& node : status.nodes()) {
    if (node.alive()) {
      active += NodeLine(node);
      total += FromProto(node.total());
      available += FromProto(node.available());
    } else {
      failures += " " + node.name() + "  " + node.hostname() + "  " + node.death_reason() + "\n";
    }
  }
  for (const msg::DemandStatus& demand : status.demands()) {
    demands += " " + Shape(FromProto(demand.spec()).resources) + ": " + std::to_string(demand.count()) +
               "+ pending tasks/actors" + (demand.infeasible() ? " (infeasible: no node could ever hold it)" : "") +
               "\n";
  }
  for (const msg::JobStatus& job : status.jobs()) {
    if (!job.running()) continue;
    jobs += " job-" + std::to_string(job.job()) + "  " + job.name() + "  on node-" + std::to_string(job.node()) +
            "  pid " + std::to_string(job.pid()) + ClaimOf(job) + "\n";
  }
  const auto or_none = [](const std::string& lines, const char* none) {
    return lines.empty() ? std::string(none) : lines;
  };
  const std::string title = "======== Orrery status: " + when + " ========";
  const std::string rule(63, '-');
  return title + "\nNode status\n" + rule + "\nActive:\n" + or_none(active, " (no active nodes)\n") +
         "Pending:\n (no pending nodes)\nRecent failures:\n" + or_none(failures, " (no failures)\n") + "\nResources\n" +
         rule + "\nTotal Usage:\n" + UsageLines(total, available) + "\nTotal Demands:\n" +
         or_none(demands, " (no resource demands)\n") + "\nRunning jobs:\n" + or_none(jobs, " (no running jobs)\n");
}

std::string StatusJson(const msg::ClusterStatus& status) {
  Json json = {
      {"epoch", status.epoch()}, {"nodes", Json::array()}, {"jobs", Json::array()}, {"demands", Json::array()}};
  ResourceSet total, available;
  for (const msg::NodeStatus& node : status.nodes()) {
    Json labels = Json::object();
    for (const msg::Label& label : node.labels()) labels[label.key()] = label.value();
    json["nodes"].push_back({{"node", node.node()},
                             {"name", node.name()},
                             {"hostname", node.hostname()},
                             {"address", ToString(FromProto(node.address()))},
                             {"pid", node.pid()},
                             {"alive", node.alive()},
                             {"head", node.head()},
                             {"labels", labels},
                             {"resources", ResourcesJson(FromProto(node.total()), FromProto(node.available()))},
                             {"queued_leases", node.queued_leases()},
                             {"running_leases", node.running_leases()},
                             {"death_reason", node.death_reason()}});
    if (!node.alive()) continue;
    total += FromProto(node.total());
    available += FromProto(node.available());
  }
  for (const msg::JobStatus& job : status.jobs()) {
    json["jobs"].push_back({{"job", job.job()},
                            {"name", job.name()},
                            {"pid", job.pid()},
                            {"node", job.node()},
                            {"running", job.running()},
                            {"status", StatusCodeName(static_cast<StatusCode>(job.status()))},
                            {"priority", job.priority()},
                            {"weight", FixedPoint{job.weight()}.value()},
                            {"dominant_share", job.dominant_share()}});
  }
  for (const msg::DemandStatus& demand : status.demands()) {
    const ResourceSet resources = FromProto(demand.spec()).resources;
    Json shape = Json::object();
    for (const auto& [key, usage] : UsageOf(resources, {})) shape[key.second] = Number(usage.total);
    json["demands"].push_back({{"resources", shape}, {"count", demand.count()}, {"infeasible", demand.infeasible()}});
  }
  json["resources"] = ResourcesJson(total, available);
  return json.dump(2);
}

}  // namespace orrery
