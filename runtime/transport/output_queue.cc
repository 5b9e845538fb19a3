#include <algorithm>
#include <cstring>

#include "runtime/common/assert.h"
#include "runtime/transport/output_queue_internal.h"

namespace orrery {

uint8_t* OutputQueue::Append(size_t size) {
  if (chunks_.empty() || chunks_.back().capacity - chunks_.back().end < size) {
    if (spare_.bytes != nullptr && size <= spare_.capacity) {
      chunks_.push_back(std::move(spare_));
    } else {
      const size_t capacity = std::max(size, kChunk);
      chunks_.push_back({std::unique_ptr<uint8_t[]>(new uint8_t[capacity]), capacity});
    }
  }
  Chunk& chunk = chunks_.back();
  uint8_t* at = chunk.bytes.get() + chunk.end;
  chunk.end += size;
  size_ += size;
  return at;
}

void OutputQueue::Append(const void* data, size_t size) { std::memcpy(Append(size), data, size); }

int OutputQueue::Pieces(iovec* pieces, int max) const {
  int count = 0;
  for (const Chunk& chunk : chunks_) {
    if (count == max) break;
    pieces[count++] = {chunk.bytes.get() + chunk.begin, chunk.end - chunk.begin};
  }
  return count;
}

void OutputQueue::Consume(size_t n) {
  ORRERY_ASSERT(n <= size_);
  size_ -= n;
  while (n > 0 || (!chunks_.empty() && chunks_.front().begin == chunks_.front().end)) {
    Chunk& chunk = chunks_.front();
    const size_t taken = std::min(n, chunk.end - chunk.begin);
    chunk.begin += taken;
    n -= taken;
    if (chunk.begin != chunk.end) return;
    chunk.begin = chunk.end = 0;
    if (chunks_.size() == 1 && chunk.capacity == kChunk) return;  // keep filling it
    if (chunk.capacity == kChunk) spare_ = std::move(chunk);
    chunks_.pop_front();
  }
}

void OutputQueue::Clear() {
  chunks_.clear();
  size_ = 0;
}

}  // namespace orrery
