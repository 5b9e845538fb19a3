#include "runtime/api/cluster_finder.h"

#include <cstdlib>
#include <thread>

#include "runtime/transport/endpoint.h"
#include "runtime/transport/session.h"

namespace orrery::internal {

namespace {

bool SameEndpoint(const std::string& a, const std::string& b) {
  if (a == b) return true;
  const Result<Address> first = ParseAddress(a), second = ParseAddress(b);
  return first.ok() && second.ok() && first.value().endpoint == second.value().endpoint;
}

Result<FoundCluster> StartOwn(const SessionOptions& options) {
  LocalNode node;
  const unsigned cpus = std::max(1U, std::thread::hardware_concurrency());
  node.resources.Set(ResourceKind::kCpu, FixedPoint::FromDouble(options.num_cpus < 0 ? cpus : options.num_cpus));
  node.resources.Set(ResourceKind::kGpu, FixedPoint::FromDouble(options.num_gpus));
  for (const auto& [name, amount] : options.resources) node.resources.Set(name, FixedPoint::FromDouble(amount));
  if (options.object_store_memory > 0)
    node.resources.Set(ResourceKind::kObjectStoreMemory,
                       FixedPoint::FromDouble(static_cast<double>(options.object_store_memory)));
  node.labels = options.labels;
  Result<std::unique_ptr<LocalCluster>> own = LocalCluster::Start({.nodes = {node}, .settings = options.settings});
  if (!own.ok()) return own.status();
  Result<FoundCluster> found = FindInSession((*own)->session_dir(), (*own)->address());
  if (found.ok()) found->own = std::move(*own);
  return found;
}

}  // namespace

Result<FoundCluster> FindInSession(const std::string& session_dir, const std::string& gcs_address) {
  Result<orrery::Session> session = orrery::Session::Open(session_dir);
  if (!session.ok()) return session.status();
  const DaemonRecord* best = nullptr;
  const std::vector<DaemonRecord> records = session->Records();
  for (const DaemonRecord& record : records) {
    if (record.role != "node_manager" || (!gcs_address.empty() && !SameEndpoint(record.gcs_address, gcs_address)))
      continue;
    if (best == nullptr || (record.head && !best->head)) best = &record;
  }
  if (best == nullptr) {
    return Status(StatusCode::kNotFound, gcs_address.empty()
                                             ? "no cluster runs in " + session_dir
                                             : "no node of the cluster at " + gcs_address + " runs in " + session_dir);
  }
  Result<Address> address = ParseAddress(best->address);
  if (!address.ok()) return address.status();
  Result<std::string> token = ReadTokenFile(session->token_file());
  if (!token.ok()) return token.status();
  FoundCluster found;
  found.node_manager = *address;
  found.gcs_address = best->gcs_address;
  found.socket_dir = session->socket_dir();
  found.token = *token;
  return found;
}

Result<FoundCluster> FindCluster(const SessionOptions& options) {
  std::string address = options.address;
  if (const char* given = std::getenv("ORRERY_ADDRESS"); address.empty() && given != nullptr) address = given;
  if (address == "local") return StartOwn(options);
  Result<FoundCluster> found = FindInSession(orrery::Session::DefaultFolder(), address);
  if (found.ok() || found.status().code() != StatusCode::kNotFound) return found;
  if (address.empty()) return StartOwn(options);
  return Status(StatusCode::kUnavailable,
                found.status().message() + ". A driver needs a node manager beside it: run `orrery start --address " +
                    address + "` here, or start the program on one of the cluster's machines");
}

}  // namespace orrery::internal
