// A random program for determinism tests: processes that chatter, set timers, send bulk, are killed and come back.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "sim/engine/digest.h"
#include "tests/unit/engine/probe.h"

namespace orrery {

struct ChatterOptions {
  int hosts = 12;
  int64_t milliseconds = 20;
  bool faults = true;
  double bulk = 0;                 // share of messages above the threshold
  EventLog* log = nullptr;
  bool planted_disorder = false;   // who is written to depends on an order of addresses, as in a bug
  bool reversed_memory = false;    // objects lie in memory the other way round
};

// Spawns one process per host and lets chaos reign; a member of the engine's world through At.
class Chatter : public EventHandler {
 public:
  Chatter(SimEngine& engine, const ChatterOptions& options)
      : engine_(engine), options_(options), chaos_(engine.NamedRandom("chaos", "faults")) {
    for (int i = 0; i < options.hosts; ++i) {
      HostSpec spec;
      spec.rack = static_cast<uint32_t>(i % 3);
      engine_.AddHost(spec);
    }
    memory_ = std::make_unique<Probe::Script[]>(static_cast<size_t>(options.hosts));
    for (int i = 0; i < options.hosts; ++i) {
      scripts_.push_back(&memory_[static_cast<size_t>(options.reversed_memory ? options.hosts - 1 - i : i)]);
    }
    costs_.message_ns.fill(700);
    for (uint32_t i = 0; i < scripts_.size(); ++i) Spawn(i);
    if (options.faults) engine_.At(Time{500'000}, this);
  }

  void OnEvent(uint64_t, uint64_t) override {
    const HostId host{static_cast<uint32_t>(chaos_.Below(scripts_.size()))};
    if (!engine_.HostAlive(host)) {
      engine_.ReviveHost(host);
      Spawn(host.value);
    } else if (chaos_.Chance(0.5)) {
      engine_.KillHost(host, chaos_.Chance(0.3) ? SimEngine::Notice::kSilent : SimEngine::Notice::kClosed);
    } else {
      for (ProcessHandle process : engine_.ProcessesOn(host)) engine_.Kill(process);
      Spawn(host.value);
    }
    const int64_t next = engine_.Now().ns + static_cast<int64_t>(chaos_.Below(800'000));
    if (next < Limit()) engine_.At(Time{next}, this);
  }

  void Run() { engine_.RunUntil(Time{Limit()}); }

 private:
  int64_t Limit() const { return options_.milliseconds * 1'000'000; }
  void Spawn(uint32_t host) {
    Probe::Script& script = *scripts_[host];
    script.on_start = [](Env& env) { env.SetTimer({}, TimerKind::kWorkload, 0); };
    script.on_timer = [this](Env& env, TimerKind kind, uint64_t id) {
      SendSome(env);
      env.SetTimer(Duration::Nanos(static_cast<int64_t>(env.RandomFor(RandomStream::kWorkload).Below(40'000))), kind,
                   id);
    };
    script.on_message = [](Env& env, const Address& from, const Message& message) {
      if (message.kind() == MessageKind::kHealthCheck && NumberIn(message) % 4 == 0) env.Send(from, Number(1));
      env.Trace({TraceKind::kTransition, {}, 0, {}, {}, static_cast<int64_t>(message.EncodedSize())});
    };
    engine_.Spawn({host}, ProbeFactory(script), {"chatter-" + std::to_string(host), &costs_, 16});
  }
  void SendSome(Env& env) {
    Random& random = env.RandomFor(RandomStream::kWorkload);
    uint64_t host = random.Below(scripts_.size());
    const uint64_t number = random.Below(100);
    if (options_.planted_disorder && scripts_[host] < scripts_[0]) host = 0;
    const Address to{host << 16 | 16, 0};
    if (random.Chance(options_.bulk)) return env.Send(to, Blob(70'000 + random.Below(100'000)));
    env.Send(to, Number(number));
  }

  SimEngine& engine_;
  ChatterOptions options_;
  Random chaos_;
  CostProfile costs_;
  std::unique_ptr<Probe::Script[]> memory_;
  std::vector<Probe::Script*> scripts_;
};

// The digest after a run of the program.
inline uint64_t RunChatter(const EngineOptions& engine_options, const ChatterOptions& options = {}) {
  SimEngine engine(engine_options);
  if (options.log != nullptr) engine.SetEventLog(options.log);
  Chatter chatter(engine, options);
  chatter.Run();
  return engine.digest().value();
}

}  // namespace orrery
