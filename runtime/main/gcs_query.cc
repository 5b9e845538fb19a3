#include "runtime/main/gcs_query.h"

#include <unistd.h>

#include <cstdlib>

#include "runtime/transport/endpoint.h"
#include "runtime/transport/live_env.h"

namespace orrery {

namespace {

struct Asker final : StateMachine {
  Message reply;
  bool lost = false;
  void OnMessage(const Address&, Message message) override { reply = std::move(message); }
  void OnTimer(TimerKind, uint64_t) override {}
  void OnPeerLost(const Address&) override { lost = true; }
};

}  // namespace

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
  LiveOptions options;
  options.role = "client";
  options.socket_dir = session.socket_dir();
  options.token = *token;
  options.handshake_timeout = limit;
  Result<std::unique_ptr<LiveEnv>> made = LiveEnv::Create(options);
  if (!made.ok()) return made.status();
  LiveEnv& env = **made;
  Asker asker;
  env.SetStateMachine(&asker);
  env.Acquire();
  const Time end = env.Now() + limit;
  env.Send(target, std::move(request));
  while (!asker.reply && !asker.lost && env.Now() < end) {
    env.RunOne(std::min(end - env.Now(), Duration::Millis(100)));
    if (!wait_for_reply && env.stats().bytes_out > 0 && env.stats().output_bytes == 0) break;
  }
  env.Release();
  const std::string where = "the cluster at " + ToString(target);
  if (asker.lost && wait_for_reply) {
    const Status why = env.LastError(target);
    return Status(why.code(), "cannot reach " + where + ": " + why.message());
  }
  if (!asker.reply && wait_for_reply)
    return Status(StatusCode::kTimedOut, where + " did not answer in " + std::to_string(limit.ns / 1'000'000) + " ms");
  return std::move(asker.reply);
}

}  // namespace orrery
