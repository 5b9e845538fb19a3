#include "runtime/transport/arena_map.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

namespace orrery {

namespace {

constexpr int kBlockShift = 21;
constexpr int kPopulateWrite = 23;  // MADV_POPULATE_WRITE, Linux 5.14

Status Refused(const std::string& what, int64_t bytes) {
  return {StatusCode::kStoreFull,
          what + " " + std::to_string(bytes) + " bytes of shared memory: " + std::strerror(errno)};
}

}  // namespace

ArenaMap::ArenaMap(int fd, int64_t capacity) : fd_(fd), capacity_(capacity) {}

ArenaMap::~ArenaMap() {
  if (writable_ != nullptr) munmap(writable_, static_cast<size_t>(capacity_));
  if (readable_ != nullptr) munmap(const_cast<char*>(readable_), static_cast<size_t>(capacity_));
  close(fd_);
}

Result<std::shared_ptr<ArenaMap>> ArenaMap::Create(int64_t capacity) {
  const int fd = memfd_create("orrery-objects", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0) return Refused("cannot make", capacity);
  std::shared_ptr<ArenaMap> arena(new ArenaMap(fd, capacity));
  if (ftruncate(fd, capacity) != 0) return Refused("cannot make", capacity);
  fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
  if (Status status = arena->Map(); !status.ok()) return status;
  return arena;
}

Result<std::shared_ptr<ArenaMap>> ArenaMap::Adopt(int fd, int64_t capacity) {
  std::shared_ptr<ArenaMap> arena(new ArenaMap(fd, capacity));
  if (Status status = arena->Map(); !status.ok()) return status;
  return arena;
}

Status ArenaMap::Map() {
  if (capacity_ == 0) return Status::Ok();
  const auto size = static_cast<size_t>(capacity_);
  void* writable = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd_, 0);
  if (writable == MAP_FAILED) return Refused("cannot map", capacity_);
  writable_ = static_cast<char*>(writable);
  void* readable = mmap(nullptr, size, PROT_READ, MAP_SHARED | MAP_NORESERVE, fd_, 0);
  if (readable == MAP_FAILED) return Refused("cannot map", capacity_);
  readable_ = static_cast<const char*>(readable);
  for (void* mapping : {writable, readable}) {
    madvise(mapping, size, MADV_HUGEPAGE);  // where the system allows it
    madvise(mapping, size, MADV_DONTDUMP);
  }
  touched_ = std::make_unique<std::atomic<uint64_t>[]>(static_cast<size_t>(capacity_ >> (kBlockShift + 6)) + 1);
  return Status::Ok();
}

Result<char*> ArenaMap::Write(int64_t offset, int64_t size) {
  if (!Contains(offset, size)) return Status(StatusCode::kInvalidArgument, "bytes outside the object memory");
  for (int64_t block = offset >> kBlockShift; size > 0 && block <= (offset + size - 1) >> kBlockShift; ++block) {
    const uint64_t bit = uint64_t{1} << (block & 63);
    if ((touched_[static_cast<size_t>(block >> 6)].load(std::memory_order_relaxed) & bit) != 0) continue;
    if (Status status = Touch(block); !status.ok()) return status;
    touched_[static_cast<size_t>(block >> 6)].fetch_or(bit, std::memory_order_relaxed);
  }
  return writable_ + offset;
}

Status ArenaMap::Touch(int64_t block) {
  const int64_t begin = block << kBlockShift;
  const auto bytes = static_cast<size_t>(std::min(int64_t{1} << kBlockShift, capacity_ - begin));
  // Kernels that do not know it (EINVAL) make the pages ready one by one.
  if (madvise(writable_ + begin, bytes, kPopulateWrite) == 0 || errno == EINVAL) return Status::Ok();
  return Refused("the machine has no memory left for", static_cast<int64_t>(bytes));
}

}  // namespace orrery
