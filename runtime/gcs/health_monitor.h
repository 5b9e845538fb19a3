// Decides that a node is dead: pulled health checks, with a closed connection as an early hint.
#pragma once

#include "runtime/common/lookup.h"
#include "runtime/common/settings.h"
#include "runtime/env/env.h"

namespace orrery {

// Source: Ray's gcs_health_check_manager.cc. A check is skipped when the node was heard of within the period.
// A lost connection costs the node one immediate check; if that connection fails too, the process is gone.
class HealthMonitor {
 public:
  HealthMonitor(Env& env, const Settings& settings) : env_(env), settings_(settings) {}

  enum class Verdict : uint8_t { kAlive, kDead };

  void Watch(NodeId node, const Address& address);
  void Forget(NodeId node);
  // Any message from the node counts.
  void Heard(NodeId node);
  void OnReply(NodeId node, uint64_t round);
  // kDead: too many checks in a row went unanswered.
  Verdict OnTimer(NodeId node);
  // kDead: the connection could not be made again either.
  Verdict OnConnectionLost(NodeId node);

 private:
  struct Watched {
    Address address;
    Time last_heard;
    uint64_t round = 0;
    bool outstanding = false;
    bool suspect = false;  // the connection broke and nothing was heard since
    int failures = 0;      // in a row
  };
  void SendCheck(NodeId node, Watched& watched);

  Env& env_;
  const Settings& settings_;
  Lookup<NodeId, Watched> watched_;
};

}  // namespace orrery
