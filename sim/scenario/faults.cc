#include <algorithm>
#include <array>

#include "runtime/config/quantity.h"
#include "sim/scenario/parse.h"

namespace orrery {

namespace {

constexpr std::array<FaultKind, 12> kKinds = {
    FaultKind::kKillWorker, FaultKind::kKillNode,     FaultKind::kKillDriver,    FaultKind::kRestartNode,
    FaultKind::kSlowNode,   FaultKind::kDropMessages, FaultKind::kDelayMessages, FaultKind::kPartition,
    FaultKind::kDiskFull,   FaultKind::kSlowDisk,     FaultKind::kDiskError,     FaultKind::kKillGcs};

void ReadTarget(const Value& value, Problems& problems, std::vector<FaultTarget>& targets) {
  using Kind = FaultTarget::Kind;
  std::string text;
  ReadText(value, problems, text);
  const size_t colon = text.find(':');
  const std::string word = text.substr(0, colon);
  const std::string argument = colon == std::string::npos ? "" : text.substr(colon + 1);
  static const std::vector<std::pair<std::string, Kind>> kWords = {
      {"any", Kind::kAny},   {"busy", Kind::kBusy},     {"head", Kind::kHead},    {"all", Kind::kAll},
      {"node", Kind::kNode}, {"type", Kind::kNodeType}, {"driver", Kind::kDriver}};
  const auto known = std::find_if(kWords.begin(), kWords.end(), [&](const auto& w) { return w.first == word; });
  if (known == kWords.end()) {
    if (text.empty()) return;
    return problems.Add(value,
                        "target: unknown '" + text + "'" +
                            Suggest(word, {"any", "busy", "head", "all", "node:INDEX", "type:NAME", "driver:INDEX"}));
  }
  FaultTarget target;
  target.kind = known->second;
  const bool takes_argument =
      target.kind == Kind::kNode || target.kind == Kind::kNodeType || target.kind == Kind::kDriver;
  if (takes_argument == argument.empty()) {
    return problems.Add(value,
                        "target: '" + text + "': write any, busy, head, all, node:INDEX, type:NAME or driver:INDEX");
  }
  if (target.kind == Kind::kNodeType) target.name = argument;
  if (target.kind == Kind::kNode || target.kind == Kind::kDriver) {
    const Result<int64_t> index = ParseCount(argument);
    if (!index.ok()) return problems.Add(value, "target: " + index.status().message());
    target.index = index.value();
  }
  targets.push_back(std::move(target));
}

void ReadTargets(MapReader& map, FaultSpec& fault) {
  const Value* value = map.Find("target");
  if (fault.kind == FaultKind::kKillGcs) {
    map.Forbid("target", "there is one GCS");
  } else if (value == nullptr) {
    fault.targets.push_back({});  // any
  } else if (value->kind == Value::Kind::kList) {
    for (const Value& element : value->list) ReadTarget(element, map.problems(), fault.targets);
    if (value->list.empty()) map.problems().Add(*value, "target: the list is empty");
  } else {
    ReadTarget(*value, map.problems(), fault.targets);
  }
  for (const FaultTarget& target : fault.targets) {
    const bool driver = target.kind == FaultTarget::Kind::kDriver;
    const bool neutral = target.kind == FaultTarget::Kind::kAny || target.kind == FaultTarget::Kind::kAll;
    if (value != nullptr && !neutral && driver != (fault.kind == FaultKind::kKillDriver)) {
      map.problems().Add(*value, std::string(FaultKindName(fault.kind)) + " cannot hit " + value->Describe());
    }
  }
}

void ReadDetails(MapReader& map, FaultSpec& fault) {
  const FaultKind kind = fault.kind;
  const bool messages = kind == FaultKind::kDropMessages || kind == FaultKind::kDelayMessages;
  if (kind == FaultKind::kSlowNode || kind == FaultKind::kSlowDisk) {
    map.Require("factor");
    map.Read("factor", ReadPositive, fault.factor);
  } else {
    map.Forbid("factor", "only with slow_node and slow_disk");
  }
  if (messages || kind == FaultKind::kDiskError) {
    map.Read("probability", ReadShare, fault.probability);
  } else {
    map.Forbid("probability", "only with drop_messages, delay_messages and disk_error");
  }
  if (messages) {
    map.Read("message", ReadText, fault.message);
  } else {
    map.Forbid("message", "only with drop_messages and delay_messages");
  }
  if (kind == FaultKind::kDelayMessages) {
    if (const Value* delay = map.Require("delay")) ReadDistribution(*delay, map.problems(), fault.delay);
  } else {
    map.Forbid("delay", "only with delay_messages");
  }
  if (kind == FaultKind::kKillWorker || kind == FaultKind::kKillDriver || kind == FaultKind::kRestartNode) {
    map.Forbid("for", "does not last; it happens once");
  } else {
    const Value* span = map.Find("for");
    map.Read("for", ReadTime, fault.duration);
    if (span != nullptr && fault.duration.ns == 0)
      map.problems().Add(*span, "for: leave it out where the fault is for good");
  }
}

}  // namespace

const char* FaultKindName(FaultKind kind) {
  switch (kind) {
    case FaultKind::kKillWorker: return "kill_worker";
    case FaultKind::kKillNode: return "kill_node";
    case FaultKind::kKillDriver: return "kill_driver";
    case FaultKind::kKillGcs: return "kill_gcs";
    case FaultKind::kRestartNode: return "restart_node";
    case FaultKind::kSlowNode: return "slow_node";
    case FaultKind::kDropMessages: return "drop_messages";
    case FaultKind::kDelayMessages: return "delay_messages";
    case FaultKind::kPartition: return "partition";
    case FaultKind::kDiskFull: return "disk_full";
    case FaultKind::kSlowDisk: return "slow_disk";
    case FaultKind::kDiskError: return "disk_error";
  }
  return "?";
}

void ParseFaults(const Value& value, ParseContext& context, std::vector<FaultSpec>& faults) {
  ReadList(value, context.problems, "faults", [&](const Value& element) {
    FaultSpec fault;
    MapReader map(element, context.problems, "faults");
    std::vector<std::pair<std::string, FaultKind>> kinds;
    for (const FaultKind kind : kKinds) kinds.emplace_back(FaultKindName(kind), kind);
    map.Require("kind");
    map.Choose("kind", kinds, fault.kind);
    map.Require("at");
    map.Read("at", ReadTime, fault.at);
    ReadTargets(map, fault);
    ReadDetails(map, fault);
    map.Finish();
    faults.push_back(std::move(fault));
  });
  std::stable_sort(faults.begin(), faults.end(), [](const FaultSpec& a, const FaultSpec& b) { return a.at < b.at; });
}

}  // namespace orrery
