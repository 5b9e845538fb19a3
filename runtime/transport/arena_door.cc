#include "runtime/transport/arena_door.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "runtime/transport/endpoint.h"
#include "runtime/transport/proven_socket_internal.h"
#include "runtime/transport/socket_internal.h"

namespace orrery {

namespace {

// One message: the capacity as eight bytes, with one descriptor beside them.
struct ArenaMessage {
  int64_t capacity = 0;
  iovec bytes{&capacity, sizeof capacity};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr header{};
  ArenaMessage() {
    header.msg_iov = &bytes;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof control;
  }
};

}  // namespace

std::string ArenaDoorPath(const std::string& socket_dir, const Address& node_manager) {
  return SocketPath(socket_dir, node_manager, ".store");
}

bool SendArena(int socket, const ArenaMap& arena, Status* status) {
  ArenaMessage message;
  message.capacity = arena.capacity();
  cmsghdr* control = CMSG_FIRSTHDR(&message.header);
  control->cmsg_level = SOL_SOCKET;
  control->cmsg_type = SCM_RIGHTS;
  control->cmsg_len = CMSG_LEN(sizeof(int));
  const int fd = arena.fd();
  std::memcpy(CMSG_DATA(control), &fd, sizeof fd);
  if (sendmsg(socket, &message.header, MSG_NOSIGNAL | MSG_DONTWAIT) > 0) return true;
  if (errno != EAGAIN && errno != EINTR) *status = ErrnoStatus("cannot hand out the object memory", errno);
  return false;
}

Result<std::shared_ptr<ArenaMap>> OpenArena(const ArenaClient& client, Duration limit) {
  const std::string path = ArenaDoorPath(client.socket_dir, client.node_manager);
  Result<Dialled> dialled = DialUnix(path);
  if (!dialled.ok()) return dialled.status();
  ProvenSocket socket(
      dialled->fd, dialled->in_progress,
      Handshake(Handshake::Side::kDialler, {.self = client.self, .token = client.token}, client.node_manager));
  if (Status status = AwaitProof(socket, limit); !status.ok()) {
    return Status(status.code(), "cannot reach the object memory at " + path + ": " + status.message());
  }
  ArenaMessage message;
  pollfd ready{socket.fd(), POLLIN, 0};
  ssize_t n = -1;
  do {
    if (poll(&ready, 1, static_cast<int>(limit.ns / 1'000'000)) == 0) {
      return Status(StatusCode::kTimedOut, "the object memory at " + path + " did not open in time");
    }
    n = recvmsg(socket.fd(), &message.header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  } while (n < 0 && (errno == EINTR || errno == EAGAIN));
  const cmsghdr* control = n == sizeof message.capacity ? CMSG_FIRSTHDR(&message.header) : nullptr;
  if (control == nullptr || control->cmsg_type != SCM_RIGHTS || control->cmsg_len != CMSG_LEN(sizeof(int))) {
    return Status(StatusCode::kUnavailable, "the node manager closed the door of its object memory at " + path);
  }
  int fd = -1;
  std::memcpy(&fd, CMSG_DATA(control), sizeof fd);
  return ArenaMap::Adopt(fd, message.capacity);
}

}  // namespace orrery
