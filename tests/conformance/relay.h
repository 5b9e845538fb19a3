// A TCP relay in a thread: a link that can go silent without closing, and later break.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace orrery {

// Forwards connections to 127.0.0.1:`target`. The destructor resets all of them.
class Relay {
 public:
  explicit Relay(uint16_t target);
  ~Relay();
  uint16_t port() const { return port_; }
  // Keeps accepting bytes of both sides and passes none on.
  void Freeze() { frozen_.store(true); }

 private:
  void Loop();
  uint16_t target_;
  uint16_t port_ = 0;
  int listener_;
  std::vector<int> sockets_;  // pairs: even and odd belong together; used by the thread only
  std::atomic<bool> frozen_{false};
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace orrery
