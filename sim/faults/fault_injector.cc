#include "sim/faults/fault_injector.h"

#include <algorithm>

namespace orrery {

namespace {

bool HitsDisk(FaultKind kind) {
  return kind == FaultKind::kDiskFull || kind == FaultKind::kSlowDisk || kind == FaultKind::kDiskError;
}

}  // namespace

FaultInjector::FaultInjector(SimCluster& cluster, RunRecorder& recorder)
    : cluster_(cluster),
      recorder_(recorder),
      messages_(cluster.engine()),
      random_(cluster.engine().NamedRandom("faults", "targets")),
      fired_(cluster.scenario().faults.size()),
      hit_(cluster.scenario().faults.size()) {
  if (fired_.empty()) return;
  cluster_.engine().SetSendFilter(&messages_);
  cluster_.OnBegin([this] { Begin(); });
}

void FaultInjector::Begin() {
  const auto& faults = cluster_.scenario().faults;
  for (size_t i = 0; i < faults.size(); ++i) cluster_.engine().At(cluster_.begin_time() + faults[i].at, this, i, 0);
}

void FaultInjector::OnEvent(uint64_t a, uint64_t b) {
  if (b == 0)
    Fire(static_cast<size_t>(a));
  else
    Heal(static_cast<size_t>(a));
}

void FaultInjector::Fire(size_t index) {
  const FaultSpec& spec = cluster_.scenario().faults[index];
  bool hit = false;
  switch (spec.kind) {
    case FaultKind::kKillWorker: hit = KillWorkers(spec); break;
    case FaultKind::kKillNode:
    case FaultKind::kRestartNode: hit = KillNodes(index, spec); break;
    case FaultKind::kKillDriver: hit = KillDrivers(spec); break;
    case FaultKind::kKillGcs:
      hit = cluster_.KillGcs();
      if (hit) Record(spec, "gcs");
      break;
    case FaultKind::kSlowNode: hit = SlowNodes(index, spec); break;
    case FaultKind::kDiskFull:
    case FaultKind::kSlowDisk:
    case FaultKind::kDiskError: hit = HitDisks(index, spec); break;
    case FaultKind::kDropMessages:
    case FaultKind::kDelayMessages:
    case FaultKind::kPartition: {
      std::vector<HostId> hosts;
      for (size_t node : NodesOf(spec)) hosts.push_back(cluster_.nodes()[node].host);
      Record(spec, std::to_string(hosts.size()) + " hosts");
      messages_.Start(index, spec, std::move(hosts));
      break;
    }
  }
  if (hit) ++fired_[index];
  const bool heals = spec.duration.ns > 0 || spec.kind == FaultKind::kRestartNode;
  if (heals) cluster_.engine().At(cluster_.engine().Now() + spec.duration, this, index, 1);
}

void FaultInjector::Heal(size_t index) {
  const FaultSpec& spec = cluster_.scenario().faults[index];
  messages_.Heal(index);
  if (spec.kind == FaultKind::kKillGcs) {
    const bool can = cluster_.gcs() == nullptr && cluster_.engine().HostAlive(cluster_.nodes().front().host);
    return can ? cluster_.StartGcs() : void();
  }
  for (size_t node : hit_[index]) {
    SimCluster::Node& info = cluster_.nodes()[node];
    if (spec.kind == FaultKind::kSlowNode) {
      cluster_.engine().SetHostSpeed(info.host, info.spec.speed);
    } else if (HitsDisk(spec.kind)) {
      SetDisk(spec, info.host, false);
    } else if (!cluster_.engine().HostAlive(info.host)) {
      cluster_.engine().ReviveHost(info.host);
      cluster_.StartNodeManager(node);
    }
  }
  hit_[index].clear();
}

bool FaultInjector::KillWorkers(const FaultSpec& spec) {
  std::vector<ProcessHandle> candidates;
  const std::vector<size_t> nodes = NodesOf(spec);
  for (const auto& [process, worker] : cluster_.host_model().workers()) {
    const bool busy_only = std::any_of(spec.targets.begin(), spec.targets.end(),
                                       [](const FaultTarget& t) { return t.kind == FaultTarget::Kind::kBusy; });
    if (busy_only && !cluster_.executor().Busy(process)) continue;
    const HostId host = cluster_.engine().HostOf(process);
    const auto here = [&](size_t node) { return cluster_.nodes()[node].host == host; };
    if (!nodes.empty() && std::none_of(nodes.begin(), nodes.end(), here)) continue;
    candidates.push_back(process);
  }
  if (candidates.empty()) return false;
  const bool all = !spec.targets.empty() && spec.targets.front().kind == FaultTarget::Kind::kAll;
  if (!all) candidates = {candidates[random_.Below(candidates.size())]};
  for (ProcessHandle process : candidates) {
    Record(spec, cluster_.engine().NameOf(process));
    cluster_.host_model().KillWorker(process, 9);
  }
  return true;
}

bool FaultInjector::KillNodes(size_t index, const FaultSpec& spec) {
  std::vector<size_t> nodes = NodesOf(spec);
  std::erase_if(nodes, [&](size_t node) { return !cluster_.engine().HostAlive(cluster_.nodes()[node].host); });
  for (size_t node : nodes) {
    Record(spec, cluster_.nodes()[node].spec.name);
    cluster_.engine().KillHost(cluster_.nodes()[node].host);
  }
  hit_[index] = nodes;
  return !nodes.empty();
}

bool FaultInjector::SlowNodes(size_t index, const FaultSpec& spec) {
  hit_[index] = NodesOf(spec);
  for (size_t node : hit_[index]) {
    const SimCluster::Node& info = cluster_.nodes()[node];
    Record(spec, info.spec.name);
    cluster_.engine().SetHostSpeed(info.host, info.spec.speed * spec.factor);
  }
  return !hit_[index].empty();
}

bool FaultInjector::HitDisks(size_t index, const FaultSpec& spec) {
  hit_[index] = NodesOf(spec);
  for (size_t node : hit_[index]) {
    Record(spec, cluster_.nodes()[node].spec.name);
    SetDisk(spec, cluster_.nodes()[node].host, true);
  }
  return !hit_[index].empty();
}

void FaultInjector::SetDisk(const FaultSpec& spec, HostId host, bool broken) {
  SimMemory& memory = cluster_.memory();
  switch (spec.kind) {
    case FaultKind::kDiskFull: return memory.SetDiskFull(host, broken);
    case FaultKind::kSlowDisk: return memory.SetDiskSpeed(host, broken ? spec.factor : 1);
    default: return memory.SetDiskErrors(host, broken ? spec.probability : 0);
  }
}

bool FaultInjector::KillDrivers(const FaultSpec& spec) {
  const auto& drivers = cluster_.drivers();
  std::vector<size_t> victims;
  for (const FaultTarget& target : spec.targets) {
    if (target.kind == FaultTarget::Kind::kDriver) victims.push_back(static_cast<size_t>(target.index));
  }
  if (victims.empty()) victims.push_back(random_.Below(drivers.size()));
  bool hit = false;
  for (size_t victim : victims) {
    if (victim >= drivers.size() || drivers[victim]->closed()) continue;
    Record(spec, cluster_.engine().NameOf(drivers[victim]->process()));
    cluster_.engine().Kill(drivers[victim]->process());
    hit = true;
  }
  return hit;
}

std::vector<size_t> FaultInjector::NodesOf(const FaultSpec& spec) {
  std::vector<size_t> nodes;
  for (const FaultTarget& target : spec.targets) {
    const bool worker_choice = spec.kind == FaultKind::kKillWorker &&
                               (target.kind == FaultTarget::Kind::kAny || target.kind == FaultTarget::Kind::kBusy);
    if (worker_choice) continue;
    for (size_t node : NodesOf(target)) nodes.push_back(node);
  }
  std::sort(nodes.begin(), nodes.end());
  nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());
  return nodes;
}

