// Faults of the network: breaks, delays and partitions, as a decorator between sender and receiver.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "runtime/messages/kinds.h"
#include "sim/engine/engine.h"
#include "sim/scenario/scenario.h"

namespace orrery {

// A live connection loses nothing silently: a lost message means a broken connection, which both ends notice. A
// partition that heals within `kRetransmitLimit` only delays what was sent meanwhile; a longer one breaks connections.
class MessageFaults final : public SendFilter {
 public:
  static constexpr Duration kRetransmitLimit = Duration::Seconds(30);

  explicit MessageFaults(SimEngine& engine) : engine_(engine), random_(engine.NamedRandom("faults", "messages")) {}

  // Starts a drop_messages, delay_messages or partition fault; `hosts` are those it hits (empty: all). Ends it with
  // Heal.
  void Start(uint64_t id, const FaultSpec& spec, std::vector<HostId> hosts);
  void Heal(uint64_t id) { active_.erase(id); }
  // Messages that a fault has touched.
  uint64_t Fired(uint64_t id) const;

  Verdict OnSend(Time now, ProcessHandle from, ProcessHandle to, const Message& message) override;

 private:
  struct Active {
    const FaultSpec* spec;
    std::vector<HostId> hosts;
    MessageKind kind = MessageKind::kNone;  // kNone: every kind
    Time ends;
  };
  bool Hits(const Active& fault, HostId from, HostId to) const;

  SimEngine& engine_;
  Random random_;
  std::map<uint64_t, Active> active_;
  std::map<uint64_t, uint64_t> fired_;
};

}  // namespace orrery
