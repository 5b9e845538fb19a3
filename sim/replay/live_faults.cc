#include "sim/replay/live_faults.h"

#include <algorithm>
#include <cstdio>

namespace orrery {

Status LiveFaults::Check(const std::vector<FaultSpec>& faults) {
  for (const FaultSpec& fault : faults) {
    switch (fault.kind) {
      case FaultKind::kKillWorker:
      case FaultKind::kKillNode:
      case FaultKind::kRestartNode:
      case FaultKind::kKillGcs:
      case FaultKind::kKillDriver: continue;
      default:
        return {StatusCode::kInvalidArgument, std::string("the fault ") + FaultKindName(fault.kind) +
                                                  " exists in simulation only; live runs know kill_worker, kill_node, "
                                                  "restart_node, kill_driver and kill_gcs"};
    }
  }
  return Status::Ok();
}

LiveFaults::LiveFaults(const std::vector<FaultSpec>& faults, uint64_t seed, ReplayCluster& cluster,
                       Recording& recording, std::vector<std::unique_ptr<ReplayDriver>>& drivers)
    : faults_(faults),
      random_(Random::Named(seed, "faults", "targets")),
      cluster_(cluster),
      recording_(recording),
      drivers_(drivers),
      fired_(faults.size()),
      hit_(faults.size()) {}

void LiveFaults::Begin(ReplayLoop& loop) {
  for (size_t i = 0; i < faults_.size(); ++i) FireAt(recording_.begin() + faults_[i].at, i, loop);
}

// What it is to hit may be there later than in simulation: processes take their time to start.
void LiveFaults::FireAt(Time at, size_t index, ReplayLoop& loop) {
  loop.At(at, [this, at, index, &loop] {
    if (!Fire(index)) return FireAt(at + kTryAgain, index, loop);
    ++fired_[index];
    const bool heals = faults_[index].duration.ns > 0 || faults_[index].kind == FaultKind::kRestartNode;
    if (heals) loop.At(at + faults_[index].duration, [this, index] { Heal(index); });
  });
}

bool LiveFaults::Fire(size_t index) {
  const FaultSpec& spec = faults_[index];
  if (spec.kind == FaultKind::kKillWorker) return KillWorkers(spec);
  if (spec.kind == FaultKind::kKillDriver) return KillDrivers(spec);
  if (spec.kind == FaultKind::kKillGcs) return KillGcs(spec);
  return KillNodes(index);
}

bool LiveFaults::KillGcs(const FaultSpec& spec) {
  if (cluster_.processes().GcsPid() == 0) return false;
  cluster_.processes().KillGcs();
  Record(spec, "gcs");
  return true;
}

void LiveFaults::Heal(size_t index) {
  if (faults_[index].kind == FaultKind::kKillGcs && cluster_.processes().GcsPid() == 0) {
    if (Status status = cluster_.processes().StartGcs(); !status.ok())
      std::fprintf(stderr, "cannot start the GCS again: %s\n", status.message().c_str());
  }
  for (size_t node : hit_[index]) {
    if (Status status = cluster_.StartNode(node); !status.ok())
      std::fprintf(stderr, "cannot heal: %s\n", status.message().c_str());
  }
  hit_[index].clear();
}

bool LiveFaults::KillWorkers(const FaultSpec& spec) {
  std::vector<WorkerId> candidates;
  bool all = false;
  for (const FaultTarget& target : spec.targets) {
    for (WorkerId worker : WorkersOf(target)) candidates.push_back(worker);
    all = all || target.kind == FaultTarget::Kind::kAll;
  }
  bool hit = false;
  while (!candidates.empty()) {
    const size_t chosen = all ? 0 : random_.Below(candidates.size());
    const WorkerId victim = candidates[chosen];
    candidates.erase(candidates.begin() + static_cast<std::ptrdiff_t>(chosen));
    if (!cluster_.KillWorker(victim)) continue;  // it has just ended by itself
    Record(spec, ToString(victim));
    hit = true;
    if (!all) break;
  }
  return hit;
}

std::vector<WorkerId> LiveFaults::BusyWorkers() {
  std::vector<WorkerId> workers;
  for (const auto& driver : drivers_) {
    for (WorkerId worker : driver->BusyWorkers()) workers.push_back(worker);
  }
  return workers;
}

std::vector<WorkerId> LiveFaults::WorkersOf(const FaultTarget& target) {
  if (target.kind == FaultTarget::Kind::kBusy) return BusyWorkers();
  std::vector<WorkerId> workers;
  std::vector<size_t> nodes;
  if (target.kind == FaultTarget::Kind::kAny) {
    for (size_t node = 0; node < cluster_.node_count(); ++node) nodes.push_back(node);
  } else {
    nodes = NodesOf(target);
  }
  for (size_t node : nodes) {
    for (WorkerId worker : cluster_.WorkersOn(node)) workers.push_back(worker);
  }
  return workers;
}

bool LiveFaults::KillNodes(size_t index) {
  std::vector<size_t> nodes;
  for (const FaultTarget& target : faults_[index].targets) {
    for (size_t node : NodesOf(target)) nodes.push_back(node);
  }
  std::sort(nodes.begin(), nodes.end());
  nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());
  std::erase_if(nodes, [this](size_t node) { return !cluster_.Alive(node); });
  for (size_t node : nodes) {
    Record(faults_[index], cluster_.spec(node).name);
    cluster_.KillNode(node);
  }
  hit_[index] = nodes;
  return !nodes.empty();
}

