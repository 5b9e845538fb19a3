#include "sim/platform/cost_profile.h"

#include <string>
#include <utility>
#include <vector>

namespace orrery {

namespace {

// Nanoseconds of CPU per handled message: decoding, handler and sending the answer. From `./dev bench` on the live
// system; control messages that were not measured on their own count as kControl.
constexpr int64_t kControl = 4'000;
constexpr std::pair<MessageKind, int64_t> kMeasured[] = {
    {MessageKind::kPushTask, 800},           {MessageKind::kTaskReply, 700},
    {MessageKind::kRequestLease, 6'000},     {MessageKind::kPickNode, 6'000},
    {MessageKind::kResourceReport, 3'000},   {MessageKind::kHealthCheck, 2'000},
    {MessageKind::kHealthCheckReply, 2'000}, {MessageKind::kSubmitTask, 500},
    {MessageKind::kExecuteTask, 200},        {MessageKind::kTaskExecuted, 400},
    {MessageKind::kTaskFinished, 200},       {MessageKind::kStartProcess, 100'000},
};

CostProfile DefaultProfile() {
  CostProfile profile;
  profile.message_ns.fill(kControl);
  for (size_t i = 0; i < kMessageKinds; ++i) {
    if (InfoOf(static_cast<MessageKind>(i)).delivery == Delivery::kLocal) profile.message_ns[i] = 300;
  }
  for (const auto& [kind, ns] : kMeasured) profile.message_ns[static_cast<size_t>(kind)] = ns;
  profile.timer_ns = 300;
  profile.peer_lost_ns = 2'000;
  return profile;
}

Status Set(CostProfile& profile, const std::string& name, Duration cost) {
  if (name == "Timer") {
    profile.timer_ns = cost.ns;
  } else if (name == "PeerLost") {
    profile.peer_lost_ns = cost.ns;
  } else if (const MessageKind kind = KindByName(name); kind != MessageKind::kNone) {
    profile.message_ns[static_cast<size_t>(kind)] = cost.ns;
  } else {
    std::vector<std::string> names = {"Timer", "PeerLost"};
    for (size_t i = 1; i < kMessageKinds; ++i) names.emplace_back(InfoOf(static_cast<MessageKind>(i)).name);
    const std::string nearest = NearestName(name, names);
    return {StatusCode::kInvalidArgument,
            "unknown message kind '" + name + "'" + (nearest.empty() ? "" : "; did you mean '" + nearest + "'?")};
  }
  return Status::Ok();
}

}  // namespace

Result<CostProfile> MakeCostProfile(const CostProfileSpec& spec) {
  if (spec.kind == CostProfileSpec::Kind::kZero) return CostProfile{};
  CostProfile profile = DefaultProfile();
  if (spec.kind == CostProfileSpec::Kind::kDefault) return profile;
  auto costs = LoadCostProfile(spec.path);
  if (!costs.ok()) return costs.status();
  for (const auto& [name, cost] : *costs) {
    if (Status status = Set(profile, name, cost); !status.ok()) {
      return Status(status.code(), spec.path + ": " + status.message());
    }
  }
  return profile;
}

}  // namespace orrery
