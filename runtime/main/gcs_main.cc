// The daemon of the global control service.
#include "runtime/gcs/gcs.h"
#include "runtime/main/daemon_base.h"
#include "runtime/transport/endpoint.h"

namespace orrery {

int RunGcsDaemon(const DaemonOptions& options) {
  Result<Settings> settings = ParseSettings(options.start.settings);
  if (!settings.ok()) return DaemonBase::GiveUp(options, settings.status());
  Result<std::unique_ptr<DaemonBase>> daemon = DaemonBase::Open(options, "gcs", options.start.port);
  if (!daemon.ok()) return DaemonBase::GiveUp(options, daemon.status());
  LiveEnv& env = (*daemon)->env();
  Gcs gcs(env, *settings);
  (*daemon)->Ready({.role = "gcs", .gcs_address = ToString(Address{env.address().endpoint, 0}), .head = true});
  return (*daemon)->Run(gcs, nullptr);
}

}  // namespace orrery
