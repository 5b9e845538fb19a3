#include "runtime/transport/ask.h"

#include <algorithm>
#include <memory>

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

Result<Message> AskOnce(const AskOptions& options, const Address& target, Message request) {
  LiveOptions live;
  live.role = "client";
  live.socket_dir = options.socket_dir;
  live.token = options.token;
  live.handshake_timeout = options.limit;
  Result<std::unique_ptr<LiveEnv>> made = LiveEnv::Create(live);
  if (!made.ok()) return made.status();
  LiveEnv& env = **made;
  Asker asker;
  env.SetStateMachine(&asker);
  env.Acquire();
  const Time end = env.Now() + options.limit;
  env.Send(target, std::move(request));
  while (!asker.reply && !asker.lost && env.Now() < end) {
    env.RunOne(std::min(end - env.Now(), Duration::Millis(100)));
    if (!options.wait_for_reply && env.stats().bytes_out > 0 && env.stats().output_bytes == 0) break;
  }
  env.Release();
  const std::string where = "the cluster at " + ToString(target);
  if (asker.lost && options.wait_for_reply) {
    const Status why = env.LastError(target);
    return Status(why.code(), "cannot reach " + where + ": " + why.message());
  }
  if (!asker.reply && options.wait_for_reply)
    return Status(StatusCode::kTimedOut,
                  where + " did not answer in " + std::to_string(options.limit.ns / 1'000'000) + " ms");
  return std::move(asker.reply);
}

}  // namespace orrery
