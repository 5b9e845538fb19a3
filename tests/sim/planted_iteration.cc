// A planted bug: a state machine that lets the order of a table hashed by pointer reach its messages. The determinism
// check must see it (and must not see its twin, which sorts first: --ordered).
#include <cstdio>
#include <cstring>
#include <memory>
#include <unordered_set>
#include <vector>

#include "runtime/messages/message.h"
#include "runtime/messages/orrery.pb.h"
#include "sim/engine/digest.h"
#include "sim/engine/engine.h"

namespace orrery {
namespace {

struct Peer {
  uint32_t number;
  Address address;
};

class Sender final : public StateMachine {
 public:
  Sender(Env& env, const std::vector<Address>& peers, bool ordered) : env_(env), ordered_(ordered) {
    for (const Address& address : peers)
      peers_.push_back(std::make_unique<Peer>(Peer{static_cast<uint32_t>(peers_.size()), address}));
    for (const auto& peer : peers_) table_.insert(peer.get());
  }
  void Start() override {
    if (ordered_) {
      for (const auto& peer : peers_) SendTo(*peer);
    } else {
      for (const Peer* peer : table_) SendTo(*peer);
    }
  }
  void OnMessage(const Address&, Message) override {}
  void OnTimer(TimerKind, uint64_t) override {}
  void OnPeerLost(const Address&) override {}

 private:
  void SendTo(const Peer& peer) {
    Draft<msg::HealthCheck> check;
    check->set_node(peer.number);
    env_.Send(peer.address, std::move(check));
  }
  Env& env_;
  const bool ordered_;
  std::vector<std::unique_ptr<Peer>> peers_;
  // Mixes the address, as the hashes of Abseil and Folly do.
  struct AddressMix {
    size_t operator()(const Peer* peer) const { return Mix64(reinterpret_cast<uintptr_t>(peer)); }
  };
  std::unordered_set<const Peer*, AddressMix> table_;
};

class Sink final : public StateMachine {
 public:
  void OnMessage(const Address&, Message) override {}
  void OnTimer(TimerKind, uint64_t) override {}
  void OnPeerLost(const Address&) override {}
};

void Run(bool ordered) {
  SimEngine engine;
  std::vector<Address> peers;
  for (int i = 0; i < 50; ++i) {
    const HostId host = engine.AddHost({});
    const auto sink = [](Env&, Address) -> std::unique_ptr<StateMachine> { return std::make_unique<Sink>(); };
    peers.push_back(engine.AddressOf(engine.Spawn(host, sink, {.name = "sink-" + std::to_string(i)})));
  }
  const auto sender = [&](Env& env, Address) -> std::unique_ptr<StateMachine> {
    return std::make_unique<Sender>(env, peers, ordered);
  };
  engine.Spawn(engine.AddHost({}), sender, {.name = "sender"});
  engine.RunToIdle();
  std::printf("{\"digest\": \"%016llx\"}\n", static_cast<unsigned long long>(engine.digest().value()));
}

}  // namespace
}  // namespace orrery

int main(int argc, char** argv) { orrery::Run(argc > 1 && std::strcmp(argv[1], "--ordered") == 0); }
