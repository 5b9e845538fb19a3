#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "runtime/transport/endpoint.h"
#include "runtime/transport/socket_internal.h"

namespace orrery {

namespace {

constexpr int kBacklog = 4096;

int NewSocket(int family) { return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); }

sockaddr_in TcpName(uint32_t ip, uint16_t port) {
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(ip);
  name.sin_port = htons(port);
  return name;
}

sockaddr_un UnixName(const std::string& path) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  std::memcpy(name.sun_path, path.c_str(), std::min(path.size(), sizeof name.sun_path - 1));
  return name;
}

Status CloseWith(int fd, const std::string& what) {
  const int error = errno;
  if (fd >= 0) close(fd);
  return ErrnoStatus(what, error);
}

template <class Name>
const sockaddr* Plain(const Name& name) {
  return reinterpret_cast<const sockaddr*>(&name);
}

}  // namespace

Status ErrnoStatus(const std::string& what, int error) {
  const bool timed_out = error == ETIMEDOUT;
  return {timed_out ? StatusCode::kTimedOut : StatusCode::kUnavailable, what + ": " + std::strerror(error)};
}

bool FitsUnixPath(const std::string& path) {
  constexpr size_t kPidSuffix = 8;  // see ListenUnix
  return path.size() + kPidSuffix < sizeof(sockaddr_un::sun_path);
}

Result<int> ListenTcp(uint32_t ip, uint16_t port) {
  const std::string what = "cannot listen on " + ToString(MakeAddress(ip, port));
  const int fd = NewSocket(AF_INET);
  if (fd < 0) return CloseWith(fd, what);
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const sockaddr_in name = TcpName(ip, port);
  if (bind(fd, Plain(name), sizeof name) != 0 || listen(fd, kBacklog) != 0) return CloseWith(fd, what);
  return fd;
}

Result<int> ListenUnix(const std::string& path) {
  const std::string what = "cannot listen on " + path;
  const int fd = NewSocket(AF_UNIX);
  if (fd < 0) return CloseWith(fd, what);
  // Gets its name only when it accepts: a bound file that refuses would be taken for a dead process's and removed.
  const std::string early = path + "." + std::to_string(getpid());
  unlink(early.c_str());
  const sockaddr_un name = UnixName(early);
  if (bind(fd, Plain(name), sizeof name) != 0 || chmod(early.c_str(), 0600) != 0 || listen(fd, kBacklog) != 0 ||
      rename(early.c_str(), path.c_str()) != 0) {
    const int error = errno;
    unlink(early.c_str());
    errno = error;
    return CloseWith(fd, what);
  }
  return fd;
}

uint16_t LocalPort(int fd) {
  sockaddr_in name{};
  socklen_t size = sizeof name;
  getsockname(fd, reinterpret_cast<sockaddr*>(&name), &size);
  return ntohs(name.sin_port);
}

Result<Dialled> DialTcp(uint32_t ip, uint16_t port) {
  const std::string what = "cannot connect to " + ToString(MakeAddress(ip, port));
  const int fd = NewSocket(AF_INET);
  if (fd < 0) return CloseWith(fd, what);
  const sockaddr_in name = TcpName(ip, port);
  if (connect(fd, Plain(name), sizeof name) == 0) return Dialled{fd, false};
  if (errno == EINPROGRESS) return Dialled{fd, true};
  return CloseWith(fd, what);
}

Result<Dialled> DialUnix(const std::string& path, int* error) {
  const int fd = NewSocket(AF_UNIX);
  const sockaddr_un name = UnixName(path);
  if (fd >= 0 && connect(fd, Plain(name), sizeof name) == 0) return Dialled{fd, false};
  if (error != nullptr) *error = errno;
  return CloseWith(fd, "cannot connect to " + path);
}

int AcceptOne(int listener) { return accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC); }

Status PendingError(int fd) {
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
  return error == 0 ? Status::Ok() : ErrnoStatus("cannot connect", error);
}

void TuneTcp(int fd, Duration user_timeout) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  const int seconds = static_cast<int>(std::max<int64_t>(1, user_timeout.ns / 1'000'000'000));
  const int interval = std::max(1, seconds / 4);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &interval, sizeof interval);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
  const int count = 3;
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
  const auto millis = static_cast<unsigned>(user_timeout.ns / 1'000'000);
  setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &millis, sizeof millis);
}

void TuneUnix(int fd) {
  const int bytes = 1 << 20;
  setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
}

}  // namespace orrery
