#include "sim/replay/daemon_traces.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "runtime/messages/trace_text.h"
#include "sim/record/object_log.h"

namespace orrery {

namespace {

using Json = nlohmann::json;

const std::map<std::string, TraceKind>& Kinds() {
  static const std::map<std::string, TraceKind> kinds = [] {
    std::map<std::string, TraceKind> found;
    for (int value = 0; value <= UINT8_MAX; ++value) {
      const auto kind = static_cast<TraceKind>(value);
      const bool node = kind == TraceKind::kNodeRegistered || kind == TraceKind::kNodeDead;
      const bool story = kind == TraceKind::kGroupState || kind == TraceKind::kActorState;
      if (node || story || ObjectLog::Reads(kind)) found.emplace(TraceKindName(kind), kind);
    }
    return found;
  }();
  return kinds;
}

// "node.process.task"; false when it is none.
bool ParseTask(const std::string& text, TaskId* task) {
  unsigned node = 0, process = 0;
  unsigned long long index = 0;
  if (std::sscanf(text.c_str(), "%u.%u.%llu", &node, &process, &index) != 3) return false;
  *task = {WorkerId::Of(NodeId{node}, process), index};
  return true;
}

// False: no traced event. Events that are not about objects or nodes are left out.
bool ParseLine(const std::string& line, std::vector<TimedEvent>* events) {
  const Json json = Json::parse(line, nullptr, false);
  if (!json.is_object() || !json.contains("kind") || !json.contains("t") || !json["t"].is_number()) return false;
  const auto kind = Kinds().find(json.value("kind", ""));
  if (kind == Kinds().end()) return true;
  TimedEvent timed{Time{json.value("t", int64_t{0})}, {.kind = kind->second}};
  TraceEvent& event = timed.event;
  if (const std::string id = json.value("id", ""); !id.empty() && !ParseTask(id, &event.task)) return false;
  event.node = NodeId{json.value("node", uint32_t{0})};
  unsigned node = 0, process = 0;
  if (std::sscanf(json.value("worker", "").c_str(), "%u.%u", &node, &process) == 2)
    event.worker = WorkerId::Of(NodeId{node}, process);
  event.a = json.value("a", int64_t{0});
  event.b = json.value("b", int64_t{0});
  event.c = json.value("c", int64_t{0});
  events->push_back(timed);
  return true;
}

}  // namespace

TraceFolder::TraceFolder() : path_(std::filesystem::temp_directory_path() / "orrery-traces-XXXXXX") {
  if (mkdtemp(path_.data()) == nullptr) path_.clear();
}

TraceFolder::~TraceFolder() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

Result<std::vector<TimedEvent>> ReadObjectEvents(const std::string& folder) {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".jsonl") paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  std::vector<TimedEvent> events;
  for (const std::string& path : paths) {
    std::ifstream file(path);
    int number = 1;
    for (std::string line; std::getline(file, line); ++number) {
      if (ParseLine(line, &events) || file.eof()) continue;
      return Status(StatusCode::kInvalidArgument, path + ":" + std::to_string(number) + ": no traced event");
    }
  }
  return events;
}

}  // namespace orrery
