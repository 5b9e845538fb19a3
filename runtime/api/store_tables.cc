#include "runtime/api/store_tables.h"

#include "runtime/messages/orrery.pb.h"
#include "runtime/transport/ask.h"
#include "runtime/transport/endpoint.h"
#include "runtime/transport/session.h"

namespace orrery::internal {

Result<std::vector<Message>> StoreTables(const std::string& session_dir) {
  Result<Session> session = Session::Open(session_dir);
  if (!session.ok()) return session.status();
  Result<std::string> token = ReadTokenFile(session->token_file());
  if (!token.ok()) return token.status();
  std::vector<Message> tables;
  for (const DaemonRecord& record : session->Records()) {
    if (record.role != "node_manager") continue;
    Result<Address> address = ParseAddress(record.address);
    if (!address.ok()) return address.status();
    Result<Message> table =
        AskOnce({.socket_dir = session->socket_dir(), .token = *token}, *address, Draft<msg::GetObjectTable>());
    if (!table.ok()) return table.status();
    tables.push_back(std::move(*table));
  }
  return tables;
}

size_t CountRows(const std::vector<Message>& tables) {
  size_t rows = 0;
  for (const Message& table : tables) rows += static_cast<size_t>(table.As<msg::ObjectTable>().rows_size());
  return rows;
}

}  // namespace orrery::internal
