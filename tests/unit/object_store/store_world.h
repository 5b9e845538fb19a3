// Several object stores in one small world: ordered connections that can break, memories that can be slow, and
// processes that the test plays.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "runtime/common/random.h"
#include "runtime/env/env.h"
#include "runtime/messages/message.h"
#include "tests/support/test_memory.h"

namespace orrery::test {

// One process of a StoreWorld.
class Actor {
 public:
  virtual ~Actor() = default;
  virtual void OnMessage(const Address& from, const Message& message) = 0;
  virtual void OnTimer(TimerKind kind, uint64_t id) { (void)kind, (void)id; }
  virtual void OnPeerLost(const Address& peer) { (void)peer; }
};

class StoreWorld {
 public:
  StoreWorld(uint64_t seed, Duration latency) : random_(Random::Named(seed, "world", "net")), latency_(latency) {}

  // Prints every message to stdout.
  void SetVerbose() { verbose_ = true; }

  // An address that is never used again.
  Address NewAddress() { return {1000 + ++last_address_, last_address_}; }
  // `actor` outlives its entry: until Kill.
  void Add(const Address& address, Actor* actor) { actors_[address] = actor; }
  // Ends at once; what it sent arrives, then its peers notice.
  void Kill(const Address& address);
  bool Alive(const Address& address) const { return actors_.count(address) != 0; }
  // Loses what is in flight; both notice.
  void Break(const Address& a, const Address& b);
  std::vector<std::pair<Address, Address>> Connections() const { return {connections_.begin(), connections_.end()}; }

  Time now() const { return now_; }
  Random& random() { return random_; }
  void Send(const Address& from, const Address& to, const Message& message);
  void SetTimer(const Address& who, Duration delay, TimerKind kind, uint64_t id);
  void CancelTimer(const Address& who, TimerKind kind, uint64_t id);
  // Calls `action` later, unless `who` has ended.
  void After(const Address& who, Duration delay, std::function<void()> action);

  // The memory of a node manager.
  void AddMemory(const Address& node) { memories_[node] = std::make_unique<TestMemory>(); }
  TestMemory& memory(const Address& node) { return *memories_.at(node); }
  // How long orders to memory take, at most.
  void SetMemoryDelay(Duration delay) { memory_delay_ = delay; }

  // Handles the next event if it is due by `limit`.
  bool Step(Time limit);

 private:
  using Link = std::pair<Address, Address>;
  static Link Both(const Address& a, const Address& b) { return a < b ? Link{a, b} : Link{b, a}; }
  void At(Time when, std::function<void()> action) { events_.emplace(std::pair{when, ++sequence_}, std::move(action)); }
  Duration Delay(Duration most) { return {static_cast<int64_t>(random_.Below(static_cast<uint64_t>(most.ns) + 1))}; }
  // In order with what was sent before.
  Time Arrival(const Address& from, const Address& to);
  void TellLost(const Address& who, const Address& lost);
  void Obey(const Address& node, Message order);

  Random random_;
  Duration latency_, memory_delay_ = Duration::Millis(1);
  Time now_;
  bool verbose_ = false;
  uint64_t sequence_ = 0, last_address_ = 0;
  std::map<std::pair<Time, uint64_t>, std::function<void()>> events_;
  std::map<Address, Actor*> actors_;
  std::map<Address, std::unique_ptr<TestMemory>> memories_;
  std::set<Link> connections_;
  std::map<Link, uint64_t> epochs_;  // of the connection; messages of an earlier one are lost
  std::set<Link> broken_;            // (a, b): a has not noticed yet that its connection to b broke
  std::map<Link, Time> last_arrival_;
  std::map<std::pair<Address, std::pair<TimerKind, uint64_t>>, uint64_t> timers_;  // → number of its setting
};

// The Env of one of them.
class WorldEnv final : public Env {
 public:
  WorldEnv(StoreWorld& world, const Address& self) : world_(world), self_(self) {}
  Time Now() const override { return world_.now(); }
  void Send(const Address& to, Message message) override { world_.Send(self_, to, message); }
  void SetTimer(Duration delay, TimerKind kind, uint64_t id) override { world_.SetTimer(self_, delay, kind, id); }
  void CancelTimer(TimerKind kind, uint64_t id) override { world_.CancelTimer(self_, kind, id); }
  Random& RandomFor(RandomStream) override { return random_; }
  void Trace(const TraceEvent& event) override { ++traces_[event.kind]; }
  uint64_t traces(TraceKind kind) const {
    const auto it = traces_.find(kind);
    return it == traces_.end() ? 0 : it->second;
  }

 private:
  StoreWorld& world_;
  Address self_;
  Random random_;
  std::map<TraceKind, uint64_t> traces_;
};

}  // namespace orrery::test
