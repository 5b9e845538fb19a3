#include <sys/socket.h>

#include <cerrno>

#include "runtime/transport/connection_internal.h"
#include "runtime/transport/socket_internal.h"

namespace orrery {

Connection::Io Connection::Receive() {
  const FrameReader::Span span = reader.Reserve();
  while (true) {
    const ssize_t n = recv(fd, span.data, span.size, MSG_DONTWAIT);
    if (n > 0) {
      ++reads;
      bytes_in += static_cast<uint64_t>(n);
      reader.Commit(static_cast<size_t>(n));
      return Io::kMoved;
    }
    if (n == 0) {
      error = Status(StatusCode::kUnavailable, "the peer closed the connection");
      return Io::kBroken;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) return Io::kWouldBlock;
    if (errno == EINTR) continue;
    error = ErrnoStatus("receiving failed", errno);
    return Io::kBroken;
  }
}

Connection::Io Connection::Transmit() {
  constexpr int kMaxPieces = 16;
  while (!output.empty()) {
    iovec pieces[kMaxPieces];
    msghdr header{};
    header.msg_iov = pieces;
    header.msg_iovlen = static_cast<size_t>(output.Pieces(pieces, kMaxPieces));
    const ssize_t n = sendmsg(fd, &header, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n >= 0) {
      ++writes;
      sent_total += static_cast<uint64_t>(n);
      output.Consume(static_cast<size_t>(n));
      continue;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) return Io::kWouldBlock;
    if (errno == EINTR) continue;
    error = ErrnoStatus("sending failed", errno);
    return Io::kBroken;
  }
  return Io::kMoved;
}

bool Connection::TransmitNow(const std::string& bytes) {
  if (bytes.empty()) return true;
  ssize_t n = 0;
  do {
    n = send(fd, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  } while (n < 0 && errno == EINTR);
  if (n == static_cast<ssize_t>(bytes.size())) return true;
  error = ErrnoStatus("sending the handshake failed", n < 0 ? errno : ENOBUFS);
  return false;
}

}  // namespace orrery
