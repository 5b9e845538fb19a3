// The generator of actors.
#include "sim/scenario/parse.h"

namespace orrery {

namespace {

constexpr int64_t kMostTasks = 10'000'000;
constexpr int64_t kMostThreads = 1000;  // of one actor

// A template without what actors and their calls do not have.
void ReadTemplate(const Value& value, const char* name, ParseContext& context, TaskSpec& task, bool places) {
  MapReader keys(value, context.problems, name);
  keys.Forbid("max_retries", "write max_restarts or max_task_retries of the generator");
  for (const char* key : {"output", "outputs"}) keys.Forbid(key, "nobody takes what actors make");
  if (!places) {
    for (const char* key :
         {"cpus", "gpus", "memory", "resources", "labels", "soft_labels", "fallback_labels", "strategy"})
      keys.Forbid(key, "a call runs where its actor is: write it in actor");
  }
  ReadTaskKeys(keys, true, task);
  keys.Finish();
}

}  // namespace

bool NamesActors(const Value& generator) {
  const Value* kind = generator.Find("kind");
  return kind != nullptr && kind->scalar == "actors";
}

void ParseActors(const Value& value, ParseContext& context, ActorsSpec& actors) {
  Problems& problems = context.problems;
  MapReader map(value, problems, "generator");
  map.Require("kind");
  std::string kind;
  map.Read("kind", ReadText, kind);
  map.Read("at", ReadTime, actors.at);
  map.Read("every", ReadTime, actors.every);
  for (const auto& [key, out] : {std::pair{"actors", &actors.actors}, std::pair{"calls", &actors.calls}}) {
    const Value* count = map.Require(key);
    if (count == nullptr || !map.Read(key, ReadCount, *out)) continue;
    if (*out < 1 || *out > kMostTasks) problems.Add(*count, std::string(key) + " must be from 1 to ten million");
  }
  if (const Value* count = map.Find("in_flight"); map.Read("in_flight", ReadCount, actors.in_flight)) {
    if (actors.in_flight < 1) problems.Add(*count, "in_flight must be at least 1");
  }
  map.Read("max_restarts", ReadCount, actors.max_restarts);
  map.Read("max_task_retries", ReadCount, actors.max_task_retries);
  if (const Value* count = map.Find("max_concurrency");
      map.Read("max_concurrency", ReadCount, actors.max_concurrency)) {
    if (actors.max_concurrency < 1 || actors.max_concurrency > kMostThreads)
      problems.Add(*count, "max_concurrency must be from 1 to " + std::to_string(kMostThreads));
  }
  map.Choose<ActorsSpec::End>("end", {{"handle", ActorsSpec::End::kHandle}, {"kill", ActorsSpec::End::kKill}},
                              actors.end);
  actors.actor.resources = actors.call.resources = {};  // an actor of programs holds no CPU by default
  actors.actor.name = "actor";
  actors.call.name = "call";
  if (const Value* actor = map.Require("actor")) ReadTemplate(*actor, "actor", context, actors.actor, true);
  if (const Value* call = map.Require("call")) ReadTemplate(*call, "call", context, actors.call, false);
  map.Finish();
  if (actors.actors * (actors.calls + 1) > kMostTasks) problems.Add(value, "more than ten million calls");
}

}  // namespace orrery
