// Decides that a node is dead: pulled health checks, with a closed connection as an early hint.
#pragma once

#include "runtime/common/lookup.h"
#include "runtime/common/settings.h"
#include "runtime/env/env.h"

namespace orrery {

// Source: Ray's gcs_health_check_manager.cc. A check is skipped when the node was heard of within the period.
// A lost connection costs the node an immediate check, and each further loss before it is heard of again one more,
// after a pause that doubles from kFirstPause: a process that is gone is dead within health_check_failures short
// pauses, while a network that breaks connections now and then kills nobody.
class HealthMonitor {
 public:
  static constexpr Duration kFirstPause = Duration::Millis(5);

  HealthMonitor(Env& env, const Settings& settings) : env_(env), settings_(settings) {}

  enum class Verdict : uint8_t { kAlive, kDead };

  void Watch(NodeId node, const Address& address);
  void Forget(NodeId node);
  // Any message from the node counts.
  void Heard(NodeId node);
  void OnReply(NodeId node, uint64_t round);
  // kDead: too many checks in a row went unanswered.
  Verdict OnTimer(NodeId node);
  // kDead: the connection could not be made again, health_check_failures times in a row.
  Verdict OnConnectionLost(NodeId node);

 private:
  struct Watched {
    Address address;
    Time last_heard;
    uint64_t round = 0;
    bool outstanding = false;
    bool suspect = false;  // the connection broke and nothing was heard since
    int failures = 0;      // checks in a row that timed out or lost their connection
  };
  void SendCheck(NodeId node, Watched& watched);

  Env& env_;
  const Settings& settings_;
  Lookup<NodeId, Watched> watched_;
};

}  // namespace orrery
