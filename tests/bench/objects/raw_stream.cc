#include "tests/bench/objects/raw_stream.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace orrery {

namespace {

constexpr size_t kPiece = size_t{256} << 10;  // as in the product

void Check(bool good, const char* what) {
  if (good) return;
  std::perror(what);
  std::exit(1);
}

char* SharedMemory(size_t size) {
  const int fd = memfd_create("raw-stream", MFD_CLOEXEC);
  Check(fd >= 0 && ftruncate(fd, static_cast<off_t>(size)) == 0, "memfd_create");
  void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  Check(memory != MAP_FAILED, "mmap");
  close(fd);
  std::memset(memory, 1, size);  // warm
  return static_cast<char*>(memory);
}

void Serve(int socket, const char* memory) {
  uint64_t size = 0;
  while (recv(socket, &size, sizeof size, MSG_WAITALL) == sizeof size) {
    for (size_t at = 0; at < size;) {
      const ssize_t n = send(socket, memory + at, std::min(kPiece, size - at), MSG_NOSIGNAL);
      if (n <= 0) _exit(1);
      at += static_cast<size_t>(n);
    }
  }
  _exit(0);
}

double Seconds() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

}  // namespace

RawStream::RawStream(size_t largest) : largest_(largest) {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof name;
  Check(bind(listener, reinterpret_cast<sockaddr*>(&name), length) == 0 && listen(listener, 1) == 0, "listen");
  getsockname(listener, reinterpret_cast<sockaddr*>(&name), &length);
  sender_ = fork();
  const int on = 1;
  if (sender_ == 0) {
    const char* memory = SharedMemory(largest);
    const int socket = accept(listener, nullptr, nullptr);
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    Serve(socket, memory);
  }
  memory_ = SharedMemory(largest);
  socket_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  Check(connect(socket_, reinterpret_cast<sockaddr*>(&name), length) == 0, "connect");
  setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  close(listener);
}

RawStream::~RawStream() {
  close(socket_);
  kill(sender_, SIGKILL);
  waitpid(sender_, nullptr, 0);
  munmap(memory_, largest_);
}

double RawStream::Fetch(size_t size) {
  const double begin = Seconds();
  const uint64_t wanted = size;
  Check(send(socket_, &wanted, sizeof wanted, MSG_NOSIGNAL) == sizeof wanted, "send");
  for (size_t at = 0; at < size;) {
    const ssize_t n = recv(socket_, memory_ + at, size - at, 0);
    Check(n > 0, "recv");
    at += static_cast<size_t>(n);
  }
  return Seconds() - begin;
}

}  // namespace orrery
