// The generator of placement groups.
#include "sim/scenario/parse.h"

namespace orrery {

namespace {
constexpr int64_t kMostTasks = 10'000'000;
}  // namespace

bool NamesGroups(const Value& generator) {
  const Value* kind = generator.Find("kind");
  return kind != nullptr && kind->scalar == "placement_groups";
}

void ParseGroups(const Value& value, ParseContext& context, GroupsSpec& groups) {
  Problems& problems = context.problems;
  MapReader map(value, problems, "generator");
  map.Require("kind");
  std::string kind;
  map.Read("kind", ReadText, kind);
  map.Read("at", ReadTime, groups.at);
  map.Read("every", ReadTime, groups.every);
  for (const auto& [key, out] : {std::pair{"groups", &groups.groups}, std::pair{"bundles", &groups.bundles}}) {
    const Value* count = map.Require(key);
    if (count == nullptr || !map.Read(key, ReadCount, *out)) continue;
    if (*out < 1 || *out > kMostTasks) problems.Add(*count, std::string(key) + " must be from 1 to ten million");
  }
  map.Choose<BundleStrategy>("strategy",
                             {{"PACK", BundleStrategy::kPack},
                              {"SPREAD", BundleStrategy::kSpread},
                              {"STRICT_PACK", BundleStrategy::kStrictPack},
                              {"STRICT_SPREAD", BundleStrategy::kStrictSpread}},
                             groups.strategy);
  if (const Value* task = map.Require("task")) {
    MapReader keys(*task, problems, "task");
    keys.Forbid("strategy", "each task runs in a bundle of its own");
    keys.Forbid("output", "nobody takes what these tasks make");
    keys.Forbid("outputs", "nobody takes what these tasks make");
    ReadTaskKeys(keys, true, groups.task);
    keys.Finish();
    if (groups.task.resources.empty()) problems.Add(*task, "a bundle holds what its task asks for: that is nothing");
  }
  map.Finish();
  if (groups.groups * groups.bundles > kMostTasks) problems.Add(value, "more than ten million bundles");
}

}  // namespace orrery
