// Plain values of the simulated world: hosts, processes, costs, options.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>

#include "runtime/common/time.h"
#include "runtime/env/address.h"
#include "runtime/messages/kinds.h"

namespace orrery {

// A simulated machine; numbered from 0 in the order of AddHost.
struct HostId {
  uint32_t value = 0;
  constexpr auto operator<=>(const HostId&) const = default;
};

// One process, dead or alive. The number is the process's incarnation: drawn from one counter for all hosts and never
// used again. Zero names nobody.
struct ProcessHandle {
  uint32_t value = 0;
  constexpr explicit operator bool() const { return value != 0; }
  constexpr auto operator<=>(const ProcessHandle&) const = default;
};

// A pending event, for CancelEvent.
struct EventId {
  uint32_t slot = 0xffffffff;
  uint32_t generation = 0;
  constexpr auto operator<=>(const EventId&) const = default;
};

struct HostSpec {
  std::string name;
  double speed = 1;                             // service times are divided by this
  int32_t cores = 1;                            // for modelled executors; the engine itself does not use it
  Duration latency_out =
      Duration::Micros(25);  // one way latency = latency_out of the sender + latency_in of the receiver
  Duration latency_in = Duration::Micros(25);
  double bandwidth_out = 1.25e9;                // bytes per second; 0: unlimited, no queue at the network card
  double bandwidth_in = 1.25e9;
  uint32_t rack = 0;                            // used when NetworkOptions::rack_bandwidth > 0
};

// Service time of each message kind on a host of speed 1, in nanoseconds. Must outlive the processes that use it.
struct CostProfile {
  std::array<int64_t, kMessageKinds> message_ns{};
  int64_t timer_ns = 0;
  int64_t peer_lost_ns = 0;
};

struct NetworkOptions {
  int64_t bulk_threshold = 64 * 1024;            // bytes; larger messages become SimGrid flows
  Duration same_host_latency = Duration::Micros(5);
  int64_t overhead_bytes = 64;                   // added to each message between hosts: framing and packet headers
  double rack_bandwidth = 0;  // bytes per second of a rack's uplink, each direction; 0: one flat star
  Duration rack_latency;  // added one way between hosts of different racks
  Duration silent_loss_delay = Duration::Seconds(15);  // until a peer notices a host that vanished without a word
  Duration bulk_grid;  // 0: exact; else starts of flows are rounded up to multiples of this
};

struct EngineOptions {
  uint64_t seed = 1;
  NetworkOptions network;
  bool check_invariants = true;  // CheckInvariants(false) of a process after each event it handled
  uint64_t audit_every = 1 << 20;  // events between CheckInvariants(true) of all processes; 0: never
  bool through_codec = false;  // every message is encoded, parsed and compared before delivery
  bool permute_ties = false;  // events of different processes at the same instant run in an order drawn from the seed
  uint32_t checkpoint_log2 = 16;  // the digest is kept every 2^this events
};

struct ProcessOptions {
  std::string name;  // names its random streams; unique per process, stable between runs
  const CostProfile* costs = nullptr;  // nullptr: every message costs nothing
  uint32_t slot = 0;  // endpoint slot on the host, 16 … 65535; 0: the engine chooses
};

struct EngineCounters {
  uint64_t events = 0;  // handlers run, of processes and of modelled things
  uint64_t messages = 0;  // of these, messages handled by processes
  uint64_t timers = 0;
  uint64_t sent = 0;  // messages sent between processes
  uint64_t bytes = 0;  // their encoded size
  uint64_t bulk = 0;  // of these, as SimGrid flows
  uint64_t dropped = 0;  // sent, but never handled: the receiver died, or the filter dropped them
};

}  // namespace orrery
