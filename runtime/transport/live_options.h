// What a live process chooses at start: where it listens, who may talk to it, and how long it waits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "runtime/common/time.h"

namespace orrery {

// Defaults are for daemons, workers and drivers alike; tests shorten the time-outs.
struct LiveOptions {
  std::string role = "process";         // "gcs", "node_manager", "worker", "driver": names random streams
  std::string listen_ip = "127.0.0.1";  // IPv4, also the one told to peers; every process listens here
  uint16_t port = 0;                    // 0: any free port
  std::string socket_dir{};               // folder (mode 0700) of the UNIX sockets "<port>.sock"; "": TCP only
  std::string token{};                    // the cluster token, demanded of and shown to every peer
  uint64_t incarnation = 0;             // 0: drawn from the operating system
  uint64_t seed = 0;                    // of the random streams; 0: drawn from the operating system

  Duration yield_poll = Duration::Micros(50);       // poll and yield this long after traffic before sleeping; 0: off
  Duration takeover_delay = Duration::Millis(1);  // the background thread drives when nobody else did for this long
  Duration handshake_timeout = Duration::Seconds(5);  // connecting and both proofs together
  Duration tcp_user_timeout = Duration::Seconds(30);  // unacknowledged data or keepalive: the peer's machine is gone
  Duration stuck_timeout = Duration::Seconds(10);  // above the mark without one byte accepted: the peer is lost

  size_t max_frame = size_t{64} << 20;  // bytes of one message; larger ones break the connection
  size_t output_high_water = size_t{64} << 20;  // bytes waiting for one peer; see stuck_timeout
  size_t output_limit = size_t{256} << 20;  // bytes waiting for one peer; more: the peer is lost at once
  size_t max_unauthenticated = 256;  // connections in the middle of a handshake; more are refused
};

// Counts since the start of the process; for tests, benchmarks and status pages.
struct LiveStats {
  uint64_t frames_in = 0, frames_out = 0;
  uint64_t bytes_in = 0, bytes_out = 0;
  uint64_t reads = 0, writes = 0;  // system calls that moved bytes
  uint64_t posts = 0, wakeups = 0;  // messages posted, and the eventfd writes they needed
  uint64_t spins = 0, spin_hits = 0;  // yield-polls begun, and those that found traffic
  uint64_t output_bytes = 0;  // waiting now, all peers
  uint64_t peak_output_bytes = 0;
  uint64_t connections = 0;  // open now
  uint64_t refused = 0;  // handshakes refused by this side
};

}  // namespace orrery
