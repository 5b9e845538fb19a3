#include "runtime/main/autoscaler_start.h"

#include <signal.h>
#include <time.h>

#include <algorithm>

#include "runtime/transport/local_nodes.h"

namespace orrery {

namespace {

constexpr double kGrace = 10;  // seconds

void Nap() {
  const timespec nap{0, 10'000'000};
  nanosleep(&nap, nullptr);
}

double Seconds() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

}  // namespace

int EndDaemons(const std::vector<DaemonRecord>& daemons, double grace) {
  for (const DaemonRecord& daemon : daemons) {
    if (IsAlive(daemon)) kill(daemon.pid, SIGTERM);
  }
  const double end = Seconds() + grace;
  int killed = 0;
  for (const DaemonRecord& daemon : daemons) {
    while (IsAlive(daemon) && Seconds() < end) Nap();
    if (!IsAlive(daemon)) continue;
    kill(daemon.pid, SIGKILL);
    ++killed;
    while (IsAlive(daemon)) Nap();
  }
  return killed;
}

std::vector<DaemonRecord> Autoscalers(const Session& session) {
  std::vector<DaemonRecord> records = session.Records();
  std::erase_if(records, [](const DaemonRecord& record) { return record.role != "autoscaler"; });
  return records;
}

void EndAutoscaler(const Session& session) { EndDaemons(Autoscalers(session), kGrace); }

std::vector<DaemonRecord> LaunchedNodes(const Session& session) {
  std::vector<DaemonRecord> nodes;
  for (const auto& [instance, process] : FindLocalNodes(session.folder()))
    nodes.push_back({.pid = process.pid, .start_time = ProcessStartTime(process.pid), .role = "node_manager"});
  return nodes;
}

std::vector<DaemonRecord> StartingNodes(const Session& session) {
  std::vector<DaemonRecord> starting = LaunchedNodes(session);
  const std::vector<DaemonRecord> known = session.Records();  // read after them: a node may make its record meanwhile
  std::erase_if(starting, [&](const DaemonRecord& node) {
    return std::any_of(known.begin(), known.end(), [&](const DaemonRecord& record) { return record.pid == node.pid; });
  });
  return starting;
}

}  // namespace orrery
