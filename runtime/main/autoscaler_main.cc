// The daemon of the autoscaler, on the head.
#include <cstdio>

#include "runtime/autoscaler/autoscaler.h"
#include "runtime/config/cluster_config.h"
#include "runtime/main/autoscaler_csv.h"
#include "runtime/main/daemon_base.h"
#include "runtime/main/provider_choice.h"
#include "runtime/transport/endpoint.h"

namespace orrery {

int RunAutoscalerDaemon(const DaemonOptions& options) {
  Result<Settings> settings = ParseSettings(options.start.settings);
  if (!settings.ok()) return DaemonBase::GiveUp(options, settings.status());
  Result<ClusterConfig> config = LoadClusterConfig(options.start.autoscaling_config);
  if (!config.ok()) return DaemonBase::GiveUp(options, config.status());
  Result<Address> gcs = ParseAddress(options.start.address);
  if (!gcs.ok()) return DaemonBase::GiveUp(options, gcs.status());
  Result<std::unique_ptr<DaemonBase>> daemon = DaemonBase::Open(options, "autoscaler", 0);
  if (!daemon.ok()) return DaemonBase::GiveUp(options, daemon.status());
  LiveEnv& env = (*daemon)->env();
  const ProviderSite site = {.session_dir = (*daemon)->session().folder(),
                             .gcs = options.start.address,
                             .host = options.start.host,
                             .token_file = options.start.token_file,
                             .settings = options.start.settings};
  Result<std::unique_ptr<LocalEndpoint>> provider = MakeProvider(env, *config, site);
  if (!provider.ok()) return DaemonBase::GiveUp(options, provider.status());
  env.SetLocalEndpoint(Address::Provider(), provider->get());
  Result<std::unique_ptr<AutoscalerCsv>> csv =
      AutoscalerCsv::Open((*daemon)->session().autoscaler_log(), (*daemon)->log());
  if (!csv.ok()) return DaemonBase::GiveUp(options, csv.status());

  AutoscalerOptions machine_options;
  machine_options.self = env.address();
  machine_options.gcs = {gcs->endpoint, 0};
  machine_options.config = config->scaling;
  Autoscaler autoscaler(env, *settings, machine_options);
  bool ready = false;
  const auto each_turn = [&] {
    if (ready || autoscaler.rounds() == 0) return;  // ready means: its table is read
    ready = true;
    const size_t known = autoscaler.instances().table().all().size();
    if (known > 0) std::printf("continues with %zu instances\n", known);
    (*daemon)->Ready({.role = "autoscaler", .gcs_address = ToString(machine_options.gcs), .head = true});
  };
  return (*daemon)->Run(autoscaler, each_turn, csv->get());
}

}  // namespace orrery
