// Sockets without blocking and without leaking into child processes; all of them are close-on-exec from the start.
#pragma once

#include <cstdint>
#include <string>

#include "runtime/common/status.h"
#include "runtime/common/time.h"

namespace orrery {

// A listening TCP socket at `ip` (host order). kUnavailable names ip and port.
Result<int> ListenTcp(uint32_t ip, uint16_t port);
// A listening UNIX socket; replaces a file that is there already.
Result<int> ListenUnix(const std::string& path);
uint16_t LocalPort(int fd);

struct Dialled {
  int fd;
  bool in_progress;  // wait until writable, then ask PendingError
};
Result<Dialled> DialTcp(uint32_t ip, uint16_t port);
// Fails at once when nobody listens (ECONNREFUSED, ENOENT) or the backlog is full (EAGAIN); `error` gets the number.
Result<Dialled> DialUnix(const std::string& path, int* error = nullptr);
// The next waiting connection, or -1 with errno.
int AcceptOne(int listener);
// SO_ERROR as a Status.
Status PendingError(int fd);

// No Nagle delay; keepalive and user time-out so that a vanished machine is noticed within about `user_timeout`.
void TuneTcp(int fd, Duration user_timeout);
// One MiB of send buffer: fewer wake-ups for bulk.
void TuneUnix(int fd);

bool FitsUnixPath(const std::string& path);
Status ErrnoStatus(const std::string& what, int error);

}  // namespace orrery
