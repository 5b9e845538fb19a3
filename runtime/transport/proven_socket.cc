#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "runtime/transport/proven_socket_internal.h"
#include "runtime/transport/reactor_internal.h"
#include "runtime/transport/socket_internal.h"

namespace orrery {

ProvenSocket::ProvenSocket(int fd, bool connecting, Handshake handshake)
    : fd_(fd), connecting_(connecting), handshake_(std::move(handshake)) {}

ProvenSocket::~ProvenSocket() { close(fd_); }

short ProvenSocket::events() const {
  return static_cast<short>(connecting_ || !started_ || !out_.empty() ? POLLIN | POLLOUT : POLLIN);
}

Status ProvenSocket::Advance() {
  if (connecting_) {
    pollfd ready{fd_, POLLOUT, 0};
    if (poll(&ready, 1, 0) == 0) return Status::Ok();
    if (Status status = PendingError(fd_); !status.ok()) return status;
    connecting_ = false;
  }
  if (!started_) {
    out_ += handshake_.Start();
    started_ = true;
  }
  Status status = Flush();
  while (status.ok() && !handshake_.done() && Fill(&status)) {
    std::string_view raw;
    if (!preamble_ && reader_.TakeRaw(kPreambleBytes, &raw)) {
      preamble_ = true;
      status = handshake_.OnPreamble(raw, &out_);
    }
    Frame frame;
    while (preamble_ && status.ok() && !handshake_.done() && reader_.Next(&frame)) {
      status = handshake_.OnFrame(frame, &out_);
    }
    if (status.ok()) status = reader_.status();
    if (Status sent = Flush(); status.ok()) status = sent;  // a refusal goes out, too
  }
  return status;
}

Status ProvenSocket::Flush() {
  while (!out_.empty()) {
    const ssize_t n = send(fd_, out_.data(), out_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
    if (n < 0) return ErrnoStatus("the connection broke", errno);
    out_.erase(0, static_cast<size_t>(n));
  }
  return Status::Ok();
}

bool ProvenSocket::Fill(Status* status) {
  const FrameReader::Span room = reader_.Reserve();
  ssize_t n = 0;
  do {
    n = recv(fd_, room.data, room.size, MSG_DONTWAIT);
  } while (n < 0 && errno == EINTR);
  if (n > 0) {
    reader_.Commit(static_cast<size_t>(n));
    return true;
  }
  if (n == 0) {
    *status = {StatusCode::kUnavailable, "the other end has closed the connection"};
  } else if (errno != EAGAIN && errno != EWOULDBLOCK) {
    *status = ErrnoStatus("the connection broke", errno);
  }
  return false;
}

Status AwaitProof(ProvenSocket& socket, Duration limit) {
  const Time end = SteadyNow() + limit;
  while (true) {
    if (Status status = socket.Advance(); !status.ok()) return status;
    if (socket.done()) return Status::Ok();
    const int64_t left = (end - SteadyNow()).ns / 1'000'000;
    pollfd ready{socket.fd(), socket.events(), 0};
    if (left <= 0 || poll(&ready, 1, static_cast<int>(left)) == 0) {
      return {StatusCode::kTimedOut, "no answer within " + std::to_string(limit.ns / 1'000'000) + " ms"};
    }
  }
}

}  // namespace orrery
