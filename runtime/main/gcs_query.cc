#include "runtime/main/gcs_query.h"

#include <unistd.h>

#include <cstdlib>

#include "runtime/transport/ask.h"
#include "runtime/transport/endpoint.h"

namespace orrery {

Result<Address> FindGcs(const Session& session, const std::string& address) {
  std::string text = address;
  if (const char* given = std::getenv("ORRERY_ADDRESS"); text.empty() && given != nullptr) text = given;
  if (!text.empty()) return ParseAddress(text);
  bool alive = false;
  for (const DaemonRecord& record : session.Records()) {
    if (text.empty() || record.role == "gcs") text = record.gcs_address;
    alive |= record.role == "gcs";
  }
  if (!alive && access(session.gcs_state_file().c_str(), F_OK) == 0) {
    return Status(StatusCode::kNotFound, "the GCS of the cluster in " + session.folder() +
                                             " has died; `orrery start --head` starts its successor, which continues "
                                             "with what it had stored; `orrery stop` ends the rest");
  }
  if (!text.empty()) return ParseAddress(text);
  return Status(StatusCode::kNotFound,
                "no cluster runs in " + session.folder() +
                    "; start one with `orrery start --head`, or name one with --address HOST:PORT");
}

Result<Message> Ask(const Session& session, const std::string& token_file, const Address& target, Message request,
                    Duration limit, bool wait_for_reply) {
  Result<std::string> token = ReadTokenFile(token_file.empty() ? session.token_file() : token_file);
  if (!token.ok()) return Status(StatusCode::kPermissionDenied, token.status().message());
  return AskOnce(
      {.socket_dir = session.socket_dir(), .token = *token, .limit = limit, .wait_for_reply = wait_for_reply}, target,
      std::move(request));
}

}  // namespace orrery
