// One socket to one peer: what is known of it, what came in, what waits to go out.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "runtime/env/address.h"
#include "runtime/transport/asio_internal.h"
#include "runtime/transport/frame.h"
#include "runtime/transport/handshake.h"
#include "runtime/transport/output_queue_internal.h"

namespace orrery {

// asio tells readiness only; bytes are moved by recv and sendmsg. Owned by Links, alive until no handler refers to it.
struct Connection {
  enum class State : uint8_t { kConnecting, kHandshake, kOpen, kClosed };

  Connection(asio::io_context& context, uint64_t serial_number, int socket, bool dialled_by_us, bool is_tcp,
             size_t max_body)
      : descriptor(context, socket),
        serial(serial_number),
        fd(socket),
        dialled(dialled_by_us),
        tcp(is_tcp),
        reader(max_body) {}

  // What became of an attempt to move bytes.
  enum class Io : uint8_t { kMoved, kWouldBlock, kBroken };
  // One recv into the reader. kBroken sets `error`.
  Io Receive();
  // As many sendmsg as the socket takes. kMoved: everything went out.
  Io Transmit();
  // All of `bytes` at once, before any output; for the handshake, whose few bytes always fit a fresh socket.
  bool TransmitNow(const std::string& bytes);

  Descriptor descriptor;
  const uint64_t serial;
  const int fd;
  const bool dialled;  // by this process
  const bool tcp;
  State state = State::kConnecting;
  bool dirty = false;         // listed for the next flush
  bool write_armed = false;   // a handler waits for room in the socket
  bool stuck_armed = false;   // a timer watches the high-water mark
  bool doomed = false;        // to be lost at the end of this turn
  bool preamble_seen = false;
  bool alias_used = false;    // the state machine sent to {endpoint, 0}
  int pending_handlers = 0;
  Address dialled_as;         // as given to Send; zero for accepted ones
  Address peer;               // valid from kOpen on
  std::unique_ptr<Handshake> handshake;
  FrameReader reader;
  OutputQueue output;
  uint64_t sent_total = 0;    // bytes the socket took
  uint64_t sent_at_mark = 0;  // the same when the stuck timer was set
  Status error;               // why it is being closed
  uint64_t reads = 0, writes = 0, bytes_in = 0;
};

}  // namespace orrery
