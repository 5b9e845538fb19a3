// `orrery memory`: asks every node manager for its store, and every owner named there for its references.
#include <cstdio>
#include <set>

#include "runtime/main/commands.h"
#include "runtime/main/exit_code.h"
#include "runtime/main/gcs_query.h"
#include "runtime/main/memory_text.h"
#include "runtime/messages/convert.h"
#include "runtime/messages/orrery.pb.h"
#include "runtime/transport/endpoint.h"

namespace orrery {

int MemoryCommand(const StatusOptions& options) {
  Result<Session> session = Session::Open();
  if (!session.ok()) return Fail(kExitFailed, session.status().message());
  Result<Address> gcs = FindGcs(*session, options.address);
  if (!gcs.ok()) return Fail(gcs.status());
  const Duration limit = Duration::FromSeconds(options.timeout);
  Result<Message> cluster = Ask(*session, options.token_file, *gcs, Draft<msg::GetClusterStatus>(), limit);
  if (!cluster.ok()) return Fail(cluster.status());
  std::vector<Message> tables;
  std::set<Address> owners;
  for (const msg::NodeStatus& node : cluster->As<msg::ClusterStatus>().nodes()) {
    if (!node.alive()) continue;
    Result<Message> table =
        Ask(*session, options.token_file, FromProto(node.address()), Draft<msg::GetObjectTable>(), limit);
    if (!table.ok()) return Fail(table.status());
    for (const msg::ObjectRow& row : table->As<msg::ObjectTable>().rows()) owners.insert(FromProto(row.object()).owner);
    tables.push_back(std::move(*table));
  }
  for (const Address& owner : owners) {
    Result<Message> table = Ask(*session, options.token_file, owner, Draft<msg::GetObjectTable>(), limit);
    if (table.ok())
      tables.push_back(std::move(*table));
    else
      std::fprintf(stderr, "orrery: the owner at %s: %s\n", ToString(owner).c_str(), table.status().message().c_str());
  }
  std::printf("%s\n", (options.format == "json" ? MemoryJson(tables) : MemoryText(tables)).c_str());
  return kExitOk;
}

}  // namespace orrery
