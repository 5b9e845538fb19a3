// A state machine for tests of the engine: notes what it gets, and does what the test says.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "runtime/messages/message.h"
#include "runtime/messages/orrery.pb.h"
#include "sim/engine/engine.h"

namespace orrery {

// A small message that carries a number.
inline Message Number(uint64_t n) {
  Draft<msg::HealthCheck> check;
  check->set_node(1);
  check->set_round(n);
  return check;
}
inline uint64_t NumberIn(const Message& message) { return message.As<msg::HealthCheck>().round(); }

// A message of about `bytes` encoded bytes.
inline Message Blob(size_t bytes, uint64_t n = 0) {
  Draft<msg::KvPut> put;
  put->set_request(n);
  put->set_value(std::string(bytes, 'x'));
  return put;
}

class Probe : public StateMachine {
 public:
  struct Note {
    int64_t time;
    std::string what;
    bool operator==(const Note&) const = default;
    friend std::ostream& operator<<(std::ostream& out, const Note& n) { return out << n.time << " " << n.what; }
  };
  // Outlives the last event of the process.
  struct Script {
    std::vector<Note> notes;
    std::function<void(Env&)> on_start;
    std::function<void(Env&, const Address&, const Message&)> on_message;
    std::function<void(Env&, TimerKind, uint64_t)> on_timer;
    std::function<void(Env&, const Address&)> on_lost;
    int checks = 0, audits = 0;
    Env* env = nullptr;
    Address self;
    std::shared_ptr<bool> destroyed = std::make_shared<bool>(false);
  };

  Probe(Env& env, Address self, Script& script) : env_(env), script_(script), destroyed_(script.destroyed) {
    script.env = &env;
    script.self = self;
  }
  ~Probe() override { *destroyed_ = true; }
  void Start() override {
    if (script_.on_start) script_.on_start(env_);
  }
  void OnMessage(const Address& from, Message message) override {
    const std::string what =
        message.kind() == MessageKind::kHealthCheck ? std::to_string(NumberIn(message)) : std::string(message.name());
    Add(what);
    if (script_.on_message) script_.on_message(env_, from, message);
  }
  void OnTimer(TimerKind kind, uint64_t id) override {
    Add("timer " + std::to_string(id));
    if (script_.on_timer) script_.on_timer(env_, kind, id);
  }
  void OnPeerLost(const Address& peer) override {
    Add("lost " + std::to_string(peer.endpoint) + "/" + std::to_string(peer.incarnation));
    if (script_.on_lost) script_.on_lost(env_, peer);
  }
  void CheckInvariants(bool full) const override { ++(full ? script_.audits : script_.checks); }

 private:
  void Add(const std::string& what) { script_.notes.push_back({env_.Now().ns, what}); }
  Env& env_;
  Script& script_;
  std::shared_ptr<bool> destroyed_;
};

inline SimEngine::Factory ProbeFactory(Probe::Script& script) {
  return [&script](Env& env, Address self) { return std::make_unique<Probe>(env, self, script); };
}

// Hosts with a latency of 10 µs either way, without queues at their network cards.
inline HostSpec PlainHost(const std::string& name) {
  HostSpec spec;
  spec.name = name;
  spec.latency_out = spec.latency_in = Duration::Micros(5);
  spec.bandwidth_out = spec.bandwidth_in = 0;
  return spec;
}

using Notes = std::vector<Probe::Note>;

}  // namespace orrery
