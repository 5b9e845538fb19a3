// The API's backend on a LiveEnv. Internal.
#pragma once

#include "runtime/api/client.h"
#include "runtime/api/guest.h"
#include "runtime/core_worker/core_worker.h"
#include "runtime/transport/arena_door.h"
#include "runtime/transport/live_env.h"

namespace orrery::internal {

class LiveBackend final : public Backend, public TraceSink {
 public:
  // `next` gets every event, from the start; may be nullptr. All outlive the backend's use.
  LiveBackend(LiveEnv& env, CoreWorker& core_worker, const Address& node_manager, TraceSink* next)
      : env_(env), core_worker_(core_worker), node_manager_(node_manager), next_(next) {
    env_.SetTraceSink(next_);
  }
  void Post(Message message) override { env_.Post(Address::Application(), std::move(message)); }
  void PostQuietly(Message message) override { env_.PostQuietly(Address::Application(), std::move(message)); }
  bool Await(Call& call) override {
    Guest* const guest = CurrentGuest();
    if (guest == nullptr) return env_.Await(call.waiter, Duration{-1});
    while (!env_.Await(call.waiter, kGuestLook)) {
      if (env_.stopped()) return false;
      call.given_up = guest->Interrupted();
      if (call.given_up) return false;
    }
    return true;
  }
  void Complete(Call& call) override { env_.Complete(call.waiter); }
  Result<std::shared_ptr<ArenaMap>> OpenArena() override {
    return orrery::OpenArena({.socket_dir = env_.options().socket_dir,
                              .token = env_.options().token,
                              .self = env_.address(),
                              .node_manager = node_manager_});
  }
  // Tracing costs a look at the clock per event: only programs with very many unfinished tasks pay it.
  void CountFinished(Client& client) override {
    env_.PostCall([this, &client] {
      client_ = &client;
      client.SetUnfinished(core_worker_.tasks().size());
      env_.SetTraceSink(this);
    });
  }
  void OnTrace(Time time, const TraceEvent& event) override {
    if (event.kind == TraceKind::kTaskFinished) client_->OnTaskFinished();
    if (next_ != nullptr) next_->OnTrace(time, event);
  }

 private:
  // Between two looks whether the user pressed Ctrl-C.
  static constexpr Duration kGuestLook = Duration::Millis(100);

  LiveEnv& env_;
  CoreWorker& core_worker_;
  const Address node_manager_;
  TraceSink* const next_;
  Client* client_ = nullptr;
};

}  // namespace orrery::internal
