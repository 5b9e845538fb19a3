#include "sim/checkers/conservation.h"

#include <string>
#include <utility>

#include "runtime/gcs/gcs.h"
#include "runtime/node_manager/node_manager.h"
#include "sim/checkers/verdict.h"

namespace orrery {

namespace {

CheckResult CheckTasks(const SimCluster& cluster) {
  std::vector<std::string> wrong;
  uint64_t ended = 0;
  for (size_t i = 0; i < cluster.drivers().size(); ++i) {
    const SimDriver& driver = *cluster.drivers()[i];
    ended += driver.ended();
    if (driver.killed() || driver.ended() == driver.submitted()) continue;
    wrong.push_back("driver " + std::to_string(i) + ": " + std::to_string(driver.submitted()) + " tasks submitted, " +
                    std::to_string(driver.ended()) + " ended");
  }
  return Verdict("conservation.tasks", wrong, std::to_string(ended) + " tasks ended once each");
}

CheckResult CheckLeases(SimCluster& cluster) {
  std::vector<std::string> wrong;
  for (const SimCluster::Node& node : cluster.nodes()) {
    const NodeManager* manager = cluster.node_manager(node);
    if (manager == nullptr) continue;  // dead
    const LeaseManager& leases = manager->leases();
    if (leases.queued() + leases.granted() > 0) {
      wrong.push_back(node.spec.name + " holds " + std::to_string(leases.granted()) + " leases and queues " +
                      std::to_string(leases.queued()));
    } else if (leases.resources().available() != leases.resources().total()) {
      wrong.push_back(node.spec.name + " has " + ToString(leases.resources().available()) + " free of " +
                      ToString(leases.resources().total()));
    }
  }
  return Verdict("conservation.leases", wrong, "every node's resources are free");
}

CheckResult CheckGcs(SimCluster& cluster) {
  std::vector<std::string> wrong;
  if (const Gcs* gcs = cluster.gcs()) {
    const ResourceManager& resources = gcs->resources();
    if (resources.parked() > 0) wrong.push_back(std::to_string(resources.parked()) + " leases wait for a node");
    if (resources.assigned() > 0)
      wrong.push_back(std::to_string(resources.assigned()) + " assignments were never seen");
  }
  return Verdict("conservation.gcs", wrong, "no lease waits, no assignment is outstanding");
}

// Of an actor no more than one process at a time answers its callers.
CheckResult CheckActors(SimCluster& cluster) {
  const uint64_t most = cluster.executor().most_live_incarnations();
  std::vector<std::string> wrong;
  if (most > 1) wrong.push_back("an incarnation of an actor was " + std::to_string(most) + " processes at once");
  return Verdict("conservation.actors", wrong, "no actor was doubled");
}

}  // namespace

std::vector<CheckResult> CheckConservation(SimCluster& cluster) {
  return {CheckTasks(cluster), CheckLeases(cluster), CheckGcs(cluster), CheckActors(cluster)};
}

}  // namespace orrery
