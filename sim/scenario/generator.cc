#include <array>

#include "runtime/config/quantity.h"
#include "sim/scenario/parse.h"

namespace orrery {

namespace {

using Kind = GeneratorSpec::Kind;

constexpr int64_t kMostTasks = 1'000'000'000;

// The total number of tasks: count, or count_per_node times the nodes.
void ReadTotal(MapReader& map, int64_t nodes, GeneratorSpec& generator) {
  const Value* count = map.Find("count");
  const Value* per_node = map.Find("count_per_node");
  if (count != nullptr) {
    map.Read("count", ReadCount, generator.count);
    if (generator.count == 0) map.problems().Add(*count, "count must be at least 1");
    if (per_node != nullptr) map.problems().Add(*per_node, "give count or count_per_node, not both");
  } else if (per_node != nullptr) {
    if (nodes == 0) return map.problems().Add(*per_node, "count_per_node needs cluster.node_types");
    int64_t each = 0;
    map.Read("count_per_node", ReadCount, each);
    if (each == 0 || each > kMostTasks / nodes) return map.problems().Add(*per_node, "count_per_node is out of range");
    generator.count = each * nodes;
  }
  if (generator.count > kMostTasks) map.problems().Add(*count, "more than a billion tasks");
}

void ReadOpen(MapReader& map, int64_t nodes, GeneratorSpec& generator) {
  double rate = 0;
  const Value* per_node = map.Find("rate_per_node");
  if (per_node != nullptr) {
    map.Forbid("rate", "give rate or rate_per_node, not both");
    map.Read("rate_per_node", ReadRate, rate);
    if (nodes == 0) map.problems().Add(*per_node, "rate_per_node needs cluster.node_types");
    rate *= static_cast<double>(nodes);
  } else {
    map.Require("rate");
    map.Read("rate", ReadRate, rate);
  }
  const double mean = rate > 0 ? 1 / rate : 1;
  generator.interarrival = Distribution::Exponential(mean);
  if (const Value* arrival = map.Find("arrival")) ReadArrival(*arrival, mean, map.problems(), generator.interarrival);
}

void ReadClosed(MapReader& map, GeneratorSpec& generator) {
  const Value* clients = map.Require("clients");
  map.Read("clients", ReadCount, generator.clients);
  if (clients != nullptr && generator.clients == 0) map.problems().Add(*clients, "there must be at least one client");
  if (const Value* think = map.Find("think_time")) ReadDistribution(*think, map.problems(), generator.think_time);
}

void ReadBurst(MapReader& map, GeneratorSpec& generator) {
  map.Read("every", ReadTime, generator.every);
  generator.size = generator.count;
  if (const Value* size = map.Find("size")) {
    map.Read("size", ReadCount, generator.size);
    if (generator.size == 0) map.problems().Add(*size, "a burst holds at least one task");
    if (generator.every.ns == 0) map.problems().Add(*size, "bursts of a size need the key 'every'");
  } else if (generator.every.ns > 0) {
    map.Require("size");
  }
}

void ReadForkJoin(MapReader& map, GeneratorSpec& generator) {
  map.Forbid("count", "is width × stages for fork_join");
  map.Forbid("count_per_node", "is width × stages for fork_join");
  const Value* width = map.Require("width");
  map.Read("width", ReadCount, generator.width);
  generator.stages = 1;
  map.Read("stages", ReadCount, generator.stages);
  if (width == nullptr) return;
  if (generator.width < 1 || generator.stages < 1 || generator.width > kMostTasks / generator.stages) {
    return map.problems().Add(*width, "width and stages must be at least 1, and make at most a billion tasks");
  }
  generator.count = generator.width * generator.stages;
}

// Keys that only one kind has, with a better message for the others than "unknown key".
void ForbidKeysOfOthers(MapReader& map, Kind kind) {
  struct Own {
    const char* key;
    Kind kind;
    const char* name;
  };
  static constexpr std::array<Own, 9> kOwn = {{{"arrival", Kind::kOpen, "open"},
                                               {"rate", Kind::kOpen, "open"},
                                               {"rate_per_node", Kind::kOpen, "open"},
                                               {"clients", Kind::kClosed, "closed"},
                                               {"think_time", Kind::kClosed, "closed"},
                                               {"size", Kind::kBurst, "burst"},
                                               {"every", Kind::kBurst, "burst"},
                                               {"width", Kind::kForkJoin, "fork_join"},
                                               {"stages", Kind::kForkJoin, "fork_join"}}};
  for (const Own& own : kOwn) {
    if (own.kind != kind) map.Forbid(own.key, std::string("only with kind: ") + own.name);
  }
}

}  // namespace

void ParseGenerator(const Value& value, ParseContext& context, int64_t nodes, GeneratorSpec& generator) {
  MapReader map(value, context.problems, "generator");
  map.Require("kind");
  map.Choose<Kind>(
      "kind",
      {{"open", Kind::kOpen}, {"closed", Kind::kClosed}, {"burst", Kind::kBurst}, {"fork_join", Kind::kForkJoin}},
      generator.kind);
  if (const Value* task = map.Require("task")) {
    MapReader keys(*task, context.problems, "task");
    ReadTaskKeys(keys, true, generator.task);
    keys.Finish();
  }
  map.Read("at", ReadTime, generator.at);
  const Value* until = map.Find("until");
  map.Read("until", ReadTime, generator.until);
  if (until != nullptr && generator.until <= generator.at) context.problems.Add(*until, "until must be after at");
  if (generator.kind != Kind::kForkJoin) ReadTotal(map, nodes, generator);
  switch (generator.kind) {
    case Kind::kOpen: ReadOpen(map, nodes, generator); break;
    case Kind::kClosed: ReadClosed(map, generator); break;
    case Kind::kBurst: ReadBurst(map, generator); break;
    case Kind::kForkJoin: ReadForkJoin(map, generator); break;
  }
  ForbidKeysOfOthers(map, generator.kind);
  map.Finish();
  const bool endless = generator.count == 0 && generator.until.ns == 0;
  if (endless && value.kind == Value::Kind::kMap)
    context.problems.Add(value, "generator needs count or until, else it never ends");
}

}  // namespace orrery
