// One simulated process: its state machine, its Env, and what the engine must know of it. Internal to sim/engine.
#pragma once

#include <array>
#include <memory>
#include <string>

#include "runtime/env/env.h"
#include "runtime/messages/message.h"
#include "sim/engine/engine.h"
#include "sim/engine/peer_set.h"
#include "sim/engine/timer_table.h"

namespace orrery {

class alignas(64) Process final : public Env {
 public:
  Process(EngineCore& engine, uint32_t process_id, Address address, ProcessOptions options);

  Time Now() const override;
  void Send(const Address& to, Message message) override;
  void SetTimer(Duration delay, TimerKind kind, uint64_t id) override;
  void CancelTimer(TimerKind kind, uint64_t id) override;
  Random& RandomFor(RandomStream stream) override;
  void Trace(const TraceEvent& event) override;

  uint32_t host() const { return static_cast<uint32_t>(self.endpoint >> 16); }
  size_t MemoryBytes() const;

  // ---- the first cache line: what every input reads ----
  EngineCore& core;
  std::unique_ptr<StateMachine> machine;
  const CostProfile* costs;
  const Address self;
  const uint32_t id;          // the incarnation
  uint32_t waiting = 0;       // inputs whose service has been scheduled
  int64_t busy_until = 0;     // the end of the last scheduled service
  // ---- the second: what every message sent reads ----
  PeerSet peers;
  uint32_t bulk = 0;          // receivers for which messages of this process wait behind a bulk transfer
  // ---- the rest ----
  TimerTable timers;
  std::array<SimLocalEndpoint*, 6> local{};  // Host, Executor, Application, Memory, Storage, Provider
  const std::string name;

 private:
  using Streams = std::array<Random, static_cast<size_t>(RandomStream::kCount)>;
  std::unique_ptr<Streams> streams_;  // made at the first draw
};

}  // namespace orrery
