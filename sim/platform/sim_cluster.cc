#include "sim/platform/sim_cluster.h"

#include <algorithm>
#include <string>
#include <utility>

#include "runtime/core_worker/core_worker.h"
#include "runtime/gcs/gcs.h"
#include "runtime/messages/message.h"
#include "runtime/messages/orrery.pb.h"
#include "runtime/node_manager/node_manager.h"
#include "sim/platform/cost_profile.h"
#include "sim/platform/sim_autoscaler.h"

namespace orrery {

namespace {

constexpr uint64_t kBoot = 1, kBegin = 2;
constexpr uint32_t kNodeManagerSlot = 17;

// No service times and no latency: then sending takes no time at all, as closed forms want it.
bool MessagesAreFree(const Scenario& scenario) {
  return scenario.cluster.cost_profile.kind == CostProfileSpec::Kind::kZero && scenario.cluster.network.latency.ns == 0;
}

EngineOptions OptionsFor(const Scenario& scenario, uint64_t seed, EngineOptions options) {
  const NetworkSpec& network = scenario.cluster.network;
  options.seed = seed;
  if (network.topology == NetworkSpec::Topology::kRacks) {
    options.network.rack_bandwidth =
        static_cast<double>(network.rack_size) * network.bandwidth / network.oversubscription;
  }
  if (MessagesAreFree(scenario)) options.network.same_host_latency = {};
  return options;
}

}  // namespace

SimCluster::SimCluster(const Scenario& scenario, const EngineOptions& options, RunRecorder& recorder, CostProfile costs)
    : scenario_(scenario),
      recorder_(recorder),
      costs_(costs),
      engine_(options),
      executor_(engine_, scenario.policy.inline_limit),
      memory_(engine_),
      storage_(engine_, scenario.cluster.storage_latency),
      host_(engine_, executor_, scenario.policy, costs_, scenario.cluster.worker_startup_time) {
  engine_.SetTraceSink(this);
}

SimCluster::~SimCluster() = default;

Result<std::unique_ptr<SimCluster>> SimCluster::Make(const Scenario& scenario, uint64_t seed, const EngineOptions& base,
                                                     RunRecorder& recorder) {
  Result<std::vector<NodeSpec>> nodes = ExpandNodes(scenario.cluster);
  if (!nodes.ok()) return nodes.status();
  Result<CostProfile> costs = MakeCostProfile(scenario.cluster.cost_profile);
  if (!costs.ok()) return costs.status();
  std::unique_ptr<SimCluster> cluster(new SimCluster(scenario, OptionsFor(scenario, seed, base), recorder, *costs));
  const size_t fixed = nodes->size();
  if (scenario.autoscaler) {
    for (NodeSpec& node : ScaledNodes(scenario.cluster)) nodes->push_back(std::move(node));
  }
  cluster->AddHosts(std::move(*nodes));
  if (Status status = cluster->MakeDrivers(); !status.ok()) return status;
  cluster->StartGcs();
  if (scenario.autoscaler) {
    cluster->autoscaler_ = std::make_unique<SimAutoscaler>(*cluster, scenario, fixed);
    cluster->autoscaler_->Start();
  }
  for (size_t i = 0; i < fixed; ++i) {
    const Duration boot = cluster->nodes_[i].spec.boot_time;
    if (boot.ns == 0) ++cluster->expected_nodes_;
    if (boot.ns == 0)
      cluster->StartNodeManager(i);
    else
      cluster->engine_.At(Time{boot.ns}, cluster.get(), kBoot, i);
  }
  return cluster;
}

void SimCluster::AddHosts(std::vector<NodeSpec> specs) {
  const NetworkSpec& network = scenario_.cluster.network;
  for (NodeSpec& spec : specs) {
    HostSpec host;
    host.name = spec.name;
    host.speed = spec.speed;
    host.cores =
        static_cast<int32_t>(std::max<int64_t>(1, spec.resources.Get(ResourceKind::kCpu).raw / FixedPoint::kUnit));
    host.latency_out = Duration{network.latency.ns / 2};
    host.latency_in = network.latency - host.latency_out;
    host.bandwidth_out = host.bandwidth_in = MessagesAreFree(scenario_) ? 0 : network.bandwidth;
    if (network.topology == NetworkSpec::Topology::kRacks) {
      host.rack = static_cast<uint32_t>(static_cast<int64_t>(nodes_.size()) / network.rack_size);
    }
    node_of_name_.emplace(spec.name, nodes_.size());
    const HostId added = engine_.AddHost(host);
    memory_.SetDisk(added, spec.disk);
    nodes_.push_back({std::move(spec), added, {}, {}});
  }
}

Status SimCluster::MakeDrivers() {
  for (const SourceSpec& spec : scenario_.workload.sources) {
    auto source = MakeSource(spec, engine_.NamedRandom("workload/" + spec.name, "source"));
    if (!source.ok()) return source.status();
    drivers_.push_back(
        std::make_unique<SimDriver>(engine_, *this, recorder_, spec.name, std::move(*source), scenario_.policy));
  }
  open_drivers_ = drivers_.size();
  return Status::Ok();
}

void SimCluster::StartGcs() {
  const auto factory = [&](Env& env, Address) -> std::unique_ptr<StateMachine> {
    return std::make_unique<Gcs>(env, scenario_.policy, storage_.Load(scenario_.policy));
  };
  gcs_ = engine_.Spawn(nodes_.front().host, factory, {.name = "gcs", .costs = &costs_, .slot = 16});
  engine_.SetLocalEndpoint(gcs_, Address::Host(), &host_);
  engine_.SetLocalEndpoint(gcs_, Address::Storage(), &storage_);
  gcs_address_ = engine_.AddressOf(gcs_);
  gcs_address_.incarnation = 0;
}

bool SimCluster::KillGcs() {
  if (!engine_.Alive(gcs_)) return false;
  engine_.Kill(gcs_);
  return true;
}

void SimCluster::StartNodeManager(size_t index) {
  Node& node = nodes_[index];
  const auto factory = [&](Env& env, Address self) -> std::unique_ptr<StateMachine> {
    NodeOptions options;
    options.self = self;
    options.gcs = gcs_address_;
    options.memory = self;  // chunks are fetched from the node manager's own address
    options.name = node.spec.name;
    options.hostname = node.spec.name;
    options.pid = static_cast<uint32_t>(self.incarnation);
    options.head = index == 0;
    options.total = node.spec.resources;
    options.labels = node.spec.labels;
    return std::make_unique<NodeManager>(env, scenario_.policy, std::move(options));
  };
  node.process =
      engine_.Spawn(node.host, factory, {.name = node.spec.name, .costs = &costs_, .slot = kNodeManagerSlot});
  engine_.SetLocalEndpoint(node.process, Address::Host(), &host_);
  engine_.SetLocalEndpoint(node.process, Address::Memory(), &memory_);
}

void SimCluster::StartDrivers() {
  drivers_started_ = true;
  const Address node_manager = engine_.AddressOf(nodes_.front().process);
  for (size_t i = 0; i < drivers_.size(); ++i) {
    const std::string name = "driver/" + scenario_.workload.sources[i].name;
    const auto factory = [&](Env& env, Address self) -> std::unique_ptr<StateMachine> {
      Draft<msg::RegisterDriver> registration;
      const SourceSpec& source = scenario_.workload.sources[i];
      registration->set_name(source.name);
      registration->set_priority(source.terms.priority);
      registration->set_weight(source.terms.weight.raw);
      registration->set_pid(static_cast<uint32_t>(self.incarnation));
      registration->mutable_worker()->set_executable("simulated");
      CoreWorkerOptions options;
      options.self = self;
      options.node_manager = node_manager;
      options.registration = std::move(registration);
      return std::make_unique<CoreWorker>(env, scenario_.policy, std::move(options));
    };
    const ProcessHandle process =
        engine_.Spawn(nodes_.front().host, factory, {.name = name, .costs = &costs_, .slot = 0});
    engine_.SetLocalEndpoint(process, Address::Host(), &host_);
    engine_.SetLocalEndpoint(process, Address::Application(), drivers_[i].get());
    drivers_[i]->SetProcess(process);
  }
}

Gcs* SimCluster::gcs() { return static_cast<Gcs*>(engine_.Machine(gcs_)); }

NodeManager* SimCluster::node_manager(const Node& node) {
  return static_cast<NodeManager*>(engine_.Machine(node.process));
}

bool SimCluster::Busy(const NodeManager* node) { return node != nullptr && node->leases().granted() > 0; }

NodeId SimCluster::NodeOfIndex(int64_t index) const {
  if (index < 0 || index >= static_cast<int64_t>(nodes_.size())) return {};
  return nodes_[static_cast<size_t>(index)].id;
}

void SimCluster::OnDriverReady() {
  ++ready_drivers_;
  MaybeBegin();
}

void SimCluster::OnDriverDone() {
  ORRERY_ASSERT(open_drivers_ > 0);
  if (--open_drivers_ == 0) engine_.Stop();
}

void SimCluster::OnTrace(Time now, ProcessHandle, const TraceEvent& event) {
  recorder_.OnTrace(now, event);
  if (event.kind != TraceKind::kNodeRegistered) return;
  // The GCS traces the registration; the text is the node's name.
  if (auto it = node_of_name_.find(event.text); it != node_of_name_.end()) {
    Node& node = nodes_[it->second];
    node.id = event.node;
    const double cpus = node.spec.resources.Get(ResourceKind::kCpu).value();
    const double gpus = node.spec.resources.Get(ResourceKind::kGpu).value();
    const auto memory = static_cast<int64_t>(node.spec.resources.Get(ResourceKind::kMemory).value());
    recorder_.DescribeNode({event.node, node.spec.name, node.spec.type, cpus, gpus, memory, now});
  }
  ++registered_nodes_;
  if (drivers_started_) return;
  if (registered_nodes_ == expected_nodes_) engine_.At(now, this, kBegin, 0);
}

void SimCluster::OnEvent(uint64_t a, uint64_t b) {
  if (a == kBoot) return StartNodeManager(static_cast<size_t>(b));
  if (b == 0) return StartDrivers();
  began_ = true;
  begin_time_ = engine_.Now();
  if (on_begin_) on_begin_();
  for (auto& driver : drivers_) driver->Begin();
}

void SimCluster::MaybeBegin() {
  if (began_ || ready_drivers_ < drivers_.size()) return;
  engine_.At(engine_.Now(), this, kBegin, 1);
}

}  // namespace orrery
