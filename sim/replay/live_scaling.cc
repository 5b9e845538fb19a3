#include "sim/replay/live_scaling.h"

#include <time.h>

#include <algorithm>
#include <fstream>
#include <map>

#include "runtime/common/node_flags.h"
#include "runtime/messages/convert.h"
#include "runtime/messages/orrery.pb.h"
#include "runtime/transport/ask.h"
#include "runtime/transport/endpoint.h"
#include "runtime/transport/session.h"

namespace orrery {

namespace {

constexpr Duration kLimit = Duration::Seconds(10);

Time SinceEpoch() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return Time{int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec};
}

Result<Message> AskStatus(const Session& session, const std::string& gcs) {
  Result<std::string> token = ReadTokenFile(session.token_file());
  if (!token.ok()) return token.status();
  Result<Address> address = ParseAddress(gcs);
  if (!address.ok()) return address.status();
  Draft<msg::GetClusterStatus> request;
  return AskOnce({.socket_dir = session.socket_dir(), .token = *token, .limit = kLimit}, *address, std::move(request));
}

ResourceSet ResourcesOf(const Scenario& scenario, const std::string& type) {
  for (const NodeTypeSpec& spec : scenario.cluster.node_types) {
    if (spec.name == type) return spec.resources;
  }
  return {};
}

}  // namespace

Result<LiveScaling> ReadScaling(const Scenario& scenario, const std::string& session_dir, const std::string& gcs,
                                Time begin) {
  Result<Session> session = Session::Open(session_dir);
  if (!session.ok()) return session.status();
  LiveScaling scaling;
  std::ifstream file(session->autoscaler_log());
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  Result<std::vector<AutoscalerRow>> rows = ParseAutoscalerCsv(text);
  if (!rows.ok()) return rows.status();
  scaling.rows = std::move(*rows);
  const int64_t epoch = SinceEpoch().ns - (MonotonicNow() - begin).ns;
  for (AutoscalerRow& row : scaling.rows) row.time = Time{std::max<int64_t>(0, row.time.ns - epoch)};

  Result<Message> reply = AskStatus(*session, gcs);
  if (!reply.ok()) return reply.status();
  for (const msg::NodeStatus& node : reply->As<msg::ClusterStatus>().nodes()) {
    const Labels labels = FromProto(node.labels());
    const auto type = labels.find(kNodeTypeLabel);
    if (type == labels.end()) continue;
    const ResourceSet has = ResourcesOf(scenario, type->second);  // of a dead node the GCS does not know them
    scaling.nodes.push_back({NodeId{node.node()}, node.name(), type->second, has.Get(ResourceKind::kCpu).value(),
                             has.Get(ResourceKind::kGpu).value(),
                             static_cast<int64_t>(has.Get(ResourceKind::kMemory).value()), Time{}});
  }
  return scaling;
}

void DescribeLaunched(const LiveScaling& scaling, const std::vector<TimedEvent>& events, Recording& recording) {
  std::map<NodeId, Time> joined;
  for (const TimedEvent& timed : events) {
    if (timed.event.kind == TraceKind::kNodeRegistered) joined.emplace(timed.event.node, timed.when);
  }
  for (NodeDescription node : scaling.nodes) {
    const auto when = joined.find(node.node);
    if (when == joined.end()) continue;
    node.joined = Time{std::max<int64_t>(0, (when->second - recording.begin()).ns)};
    recording.DescribeNode(node);
  }
}

void AddScaling(const LiveScaling& scaling, Summary& summary) {
  std::map<std::string, int64_t> totals;
  int64_t peak = 0;
  for (const AutoscalerRow& row : scaling.rows) {
    totals[row.action] += row.count;
    if (row.action == "nodes") peak = std::max(peak, row.count);
  }
  summary.SetInteger("autoscaler.launched", totals["launch"]);
  summary.SetInteger("autoscaler.terminated", totals["terminate"]);
  summary.SetInteger("autoscaler.failed_launches", totals["failed"]);
  summary.SetInteger("autoscaler.peak_nodes", peak);
}

}  // namespace orrery