bool LiveFaults::KillDrivers(const FaultSpec& spec) {
  std::vector<size_t> victims;
  for (const FaultTarget& target : spec.targets) {
    if (target.kind == FaultTarget::Kind::kDriver) victims.push_back(static_cast<size_t>(target.index));
  }
  if (victims.empty()) victims.push_back(random_.Below(drivers_.size()));
  bool hit = false;
  for (size_t victim : victims) {
    if (victim >= drivers_.size() || drivers_[victim]->done()) continue;
    Record(spec, drivers_[victim]->name());
    drivers_[victim]->Abandon();
    hit = true;
  }
  return hit;
}

std::vector<size_t> LiveFaults::NodesOf(const FaultTarget& target) {
  std::vector<size_t> found;
  const auto busy = [this](size_t node) {
    const std::vector<WorkerId> workers = BusyWorkers();
    return std::any_of(workers.begin(), workers.end(),
                       [&](WorkerId worker) { return cluster_.IndexOf(worker.node()) == node; });
  };
  switch (target.kind) {
    case FaultTarget::Kind::kHead: return {0};
    case FaultTarget::Kind::kNode:
      if (static_cast<size_t>(target.index) < cluster_.node_count()) found.push_back(static_cast<size_t>(target.index));
      return found;
    case FaultTarget::Kind::kAny:
    case FaultTarget::Kind::kBusy:
      for (size_t node = 1; node < cluster_.node_count(); ++node) {
        if (cluster_.Alive(node) && (target.kind == FaultTarget::Kind::kAny || busy(node))) found.push_back(node);
      }
      if (!found.empty()) found = {found[random_.Below(found.size())]};
      return found;
    case FaultTarget::Kind::kNodeType:
    case FaultTarget::Kind::kAll:
      for (size_t node = 0; node < cluster_.node_count(); ++node) {
        if (target.kind == FaultTarget::Kind::kAll || cluster_.spec(node).type == target.name) found.push_back(node);
      }
      return found;
    case FaultTarget::Kind::kDriver: return found;
  }
  return found;
}

void LiveFaults::Record(const FaultSpec& spec, const std::string& whom) {
  recording_.Fault(std::string(FaultKindName(spec.kind)) + " " + whom);
}

uint64_t LiveFaults::fired() const {
  uint64_t total = 0;
  for (uint64_t count : fired_) total += count;
  return total;
}

std::vector<std::string> LiveFaults::NeverFired() const {
  std::vector<std::string> names;
  for (size_t i = 0; i < fired_.size(); ++i) {
    if (fired_[i] == 0) names.push_back(std::string(FaultKindName(faults_[i].kind)) + " at " + ToString(faults_[i].at));
  }
  return names;
}

}  // namespace orrery
