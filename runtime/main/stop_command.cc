#include <cstdio>

#include "runtime/main/autoscaler_start.h"
#include "runtime/main/commands.h"
#include "runtime/main/exit_code.h"
#include "runtime/main/gcs_query.h"
#include "runtime/messages/convert.h"
#include "runtime/messages/orrery.pb.h"
#include "runtime/providers/node_network.h"
#include "runtime/transport/endpoint.h"

namespace orrery {

namespace {

// A node that runs on another machine, named by what the GCS knows.
int StopRemote(const Session& session, const std::string& name) {
  Result<Address> gcs = FindGcs(session, "");
  if (!gcs.ok()) return Fail(gcs.status());
  Draft<msg::GetClusterStatus> request;
  Result<Message> reply = Ask(session, "", *gcs, std::move(request), Duration::Seconds(10));
  if (!reply.ok()) return Fail(reply.status());
  std::vector<std::string> names;
  for (const msg::NodeStatus& node : reply->As<msg::ClusterStatus>().nodes()) {
    if (!node.alive()) continue;
    names.push_back(node.name());
    if (node.name() != name) continue;
    Draft<msg::Shutdown> order;
    order->set_reason("orrery stop --node " + name);
    Result<Message> sent = Ask(session, "", FromProto(node.address()), std::move(order), Duration::Seconds(10), false);
    if (!sent.ok()) return Fail(sent.status());
    std::printf("Asked node %s at %s to stop.\n", name.c_str(), ToString(FromProto(node.address())).c_str());
    return kExitOk;
  }
  const std::string nearest = NearestName(name, names);
  return Fail(kExitFailed,
              "no living node is named '" + name + "'" + (nearest.empty() ? "" : "; did you mean '" + nearest + "'?"));
}

// Best effort: the local daemons are ended by signals afterwards, whatever the GCS does.
void TellWholeCluster(const Session& session) {
  Result<Address> gcs = FindGcs(session, "");
  if (!gcs.ok()) return;
  Draft<msg::Shutdown> order;
  order->set_reason("orrery stop --all");
  Result<Message> sent = Ask(session, "", *gcs, std::move(order), Duration::Seconds(5), false);
  if (!sent.ok()) std::fprintf(stderr, "orrery: %s\n", sent.status().message().c_str());
}

}  // namespace

int StopCommand(const StopOptions& options) {
  Result<Session> session = Session::Open();
  if (!session.ok()) return Fail(kExitFailed, session.status().message());
  // The autoscaler first, which would replace nodes.
  int killed = 0;
  size_t count = 0;
  if (options.node.empty()) {
    const std::vector<DaemonRecord> autoscalers = Autoscalers(*session);
    killed += EndDaemons(autoscalers, options.grace);
    count += autoscalers.size();
  }
  std::vector<DaemonRecord> nodes = options.node.empty() ? StartingNodes(*session) : std::vector<DaemonRecord>(),
                            others;
  for (const DaemonRecord& record : session->Records()) {
    if (record.role != "node_manager") {
      others.push_back(record);
    } else if (options.node.empty() || record.node_name == options.node) {
      nodes.push_back(record);
    }
  }
  if (!options.node.empty()) {
    if (nodes.empty()) return StopRemote(*session, options.node);
    others.clear();
  }
  count += nodes.size() + others.size();
  if (count == 0) {
    session->CleanStale();
    RemoveBridge(session->folder());
    session->RemoveClusterState();
    session->RemoveIfUnused();
    std::printf("No daemon runs in %s.\n", session->folder().c_str());
    return kExitOk;
  }
  if (options.all) TellWholeCluster(*session);
  // Nodes before the GCS: they tell it, and their workers end in order.
  killed += EndDaemons(nodes, options.grace);
  killed += EndDaemons(others, options.grace);
  session->CleanStale();
  if (options.node.empty()) {
    session->RemoveClusterState();
    RemoveBridge(session->folder());
  }
  session->RemoveIfUnused();
  std::printf("Stopped %zu daemon%s", count, count == 1 ? "" : "s");
  if (killed > 0) std::printf(" (%d by SIGKILL)", killed);
  std::printf(".\n");
  return kExitOk;
}

}  // namespace orrery
