// Generators whose tasks exchange objects: broadcast, shuffle, allreduce, spill, hot, chain.
#include <algorithm>

#include "sim/scenario/parse.h"

namespace orrery {

namespace {

using Kind = PatternSpec::Kind;

const std::vector<std::pair<std::string, Kind>>& Kinds() {
  static const std::vector<std::pair<std::string, Kind>> kinds = {
      {"broadcast", Kind::kBroadcast}, {"shuffle", Kind::kShuffle}, {"allreduce", Kind::kAllReduce},
      {"spill", Kind::kSpill},         {"hot", Kind::kHot},         {"chain", Kind::kChain}};
  return kinds;
}

constexpr int64_t kMostTasks = 10'000'000;

// A count from 1 to ten million.
void ReadSome(MapReader& map, const char* key, bool required, int64_t& out) {
  const Value* value = required ? map.Require(key) : map.Find(key);
  if (value == nullptr || !map.Read(key, ReadCount, out)) return;
  if (out < 1 || out > kMostTasks) map.problems().Add(*value, std::string(key) + " must be from 1 to ten million");
}

void ReadBroadcast(MapReader& map, int64_t nodes, PatternSpec& pattern) {
  bool one_per_node = false;
  const Value* flag = map.Find("one_per_node");
  map.Read("one_per_node", ReadFlag, one_per_node);
  if (!one_per_node) return ReadSome(map, "consumers", true, pattern.readers);
  map.Forbid("consumers", "is the number of nodes with one_per_node");
  if (nodes == 0) map.problems().Add(*flag, "one_per_node needs cluster.node_types");
  pattern.nodes = pattern.readers = nodes;
}

void ReadKind(MapReader& map, int64_t nodes, PatternSpec& pattern) {
  switch (pattern.kind) {
    case Kind::kBroadcast: return ReadBroadcast(map, nodes, pattern);
    case Kind::kShuffle:
      ReadSome(map, "maps", true, pattern.objects);
      ReadSome(map, "reduces", true, pattern.readers);
      return;
    case Kind::kAllReduce:
      ReadSome(map, "width", true, pattern.width);
      ReadSome(map, "fan_in", false, pattern.fan_in);
      if (pattern.fan_in < 2) map.problems().Add(map.value(), "fan_in must be at least 2");
      return;
    case Kind::kSpill:
      pattern.readers = 1;
      ReadSome(map, "objects", true, pattern.objects);
      ReadSome(map, "reads", false, pattern.readers);
      return;
    case Kind::kHot:
      ReadSome(map, "objects", true, pattern.objects);
      ReadSome(map, "readers", true, pattern.readers);
      map.Read("skew", ReadNumber, pattern.skew);
      return;
    case Kind::kChain:
      ReadSome(map, "length", true, pattern.width);
      ReadSome(map, "chains", false, pattern.objects);
      return;
  }
}

void ReadTemplate(const Value& value, Problems& problems, TaskSpec& task) {
  MapReader keys(value, problems, "task");
  keys.Forbid("output", "the generator's key size says how large each object is");
  keys.Forbid("outputs", "the generator's key size says how large each object is");
  ReadTaskKeys(keys, true, task);
  keys.Finish();
}

int64_t CountTasks(const PatternSpec& pattern) {
  switch (pattern.kind) {
    case Kind::kSpill: return pattern.objects * (pattern.readers + 1);
    case Kind::kShuffle: return std::max(pattern.objects + pattern.readers, pattern.objects * pattern.readers);
    case Kind::kChain: return pattern.objects * pattern.width;
    default: return pattern.objects + pattern.readers + 3 * pattern.width;
  }
}

}  // namespace

bool NamesPattern(const Value& generator) {
  const Value* kind = generator.Find("kind");
  if (kind == nullptr) return false;
  return std::any_of(Kinds().begin(), Kinds().end(), [&](const auto& k) { return k.first == kind->scalar; });
}

void ParsePattern(const Value& value, ParseContext& context, int64_t nodes, PatternSpec& pattern) {
  Problems& problems = context.problems;
  MapReader map(value, problems, "generator");
  map.Choose("kind", Kinds(), pattern.kind);
  map.Read("at", ReadTime, pattern.at);
  const Value* size = map.Require("size");
  if (map.Read("size", ReadBytes, pattern.size) && pattern.size == 0)
    problems.Add(*size, "size: an object has at least one byte");
  if (const Value* task = map.Require("task")) ReadTemplate(*task, problems, pattern.task);
  pattern.reader = pattern.task;
  if (const Value* reader = map.Find("reader")) {
    pattern.reader = {};
    ReadTemplate(*reader, problems, pattern.reader);
  }
  ReadKind(map, nodes, pattern);
  map.Finish();
  if (CountTasks(pattern) > kMostTasks) problems.Add(value, "more than ten million tasks or objects");
}

}  // namespace orrery
