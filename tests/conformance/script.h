// The state machine behind a Script; for implementations of World.
#pragma once

#include "runtime/messages/orrery.pb.h"
#include "tests/conformance/world.h"

namespace orrery {

class ScriptMachine final : public StateMachine {
 public:
  ScriptMachine(Env& env, Script& script) : env_(env), script_(script) {}
  void OnMessage(const Address& from, Message message) override;
  void OnTimer(TimerKind kind, uint64_t id) override;
  void OnPeerLost(const Address& peer) override;

 private:
  Env& env_;
  Script& script_;
};

}  // namespace orrery
