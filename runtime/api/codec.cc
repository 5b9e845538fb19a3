#include "runtime/api/codec.h"

#include "runtime/common/streaming_copy.h"

namespace orrery {

void Reader::Fail(const char* why) { throw MalformedError(std::string("malformed value: ") + why); }

void Writer::Elsewhere(const void* data, size_t size) {
  if (memory_ != nullptr) {
    if (size > left_) Reader::Fail("it changed while it was encoded");
    StreamingCopy(memory_, data, size);
    memory_ += size;
    left_ -= size;
  } else {
    // The limit is passed: from now on only the size matters.
    if (out_ != nullptr) counted_ = out_->size();
    out_ = nullptr;
    counted_ += size;
  }
}

uint64_t Reader::Size() {
  uint64_t n = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    const auto byte = Raw<uint8_t>();
    if (shift == 63 && byte > 1) break;
    n |= uint64_t{byte & 0x7fu} << shift;
    if ((byte & 0x80) == 0) return n;
  }
  Fail("a length does not fit 64 bits");
}

}  // namespace orrery
