#include "runtime/transport/frame.h"

#include <algorithm>

#include "runtime/common/assert.h"

namespace orrery {

namespace {

uint32_t LoadU32(const uint8_t* p) {
  return uint32_t{p[0]} | uint32_t{p[1]} << 8 | uint32_t{p[2]} << 16 | uint32_t{p[3]} << 24;
}
uint16_t LoadU16(const uint8_t* p) { return static_cast<uint16_t>(p[0] | p[1] << 8); }

}  // namespace

void WriteFrameHeader(uint16_t kind, uint16_t flags, size_t body_size, uint8_t* out) {
  const auto length = static_cast<uint32_t>(body_size + kMinFrameLength);
  for (int i = 0; i < 4; ++i) out[i] = static_cast<uint8_t>(length >> (8 * i));
  out[4] = static_cast<uint8_t>(kind);
  out[5] = static_cast<uint8_t>(kind >> 8);
  out[6] = static_cast<uint8_t>(flags);
  out[7] = static_cast<uint8_t>(flags >> 8);
}

void AppendFrame(uint16_t kind, uint16_t flags, std::string_view body, std::string& out) {
  uint8_t header[kFrameHeaderBytes];
  WriteFrameHeader(kind, flags, body.size(), header);
  out.append(reinterpret_cast<const char*>(header), sizeof header);
  out.append(body);
}

void FrameReader::Resize(size_t capacity) {
  std::unique_ptr<uint8_t[]> bigger(new uint8_t[capacity]);  // not value-initialised: pages are touched when filled
  if (end_ > begin_) std::memcpy(bigger.get(), buffer_.get() + begin_, end_ - begin_);
  end_ -= begin_;
  begin_ = 0;
  buffer_ = std::move(bigger);
  capacity_ = capacity;
}

FrameReader::Span FrameReader::Reserve() {
  const size_t unread = end_ - begin_;
  if (capacity_ == 0 || (unread <= kReadBufferBytes / 2 && capacity_ > kReadBufferBytes)) {
    Resize(kReadBufferBytes);
  } else if (unread == 0) {
    begin_ = end_ = 0;
  } else if (capacity_ - end_ < kReadBufferBytes / 4) {
    if (unread > capacity_ / 2) {
      Resize(capacity_ * 2);  // one frame fills the buffer: grow with what has arrived
    } else {
      std::memmove(buffer_.get(), buffer_.get() + begin_, unread);
      begin_ = 0;
      end_ = unread;
    }
  }
  return {buffer_.get() + end_, capacity_ - end_};
}

void FrameReader::Commit(size_t n) {
  ORRERY_ASSERT(n <= capacity_ - end_);
  end_ += n;
}

bool FrameReader::Next(Frame* frame) {
  const size_t unread = end_ - begin_;
  if (unread < kFrameLengthBytes || !status_.ok()) return false;
  const uint8_t* at = buffer_.get() + begin_;
  const uint32_t length = LoadU32(at);
  if (length < kMinFrameLength) {
    status_ =
        Status(StatusCode::kInvalidArgument, "corrupt frame: length " + std::to_string(length) + " is below the " +
                                                 std::to_string(kMinFrameLength) + " bytes of a header");
    return false;
  }
  if (length - kMinFrameLength > max_body_) {
    status_ = Status(StatusCode::kTooLarge, "frame of " + std::to_string(length - kMinFrameLength) +
                                                " bytes exceeds the limit of " + std::to_string(max_body_));
    return false;
  }
  if (unread < kFrameLengthBytes + length) return false;
  frame->kind = LoadU16(at + 4);
  frame->flags = LoadU16(at + 6);
  frame->body = {reinterpret_cast<const char*>(at + kFrameHeaderBytes), length - kMinFrameLength};
  begin_ += kFrameLengthBytes + length;
  return true;
}

bool FrameReader::TakeRaw(size_t n, std::string_view* bytes) {
  if (end_ - begin_ < n) return false;
  *bytes = {reinterpret_cast<const char*>(buffer_.get() + begin_), n};
  begin_ += n;
  return true;
}

}  // namespace orrery
