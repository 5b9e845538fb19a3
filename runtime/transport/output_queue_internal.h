// Bytes on their way to one peer: messages are encoded straight into chunks, chunks go out with few system calls.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>

namespace orrery {

// Contiguous room is what Protobuf's fastest encoder wants; a chunk is 64 KiB, or one message when that is larger.
class OutputQueue {
 public:
  // `size` contiguous bytes at the end, counted as written; the caller fills them before the next call.
  uint8_t* Append(size_t size);
  void Append(const void* data, size_t size);
  // The first up to `max` pieces, for sendmsg.
  int Pieces(iovec* pieces, int max) const;
  // The first `n` bytes have been sent.
  void Consume(size_t n);
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  void Clear();

 private:
  static constexpr size_t kChunk = size_t{64} << 10;
  struct Chunk {
    std::unique_ptr<uint8_t[]> bytes;
    size_t capacity = 0, begin = 0, end = 0;
  };
  std::deque<Chunk> chunks_;
  Chunk spare_;  // an emptied chunk of the usual size, for the next message
  size_t size_ = 0;
};

}  // namespace orrery
