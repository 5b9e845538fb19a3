#include "sim/platform/sim_autoscaler.h"

#include <string>
#include <utility>

#include "runtime/node_manager/node_manager.h"
#include "sim/platform/sim_cluster.h"

namespace orrery {

namespace {

constexpr uint64_t kKill = 1, kBack = 2;
constexpr uint32_t kSlot = 18;

std::vector<NodeType> TypesOf(const Scenario& scenario) {
  std::vector<NodeType> types;
  for (const NodeTypeSpec& spec : scenario.cluster.node_types) {
    if (!spec.scaled) continue;
    NodeType type;
    type.name = spec.name;
    type.resources = spec.resources;
    type.labels = spec.labels;
    type.min_workers = spec.min;
    type.max_workers = spec.max;
    type.price = spec.price;
    types.push_back(std::move(type));
  }
  return types;
}

}  // namespace

SimAutoscaler::SimAutoscaler(SimCluster& cluster, const Scenario& scenario, size_t first)
    : cluster_(cluster),
      scenario_(scenario),
      first_(first),
      taken_(cluster.nodes().size() - first),
      provider_(cluster.engine(), scenario, *this),
      random_(cluster.engine().NamedRandom("autoscaler", "kills")) {
  for (size_t i = first; i < cluster.nodes().size(); ++i) cluster.engine().KillHost(cluster.nodes()[i].host);
}

void SimAutoscaler::Start() {
  Spawn();
  const auto& every = scenario_.autoscaler->killed_every;
  if (every) cluster_.engine().At(Time{} + Duration::FromSeconds(Sample(*every, random_)), this, kKill);
}

void SimAutoscaler::Spawn() {
  const auto factory = [&](Env& env, Address self) -> std::unique_ptr<StateMachine> {
    AutoscalerOptions options;
    options.self = self;
    options.gcs = cluster_.gcs_address();
    options.config = ConfigFrom(scenario_.policy, TypesOf(scenario_));
    options.config.max_workers = scenario_.autoscaler->max_workers;
    return std::make_unique<Autoscaler>(env, scenario_.policy, std::move(options));
  };
  SimEngine& engine = cluster_.engine();
  process_ = engine.Spawn(cluster_.nodes().front().host, factory,
                          {.name = "autoscaler/" + std::to_string(kills_), .costs = &cluster_.costs(), .slot = kSlot});
  engine.SetLocalEndpoint(process_, Address::Host(), &cluster_.host_model());
  engine.SetLocalEndpoint(process_, Address::Provider(), &provider_);
}

const Autoscaler* SimAutoscaler::machine() const {
  return static_cast<const Autoscaler*>(cluster_.engine().Machine(process_));
}

size_t SimAutoscaler::FreeNode(const std::string& type) {
  for (size_t i = 0; i < taken_.size(); ++i) {
    if (!taken_[i] && cluster_.nodes()[first_ + i].spec.type == type) return first_ + i;
  }
  return SIZE_MAX;
}

void SimAutoscaler::StartInstance(size_t node, uint64_t instance) {
  taken_[node - first_] = true;
  if (instance == 0) return;  // it boots
  SimCluster::Node& info = cluster_.nodes()[node];
  info.spec.labels[kInstanceLabel] = std::to_string(instance);
  info.spec.labels[kNodeTypeLabel] = info.spec.type;
  cluster_.engine().ReviveHost(info.host);
  cluster_.StartNodeManager(node);
}

void SimAutoscaler::EndInstance(size_t node) {
  taken_[node - first_] = false;
  cluster_.engine().KillHost(cluster_.nodes()[node].host);
}

bool SimAutoscaler::NodeBusy(size_t node) { return SimCluster::Busy(cluster_.node_manager(cluster_.nodes()[node])); }

void SimAutoscaler::OnEvent(uint64_t a, uint64_t) {
  if (a == kBack) return Spawn();
  SimEngine& engine = cluster_.engine();
  engine.Kill(process_);
  ++kills_;
  engine.At(engine.Now() + scenario_.autoscaler->back_after, this, kBack);
  const Duration next = Duration::FromSeconds(Sample(*scenario_.autoscaler->killed_every, random_));
  engine.At(engine.Now() + scenario_.autoscaler->back_after + next, this, kKill);
}

}  // namespace orrery
