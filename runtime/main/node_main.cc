// The daemon of one node.
#include <unistd.h>

#include <array>

#include "runtime/main/daemon_base.h"
#include "runtime/node_manager/node_manager.h"
#include "runtime/providers/node_network.h"
#include "runtime/transport/endpoint.h"
#include "runtime/transport/object_memory.h"

namespace orrery {

namespace {

Result<NodeOptions> NodeOptionsOf(const StartOptions& start, const Address& self) {
  Result<Address> gcs = ParseAddress(start.address);
  if (!gcs.ok()) return gcs.status();
  Result<ResourceSet> total = TotalResources(start);
  if (!total.ok()) return total.status();
  Result<Labels> labels = ParseLabels(start.labels);
  if (!labels.ok()) return labels.status();
  std::array<char, 256> hostname{};
  gethostname(hostname.data(), hostname.size() - 1);
  NodeOptions options;
  options.self = self;
  options.gcs = {gcs->endpoint, 0};
  options.name = start.name;
  options.hostname = hostname.data();
  options.pid = static_cast<uint32_t>(getpid());
  options.head = start.head;
  options.total = *total;
  options.labels = *labels;
  return options;
}

Result<std::unique_ptr<ObjectMemory>> OpenMemory(DaemonBase& daemon, const Settings& settings,
                                                 const ResourceSet& total) {
  Result<std::vector<std::string>> parents = SpillParents(settings, daemon.session().spill_dir());
  if (!parents.ok()) return parents.status();
  ObjectMemoryOptions options;
  options.capacity = total.Get(ResourceKind::kObjectStoreMemory).raw / FixedPoint::kUnit;
  options.spill_parents = *parents;
  options.stall_timeout = settings.object_pull_retry;
  return ObjectMemory::Create(daemon.env(), std::move(options));
}

}  // namespace

int RunNodeDaemon(const DaemonOptions& options) {
  Result<Settings> settings = ParseSettings(options.start.settings);
  if (!settings.ok()) return DaemonBase::GiveUp(options, settings.status());
  if (!options.start.network_namespace.empty()) {
    const Status entered = EnterNamespace(options.start.network_namespace);
    if (!entered.ok()) return DaemonBase::GiveUp(options, entered);
  }
  Result<std::unique_ptr<DaemonBase>> daemon = DaemonBase::Open(options, "node_manager", 0);
  if (!daemon.ok()) return DaemonBase::GiveUp(options, daemon.status());
  Result<NodeOptions> node_options = NodeOptionsOf(options.start, (*daemon)->env().address());
  if (!node_options.ok()) return DaemonBase::GiveUp(options, node_options.status());
  Result<std::unique_ptr<ObjectMemory>> memory = OpenMemory(**daemon, *settings, node_options->total);
  if (!memory.ok()) return DaemonBase::GiveUp(options, memory.status());
  (*daemon)->env().SetLocalEndpoint(Address::Memory(), memory->get());
  node_options->memory = (*memory)->address();
  NodeManager node((*daemon)->env(), *settings, *node_options);
  bool ready = false;
  return (*daemon)->Run(node, [&] {
    if (ready || !node.id()) return;  // ready means: registered at the GCS
    ready = true;
    (*daemon)->Ready({.role = "node_manager",
                      .node_name = options.start.name.empty() ? ToString(node.id()) : options.start.name,
                      .gcs_address = ToString(node_options->gcs),
                      .head = options.start.head});
  });
}

}  // namespace orrery
