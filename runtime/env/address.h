// Where a message goes. Made by the world, compared and copied by state machines, taken apart only by the world.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>

#include "runtime/common/ids.h"

namespace orrery {

// Sixteen bytes. Live: endpoint = IPv4 << 16 | port. Simulated: host << 16 | process slot. `incarnation` tells one
// process from its successor at the same endpoint; 0 means "whoever is there" (how everybody knows the GCS).
struct Address {
  uint64_t endpoint = 0;
  uint64_t incarnation = 0;
  constexpr explicit operator bool() const { return endpoint != 0; }
  constexpr auto operator<=>(const Address&) const = default;

  // Endpoints inside the own process or machine that every world provides (values below 16 are reserved for them).
  static constexpr Address Host() { return {1, 0}; }         // the machine: starts and kills processes
  static constexpr Address Executor() { return {2, 0}; }     // runs user functions, one at a time
  static constexpr Address Application() { return {3, 0}; }  // the user's program: submits, gets, waits
  static constexpr Address Memory() { return {4, 0}; }  // a node's object memory: its bulk connections and disks
  static constexpr Address Storage() { return {5, 0}; }  // keeps what a process must not forget when it is killed
  static constexpr Address Provider() { return {6, 0}; }  // launches and terminates nodes, for the autoscaler
  constexpr bool local() const { return endpoint < 16; }
};

struct AddressHash {
  size_t operator()(const Address& a) const { return Mix64(a.endpoint * 0x9e3779b97f4a7c15ULL + a.incarnation); }
};

}  // namespace orrery
