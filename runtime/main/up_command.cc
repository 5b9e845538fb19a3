// orrery up and down: a cluster as one file describes it.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <sstream>

#include "runtime/common/node_flags.h"
#include "runtime/main/autoscaler_start.h"
#include "runtime/main/commands.h"
#include "runtime/main/exit_code.h"
#include "runtime/main/terminate_all.h"

namespace orrery {

namespace {

void PrintType(const NodeType& type, Duration idle_timeout) {
  std::printf("  %-16s %s, %lld to %lld", type.name.c_str(), ToString(type.resources).c_str(),
              static_cast<long long>(type.min_workers), static_cast<long long>(type.max_workers));
  if (type.price > 0) std::printf(", %g per hour", type.price);
  std::printf(", idle for at most %s\n",
              ToString(type.idle_timeout.ns >= 0 ? type.idle_timeout : idle_timeout).c_str());
}

void PrintPlan(const ClusterConfig& config) {
  const bool local = config.provider.kind == ProviderConfig::Kind::kLocal;
  std::printf("cluster %s\n  head: node type %s, %s\n", config.name.c_str(), config.head_type.c_str(),
              ToString(config.head_resources).c_str());
  std::string provider = local ? "local" : "exec " + config.provider.program.front();
  if (config.provider.namespaces)
    provider += ", each node in a network namespace of its own in " + ToString(*config.provider.namespaces);
  std::printf("  provider: %s\n", provider.c_str());
  for (const NodeType& type : config.scaling.types) PrintType(type, config.scaling.idle_timeout);
}

// Whether the provider's program is there; found out before anything is started.
Status CheckProgram(const ClusterConfig& config) {
  if (config.provider.kind != ProviderConfig::Kind::kExec) return Status::Ok();
  const std::string& program = config.provider.program.front();
  const bool named = program.find('/') != std::string::npos;
  std::istringstream folders(named || std::getenv("PATH") == nullptr ? "" : std::getenv("PATH"));
  bool found = named && access(program.c_str(), X_OK) == 0;
  for (std::string folder; !found && std::getline(folders, folder, ':');)
    found = access((folder + "/" + program).c_str(), X_OK) == 0;
  if (found) return Status::Ok();
  return {StatusCode::kInvalidArgument, "provider.program: there is no program '" + program + "' that can be run"};
}

Result<ClusterConfig> Load(const std::string& file) {
  Result<ClusterConfig> config = LoadClusterConfig(file);
  if (!config.ok()) return config;
  if (Status status = CheckProgram(*config); !status.ok()) return status;
  return config;
}

}  // namespace

int UpCommand(const UpOptions& options) {
  Result<ClusterConfig> config = Load(options.file);
  if (!config.ok()) return Fail(kExitUsage, config.status().message());
  PrintPlan(*config);
  if (options.dry_run) {
    std::printf("Nothing was started (--dry-run).\n");
    return kExitOk;
  }
  StartOptions start;
  start.head = true;
  start.host = options.host;
  start.port = options.port;
  start.block = options.block;
  start.autoscaling_config = options.file;
  start.name = config->head_type + "-0";
  const ResourceSet& head = config->head_resources;
  start.num_cpus = head.Get(ResourceKind::kCpu).value();
  start.num_gpus = head.Get(ResourceKind::kGpu).value();
  const auto bytes = [&](ResourceKind kind) {
    const FixedPoint amount = head.Get(kind);
    return amount == FixedPoint() ? std::string() : std::to_string(amount.raw / FixedPoint::kUnit) + "B";
  };
  start.memory = bytes(ResourceKind::kMemory);
  start.object_store_memory = bytes(ResourceKind::kObjectStoreMemory);
  for (const std::string& flag : NodeFlags(head, config->head_labels, "")) {
    const size_t equals = flag.find('=');
    if (flag.starts_with("--resources=")) start.resources = flag.substr(equals + 1);
    if (flag.starts_with("--labels=")) start.labels = flag.substr(equals + 1);
  }
  return StartCommand(start);
}

int DownCommand(const DownOptions& options) {
  Result<ClusterConfig> config = Load(options.file);
  if (!config.ok()) return Fail(kExitUsage, config.status().message());
  Result<Session> session = Session::Open();
  if (!session.ok()) return Fail(kExitFailed, session.status().message());
  EndAutoscaler(*session);  // it would replace what is terminated
  const ProviderSite site = {
      .session_dir = session->folder(), .gcs = "", .host = "127.0.0.1", .token_file = "", .settings = {}};
  Result<size_t> terminated = TerminateAll(*config, site, Duration::FromSeconds(options.timeout));
  if (terminated.ok())
    std::printf("Terminated %zu instance%s.\n", *terminated, *terminated == 1 ? "" : "s");
  else
    Fail(terminated.status());
  const int stopped = StopCommand({});
  return terminated.ok() ? stopped : ExitCodeOf(terminated.status());
}

}  // namespace orrery
