// Is a process with which the connection broke still there? Five refusals in a row, with growing pauses, say no.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "runtime/core_worker/core_context.h"

namespace orrery {

class PeerWatch {
 public:
  explicit PeerWatch(CoreContext& core) : core_(core) {}

  // A connection broke or could not be made. True: the process is dead.
  bool OnPeerLost(const Address& peer);
  void OnTimer(uint64_t id);
  // True when it had been suspected: what was said to it may be lost.
  bool OnPeerAlive(const Address& peer);
  void Forget(const Address& peer);
  void Clear();
  size_t size() const { return suspects_.size(); }

 private:
  struct Suspect {
    uint64_t id = 0;
    uint32_t losses = 0;
    bool pausing = false;
  };
  CoreContext& core_;
  std::map<Address, Suspect> suspects_;
  uint64_t last_ = 0;
};

}  // namespace orrery
