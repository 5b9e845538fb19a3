// A socket that begins with the handshake of handshake.h, outside of LiveEnv: bulk connections, and the door of the
// object memory.
#pragma once

#include <string>

#include "runtime/common/status.h"
#include "runtime/common/time.h"
#include "runtime/transport/frame.h"
#include "runtime/transport/handshake.h"

namespace orrery {

class ProvenSocket {
 public:
  // Takes `fd` over; it must be non-blocking. `connecting`: a dialled one that is not yet connected.
  ProvenSocket(int fd, bool connecting, Handshake handshake);
  ~ProvenSocket();
  ProvenSocket(const ProvenSocket&) = delete;
  ProvenSocket& operator=(const ProvenSocket&) = delete;

  int fd() const { return fd_; }
  // Both ends are proven and nothing of the handshake waits to be sent.
  bool done() const { return handshake_.done() && out_.empty(); }
  // Of poll(), while not done.
  short events() const;
  // Whatever can be done now. An error is final.
  Status Advance();
  // Bytes that the peer sent behind its handshake wait here.
  FrameReader& reader() { return reader_; }
  const FrameReader& reader() const { return reader_; }
  // Receives once into reader(). False: nothing is there now, or the status is an error.
  bool Fill(Status* status);

 private:
  Status Flush();

  const int fd_;
  bool connecting_;
  bool started_ = false;
  bool preamble_ = false;
  Handshake handshake_;
  FrameReader reader_{kMaxHandshakeBody};
  std::string out_;
};

// Waits until the handshake is done or `limit` has passed (kTimedOut). For clients without a loop.
Status AwaitProof(ProvenSocket& socket, Duration limit);

}  // namespace orrery
