#include "tests/conformance/relay.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "runtime/common/assert.h"

namespace orrery {

namespace {
sockaddr_in Local(uint16_t port) {
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  name.sin_port = htons(port);
  return name;
}
}  // namespace

Relay::Relay(uint16_t target) : target_(target), listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in name = Local(0);
  socklen_t size = sizeof name;
  ORRERY_ASSERT(bind(listener_, reinterpret_cast<sockaddr*>(&name), size) == 0 && listen(listener_, 64) == 0);
  getsockname(listener_, reinterpret_cast<sockaddr*>(&name), &size);
  port_ = ntohs(name.sin_port);
  thread_ = std::thread([this] { Loop(); });
}

Relay::~Relay() {
  stop_.store(true);
  thread_.join();
  const linger reset{1, 0};
  for (int fd : sockets_) {
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(fd);
  }
  close(listener_);
}

void Relay::Loop() {
  std::array<char, 65536> buffer{};
  while (!stop_.load()) {
    std::vector<pollfd> waiting = {{listener_, POLLIN, 0}};
    for (int fd : sockets_) waiting.push_back({fd, POLLIN, 0});
    if (poll(waiting.data(), waiting.size(), 2) <= 0) continue;
    for (size_t i = 1; i < waiting.size(); ++i) {
      if (waiting[i].revents == 0) continue;
      const ssize_t n = recv(waiting[i].fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
      if (frozen_.load()) continue;
      const int other = sockets_[(i - 1) ^ 1];
      if (n > 0) {
        for (ssize_t at = 0; at < n;) {
          const ssize_t sent = send(other, buffer.data() + at, static_cast<size_t>(n - at), MSG_NOSIGNAL);
          if (sent <= 0) break;
          at += sent;
        }
      } else if (n == 0) {
        shutdown(other, SHUT_WR);
      }
    }
    if (waiting[0].revents != 0) {
      const int near = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      const int far = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      const sockaddr_in name = Local(target_);
      ORRERY_ASSERT(connect(far, reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0);
      sockets_.push_back(near);
      sockets_.push_back(far);
    }
  }
}

}  // namespace orrery
