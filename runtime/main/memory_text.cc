#include "runtime/main/memory_text.h"

#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>

#include "runtime/messages/convert.h"
#include "runtime/messages/orrery.pb.h"

namespace orrery {

namespace {

using Json = nlohmann::ordered_json;

// One object, from all who know of it.
struct Row {
  int64_t size = 0;
  std::vector<uint32_t> in_memory, on_disk;
  std::map<uint32_t, std::string> states;  // by node
  uint32_t pins = 0;
  bool owner_known = false;  // the owner has answered
  uint32_t local = 0, tasks = 0, contained = 0, borrowers = 0, lineage = 0;
  std::string made_by;
};
using Rows = std::map<ObjectId, Row>;

Rows Merge(const std::vector<Message>& tables) {
  Rows rows;
  for (const Message& message : tables) {
    const auto& table = message.As<msg::ObjectTable>();
    for (const msg::ObjectRow& from : table.rows()) {
      Row& row = rows[FromProto(from.object()).id];
      row.size = std::max(row.size, from.size());
      if (table.worker() != 0) {
        row.owner_known = true;
        row.local = from.local_refs();
        row.tasks = from.task_refs();
        row.contained = from.contained_in();
        row.borrowers = from.borrowers();
        row.lineage = from.lineage_refs();
        row.made_by = from.call_site();
        continue;
      }
      row.states[table.node()] = from.state();
      row.in_memory.insert(row.in_memory.end(), from.locations().begin(), from.locations().end());
      row.on_disk.insert(row.on_disk.end(), from.spilled_at().begin(), from.spilled_at().end());
      row.pins += from.pins();
    }
  }
  return rows;
}

// Why the object is still there.
std::string Reasons(const Row& row) {
  std::string text;
  const auto add = [&text](uint32_t count, const std::string& what) {
    if (count > 0) text += (text.empty() ? "" : ", ") + std::to_string(count) + " " + what;
  };
  add(row.local, "refs of its owner");
  add(row.tasks, "tasks that take it");
  add(row.contained, "values that hold its ref");
  add(row.borrowers, "borrowers");
  add(row.lineage, "tasks that may need it again");
  add(row.pins, "readers");
  if (text.empty()) text = row.owner_known ? "being let go" : "its owner did not answer";
  return text;
}

std::string Places(const Row& row) {
  std::string text;
  for (uint32_t node : row.in_memory) text += (text.empty() ? "" : " ") + ToString(NodeId{node});
  for (uint32_t node : row.on_disk) text += (text.empty() ? "" : " ") + ToString(NodeId{node}) + "(disk)";
  if (!text.empty()) return text;
  for (const auto& [node, state] : row.states)
    text += (text.empty() ? "" : " ") + ToString(NodeId{node}) + "(" + state + ")";
  return text.empty() ? "owner" : text;
}

std::string Bytes(int64_t bytes) {
  char text[32];
  if (bytes < 1024)
    std::snprintf(text, sizeof text, "%lldB", static_cast<long long>(bytes));
  else if (bytes < (int64_t{1} << 30))
    std::snprintf(text, sizeof text, "%.2fMiB", static_cast<double>(bytes) / 0x1p20);
  else
    std::snprintf(text, sizeof text, "%.2fGiB", static_cast<double>(bytes) / 0x1p30);
  return text;
}

}  // namespace

std::string MemoryText(const std::vector<Message>& tables) {
  std::string text = "Node        Used        Capacity    On disk     Ahead       Objects\n";
  char line[512];
  for (const Message& message : tables) {
    const auto& table = message.As<msg::ObjectTable>();
    if (table.worker() != 0) continue;
    std::snprintf(line, sizeof line, "%-11s %-11s %-11s %-11s %-11s %d\n", ToString(NodeId{table.node()}).c_str(),
                  Bytes(table.used()).c_str(), Bytes(table.capacity()).c_str(), Bytes(table.spilled()).c_str(),
                  Bytes(table.ahead()).c_str(), table.rows_size());
    text += line;
  }
  text +=
      "\nOwner        Object                  Size        Where                     Made by              Alive because "
      "of\n";
  for (const auto& [id, row] : Merge(tables)) {
    std::snprintf(line, sizeof line, "%-12s %-23s %-11s %-25s %-20s %s\n", ToString(id.task.owner).c_str(),
                  ToString(id).c_str(), Bytes(row.size).c_str(), Places(row).c_str(), row.made_by.c_str(),
                  Reasons(row).c_str());
    text += line;
  }
  return text;
}

std::string MemoryJson(const std::vector<Message>& tables) {
  Json json = {{"nodes", Json::array()}, {"objects", Json::array()}};
  for (const Message& message : tables) {
    const auto& table = message.As<msg::ObjectTable>();
    if (table.worker() != 0) continue;
    json["nodes"].push_back({{"node", table.node()},
                             {"capacity_bytes", table.capacity()},
                             {"used_bytes", table.used()},
                             {"spilled_bytes", table.spilled()},
                             {"ahead_bytes", table.ahead()},
                             {"objects", table.rows_size()}});
  }
  for (const auto& [id, row] : Merge(tables)) {
    Json states = Json::object();
    for (const auto& [node, state] : row.states) states[std::to_string(node)] = state;
    json["objects"].push_back({{"object", ToString(id)},
                               {"owner", ToString(id.task.owner)},
                               {"owner_answered", row.owner_known},
                               {"size_bytes", row.size},
                               {"in_memory", row.in_memory},
                               {"on_disk", row.on_disk},
                               {"states", states},
                               {"made_by", row.made_by},
                               {"references",
                                {{"local", row.local},
                                 {"tasks", row.tasks},
                                 {"contained_in", row.contained},
                                 {"borrowers", row.borrowers},
                                 {"lineage", row.lineage},
                                 {"readers", row.pins}}},
                               {"alive_because_of", Reasons(row)}});
  }
  return json.dump(2);
}

}  // namespace orrery
