#include "runtime/config/resource_reader.h"

#include <array>
#include <utility>

namespace orrery {

std::string MeantResource(const std::string& name) {
  std::string plain;
  for (const char c : name) {
    if (c != '_' && c != '-') plain.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c);
  }
  static const std::array<std::pair<const char*, const char*>, 9> kMeant = {
      {{"cpu", "CPU"},
       {"cpus", "CPU"},
       {"gpu", "GPU"},
       {"gpus", "GPU"},
       {"memory", "memory"},
       {"mem", "memory"},
       {"ram", "memory"},
       {"objectstorememory", "object_store_memory"},
       {"objectstore", "object_store_memory"}}};
  for (const auto& [spelling, meant] : kMeant) {
    if (plain == spelling) return meant;
  }
  return "";
}

void ReadWholeBytes(const Value& value, Problems& problems, ResourceKind kind, ResourceSet& out) {
  int64_t bytes = 0;
  ReadBytes(value, problems, bytes);
  out.Set(kind, FixedPoint::Whole(bytes));
}

void ReadResource(const Value::Entry& entry, Problems& problems, ResourceSet& out) {
  const std::string& name = entry.key.scalar;
  if (name == "memory") return ReadWholeBytes(entry.value, problems, ResourceKind::kMemory, out);
  if (name == "object_store_memory")
    return ReadWholeBytes(entry.value, problems, ResourceKind::kObjectStoreMemory, out);
  const std::string meant = MeantResource(name);
  if (!meant.empty() && meant != name) {
    problems.Add(entry.key, "unknown resource '" + name + "'; did you mean '" + meant + "'?");
    return;
  }
  FixedPoint amount;
  ReadAmount(entry.value, problems, amount);
  out.Set(name, amount);
}

void ReadResources(const Value& map, Problems& problems, ResourceSet& out) {
  if (map.kind != Value::Kind::kMap) problems.Add(map, "resources must be a map, not " + map.Describe());
  for (const Value::Entry& entry : map.map) ReadResource(entry, problems, out);
}

void ReadLabels(const Value& map, Problems& problems, Labels& out) {
  if (map.kind != Value::Kind::kMap) problems.Add(map, "labels must be a map, not " + map.Describe());
  for (const Value::Entry& entry : map.map) ReadText(entry.value, problems, out[entry.key.scalar]);
}

}  // namespace orrery
