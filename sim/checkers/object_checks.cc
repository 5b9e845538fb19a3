#include "sim/checkers/object_checks.h"

#include <string>
#include <utility>

#include "runtime/core_worker/core_worker.h"
#include "runtime/node_manager/node_manager.h"
#include "sim/checkers/verdict.h"

namespace orrery {

namespace {

CheckResult CheckStores(SimCluster& cluster) {
  std::vector<std::string> wrong;
  for (const SimCluster::Node& node : cluster.nodes()) {
    const NodeManager* manager = cluster.node_manager(node);
    if (manager == nullptr) continue;  // dead
    const auto& objects = manager->store().objects().all();
    if (!objects.empty()) {
      wrong.push_back(node.spec.name + " holds " + std::to_string(objects.size()) + " objects, the first is " +
                      ToString(objects.begin()->first));
    } else if (!manager->store().idle()) {
      wrong.push_back(node.spec.name + " still waits for an object, or has something under way");
    }
  }
  const SimMemory& memory = cluster.memory();
  if (memory.files() > 0) wrong.push_back(std::to_string(memory.files()) + " spill files lie on disks");
  if (memory.fetching() > 0) wrong.push_back(std::to_string(memory.fetching()) + " chunks are on their way");
  return Verdict("objects.stores", wrong, "no object, pin or spill file is left");
}

CheckResult CheckOwners(SimCluster& cluster) {
  std::vector<std::string> wrong;
  for (size_t i = 0; i < cluster.drivers().size(); ++i) {
    const SimDriver& driver = *cluster.drivers()[i];
    if (driver.left_values() == 0) continue;
    wrong.push_back("driver " + std::to_string(i) + " still knew " + std::to_string(driver.left_values()) + " values");
  }
  for (const auto& [process, worker] : cluster.host_model().workers()) {
    const auto* machine = static_cast<const CoreWorker*>(cluster.engine().Machine(process));
    if (machine != nullptr && !machine->objects().idle()) wrong.push_back(ToString(worker.id) + " still uses objects");
  }
  return Verdict("objects.owners", wrong, "no process knows a value");
}

CheckResult CheckBytes(SimCluster& cluster, int64_t moved) {
  const int64_t fetched = cluster.memory().totals().fetched;
  return {
      "objects.bytes", moved <= fetched,
      "the network delivered " + std::to_string(fetched) + " bytes, node managers received " + std::to_string(moved)};
}

}  // namespace

int64_t CountLeaked(SimCluster& cluster) {
  int64_t leaked = cluster.memory().files();
  for (const SimCluster::Node& node : cluster.nodes()) {
    const NodeManager* manager = cluster.node_manager(node);
    if (manager != nullptr) leaked += static_cast<int64_t>(manager->store().objects().all().size());
  }
  for (const auto& driver : cluster.drivers()) leaked += static_cast<int64_t>(driver->left_values());
  return leaked;
}

std::vector<CheckResult> CheckObjects(SimCluster& cluster, int64_t moved) {
  return {CheckStores(cluster), CheckOwners(cluster), CheckBytes(cluster, moved)};
}

}  // namespace orrery
