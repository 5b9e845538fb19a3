// The daemon of the global control service.
#include <cstdio>

#include "runtime/gcs/gcs.h"
#include "runtime/main/daemon_base.h"
#include "runtime/storage/sqlite_storage.h"
#include "runtime/transport/endpoint.h"

namespace orrery {

namespace {

constexpr const char* kPort = "port";

// nullptr: the state is kept in memory.
Result<std::unique_ptr<SqliteStorage>> OpenStorage(const std::string& session_dir, const Settings& settings) {
  if (settings.gcs_storage == "memory") return std::unique_ptr<SqliteStorage>();
  Result<Session> session = Session::Open(session_dir);
  if (!session.ok()) return session.status();
  return SqliteStorage::Open(session->gcs_state_file(), settings.gcs_storage == "sqlite_fsync");
}

Result<StoredState> LoadState(const SqliteStorage* storage) {
  StoredState state;
  if (storage == nullptr) return state;
  Result<std::vector<StoredRow>> rows = storage->Load();
  if (!rows.ok()) return rows.status();
  state.durable = true;
  for (StoredRow& row : *rows)
    state.rows.push_back({static_cast<StateTable>(row.table), std::move(row.key), std::move(row.value)});
  return state;
}

}  // namespace

int RunGcsDaemon(const DaemonOptions& options) {
  Result<Settings> settings = ParseSettings(options.start.settings);
  if (!settings.ok()) return DaemonBase::GiveUp(options, settings.status());
  Result<std::unique_ptr<SqliteStorage>> storage = OpenStorage(options.session_dir, *settings);
  if (!storage.ok()) return DaemonBase::GiveUp(options, storage.status());
  Result<StoredState> state = LoadState(storage->get());
  if (!state.ok()) return DaemonBase::GiveUp(options, state.status());
  // Where the nodes of the GCS before this one look for their GCS.
  const bool continues = !state->rows.empty();
  const auto port = continues ? static_cast<int>((*storage)->Note(kPort)) : options.start.port;
  Result<std::unique_ptr<DaemonBase>> daemon = DaemonBase::Open(options, "gcs", port);
  if (!daemon.ok()) return DaemonBase::GiveUp(options, daemon.status());
  LiveEnv& env = (*daemon)->env();
  if (*storage != nullptr) {
    Status noted = (*storage)->SetNote(kPort, PortOf(env.address()));
    if (!noted.ok()) return DaemonBase::GiveUp(options, noted);
    (*storage)->Serve(env);
    env.SetLocalEndpoint(Address::Storage(), storage->get());
  }
  Gcs gcs(env, *settings, std::move(*state));
  if (continues)
    std::printf("continues with %zu nodes and %zu jobs\n", gcs.nodes().all().size(), gcs.jobs().all().size());
  (*daemon)->Ready({.role = "gcs", .gcs_address = ToString(Address{env.address().endpoint, 0}), .head = true});
  const int code = (*daemon)->Run(gcs, nullptr);
  if (code == 0 && *storage != nullptr) (*storage)->Remove();  // the cluster has ended in order
  return code;
}

}  // namespace orrery
