#include <algorithm>

#include "runtime/config/resource_reader.h"
#include "sim/scenario/parse.h"

namespace orrery {

namespace {

constexpr int64_t kMostNodes = 1'000'000;

void ReadCounts(MapReader& map, NodeTypeSpec& type) {
  Problems& problems = map.problems();
  if (map.Read("count", ReadCount, type.count)) {
    map.Forbid("min", "give count, or min and max");
    map.Forbid("max", "give count, or min and max");
    type.min = type.max = type.count;
  } else if (map.Find("min") != nullptr || map.Find("max") != nullptr) {
    type.min = 0;
    map.Read("min", ReadCount, type.min);
    map.Require("max");
    map.Read("max", ReadCount, type.max);
    if (type.max < type.min) problems.Add(map.value(), "node type '" + type.name + "': max is below min");
    type.count = type.min;
    type.scaled = true;
  }
  if (type.max > kMostNodes) problems.Add(map.value(), "node type '" + type.name + "': more than a million nodes");
}

void ReadDisk(const Value& value, Problems& problems, DiskSpec& disk) {
  MapReader map(value, problems, "disk");
  map.Read("read", ReadBandwidth, disk.read_bandwidth);
  map.Read("write", ReadBandwidth, disk.write_bandwidth);
  map.Read("capacity", ReadBytes, disk.capacity);
  map.Finish();
}

// A key of its own, because scenarios about objects all need it; the resource of that name means the same.
void ReadStore(const Value& value, Problems& problems, ResourceSet& resources) {
  int64_t bytes = 0;
  ReadBytes(value, problems, bytes);
  if (resources.Get(ResourceKind::kObjectStoreMemory) != FixedPoint{})
    return problems.Add(value, "object_store_memory is given twice: here and in resources");
  resources.Set(ResourceKind::kObjectStoreMemory, FixedPoint::Whole(bytes));
}

void ReadNodeType(const Value& value, Problems& problems, ClusterSpec& cluster) {
  NodeTypeSpec type;
  MapReader map(value, problems, "node_types");
  map.Require("name");
  map.Read("name", ReadText, type.name);
  ReadCounts(map, type);
  if (const Value* resources = map.Require("resources")) ReadResources(*resources, problems, type.resources);
  if (const Value* store = map.Find("object_store_memory")) ReadStore(*store, problems, type.resources);
  if (const Value* disk = map.Find("disk")) ReadDisk(*disk, problems, type.disk);
  if (const Value* labels = map.Find("labels")) ReadLabels(*labels, problems, type.labels);
  map.Read("speed", ReadPositive, type.speed);
  map.Read("boot_time", ReadTime, type.boot_time);
  const Value* price = map.Find("price");
  map.Read("price", ReadNumber, type.price);
  if (type.price < 0) problems.Add(*price, "price: " + price->Describe() + " is negative");
  map.Finish();
  for (const NodeTypeSpec& other : cluster.node_types) {
    if (other.name == type.name) problems.Add(value, "there are two node types named '" + type.name + "'");
  }
  cluster.node_types.push_back(std::move(type));
}

void ReadNetwork(const Value& value, Problems& problems, NetworkSpec& network) {
  using Topology = NetworkSpec::Topology;
  MapReader map(value, problems, "cluster.network");
  map.Read("latency", ReadTime, network.latency);
  map.Read("bandwidth", ReadBandwidth, network.bandwidth);
  map.Choose<Topology>("topology", {{"star", Topology::kStar}, {"racks", Topology::kRacks}}, network.topology);
  if (network.topology == Topology::kRacks) {
    const Value* size = map.Require("rack_size");
    map.Read("rack_size", ReadCount, network.rack_size);
    if (size != nullptr && network.rack_size == 0) problems.Add(*size, "a rack holds at least one node");
    map.Read("oversubscription", ReadPositive, network.oversubscription);
  } else {
    map.Forbid("rack_size", "only with topology: racks");
    map.Forbid("oversubscription", "only with topology: racks");
  }
  map.Finish();
}

void ReadCostProfile(const Value& value, ParseContext& context, CostProfileSpec& profile) {
  std::string text;
  ReadText(value, context.problems, text);
  if (text == "zero") {
    profile.kind = CostProfileSpec::Kind::kZero;
  } else if (text == "default") {
    profile.kind = CostProfileSpec::Kind::kDefault;
  } else if (text.find('/') != std::string::npos || text.ends_with(".yaml") || text.ends_with(".yml")) {
    profile.kind = CostProfileSpec::Kind::kFile;
    ReadPath(value, context, "cluster.cost_profile", profile.path);
  } else if (!text.empty()) {
    context.problems.Add(value, "cost_profile: expected zero, default or a .yaml file, not '" + text + "'");
  }
}

void ReadClusterTrace(const Value& value, ParseContext& context, ClusterTraceSpec& trace) {
  MapReader map(value, context.problems, "cluster.trace");
  map.Choose<std::string>("format", {{"openb", "openb"}}, trace.format);
  if (const Value* path = map.Require("path")) ReadPath(*path, context, "cluster.trace.path", trace.path);
  map.Finish();
}

void CheckHead(const Value* at, Problems& problems, const ClusterSpec& cluster) {
  if (at == nullptr) return;
  if (cluster.trace.has_value())
    return problems.Add(*at, "head cannot be chosen with cluster.trace; it is the first node");
  std::vector<std::string> names;
  for (const NodeTypeSpec& type : cluster.node_types) {
    names.push_back(type.name);
    if (type.name != cluster.head) continue;
    if (type.count == 0) problems.Add(*at, "the head needs a node, but type '" + type.name + "' starts with none");
    return;
  }
  problems.Add(*at, "head: there is no node type '" + cluster.head + "'" + Suggest(cluster.head, names));
}

}  // namespace

void ParseCluster(const Value& value, ParseContext& context, ClusterSpec& cluster) {
  Problems& problems = context.problems;
  MapReader map(value, problems, "cluster");
  if (const Value* trace = map.Find("trace")) ReadClusterTrace(*trace, context, cluster.trace.emplace());
  const Value* types = cluster.trace.has_value() ? map.Find("node_types") : map.Require("node_types");
  if (types != nullptr) {
    ReadList(*types, problems, "node_types", [&](const Value& element) { ReadNodeType(element, problems, cluster); });
    int64_t nodes = 0;
    for (const NodeTypeSpec& type : cluster.node_types) nodes += std::min(type.count, kMostNodes);
    if (nodes == 0 && !cluster.trace.has_value())
      problems.Add(*types, "the cluster starts without a node; one is needed as the head");
  }
  if (const Value* network = map.Find("network")) ReadNetwork(*network, problems, cluster.network);
  const Value* head = map.Find("head");
  map.Read("head", ReadText, cluster.head);
  CheckHead(head, problems, cluster);
  if (const Value* profile = map.Find("cost_profile")) ReadCostProfile(*profile, context, cluster.cost_profile);
  map.Read("storage_latency", ReadTime, cluster.storage_latency);
  if (const Value* startup = map.Find("worker_startup_time"))
    ReadDistribution(*startup, problems, cluster.worker_startup_time);
  map.Finish();
}

}  // namespace orrery
