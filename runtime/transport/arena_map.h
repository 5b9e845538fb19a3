// A node's object memory as a mapping of this process: one memfd, made by the node manager, mapped once by each client.
// Which bytes belong to which object only the node manager knows; a client that dies can corrupt nothing but bytes that
// it was still writing.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "runtime/common/status.h"

namespace orrery {

class ArenaMap {
 public:
  // The node manager's: a new memfd of `capacity` bytes (0: nothing is mapped). It takes memory only where it is
  // written, and its size can never change again. kStoreFull when the system refuses.
  static Result<std::shared_ptr<ArenaMap>> Create(int64_t capacity);
  // A client's: of a descriptor that came over the socket, which now belongs to the mapping.
  static Result<std::shared_ptr<ArenaMap>> Adopt(int fd, int64_t capacity);
  ~ArenaMap();
  ArenaMap(const ArenaMap&) = delete;
  ArenaMap& operator=(const ArenaMap&) = delete;

  int fd() const { return fd_; }
  int64_t capacity() const { return capacity_; }
  bool Contains(int64_t offset, int64_t size) const {
    return offset >= 0 && size >= 0 && offset <= capacity_ && size <= capacity_ - offset;
  }
  // The bytes from `offset` on. Mapped read-only: a program that writes through a view ends itself, rather than change
  // a value for everybody.
  const char* Read(int64_t offset) const { return readable_ + offset; }
  // The same bytes, to be written. Pages that this process has not touched yet are made ready first, 2 MiB at a time:
  // faster than a fault for each, and memory that the machine does not have is kStoreFull instead of a SIGBUS.
  // Any thread. kInvalidArgument outside the arena.
  Result<char*> Write(int64_t offset, int64_t size);

 private:
  ArenaMap(int fd, int64_t capacity);
  Status Map();
  Status Touch(int64_t block);

  const int fd_;
  const int64_t capacity_;
  char* writable_ = nullptr;
  const char* readable_ = nullptr;
  std::unique_ptr<std::atomic<uint64_t>[]> touched_;  // one bit for each block of 2 MiB
};

}  // namespace orrery