std::vector<size_t> FaultInjector::NodesOf(const FaultTarget& target) {
  const auto& nodes = cluster_.nodes();
  std::vector<size_t> found;
  switch (target.kind) {
    case FaultTarget::Kind::kHead: return {0};
    case FaultTarget::Kind::kNode:
      if (static_cast<size_t>(target.index) < nodes.size()) found.push_back(static_cast<size_t>(target.index));
      return found;
    case FaultTarget::Kind::kAny:
    case FaultTarget::Kind::kBusy:
      for (size_t i = 1; i < nodes.size(); ++i) {
        if (!cluster_.engine().HostAlive(nodes[i].host)) continue;
        const NodeManager* manager = cluster_.node_manager(nodes[i]);
        if (target.kind == FaultTarget::Kind::kAny || SimCluster::Busy(manager)) found.push_back(i);
      }
      if (found.empty()) return found;
      return {found[random_.Below(found.size())]};
    case FaultTarget::Kind::kNodeType:
    case FaultTarget::Kind::kAll:
      for (size_t i = 0; i < nodes.size(); ++i) {
        if (target.kind == FaultTarget::Kind::kAll || nodes[i].spec.type == target.name) found.push_back(i);
      }
      return found;
    case FaultTarget::Kind::kDriver: return found;
  }
  return found;
}

void FaultInjector::Record(const FaultSpec& spec, const std::string& whom) {
  const std::string text = std::string(FaultKindName(spec.kind)) + " " + whom;
  recorder_.OnTrace(cluster_.engine().Now(), {.kind = TraceKind::kFaultFired, .text = text});
}

uint64_t FaultInjector::fired() const {
  uint64_t total = 0;
  for (size_t i = 0; i < fired_.size(); ++i) total += fired_[i] + messages_.Fired(i);
  return total;
}

std::vector<std::string> FaultInjector::NeverFired() const {
  std::vector<std::string> names;
  for (size_t i = 0; i < fired_.size(); ++i) {
    if (fired_[i] + messages_.Fired(i) > 0) continue;
    const FaultSpec& spec = cluster_.scenario().faults[i];
    names.push_back(std::string(FaultKindName(spec.kind)) + " at " + ToString(spec.at));
  }
  return names;
}

}  // namespace orrery
