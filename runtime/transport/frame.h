// Frames: how messages lie on a byte stream. 4-byte little-endian length, then {u16 kind, u16 flags}, then the body.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "runtime/common/status.h"

namespace orrery {

// `length` counts everything after the length field: the four header bytes and the body.
inline constexpr size_t kFrameLengthBytes = 4;
inline constexpr size_t kFrameHeaderBytes = 8;
inline constexpr uint32_t kMinFrameLength = kFrameHeaderBytes - kFrameLengthBytes;
inline constexpr size_t kReadBufferBytes = size_t{256} << 10;

// One frame; `body` points into the reader's buffer and is valid until the next Reserve().
struct Frame {
  uint16_t kind = 0;
  uint16_t flags = 0;
  std::string_view body;
};

// Writes the eight header bytes for a body of `body_size` bytes to `out`.
void WriteFrameHeader(uint16_t kind, uint16_t flags, size_t body_size, uint8_t* out);
// Appends a whole frame.
void AppendFrame(uint16_t kind, uint16_t flags, std::string_view body, std::string& out);

// Cuts a byte stream into frames, in place: the bytes are received straight into the reader's buffer.
//
//   while (true) { span = reader.Reserve(); n = recv(span); reader.Commit(n); while (reader.Next(&frame))
//   Handle(frame);
//                  if (!reader.status().ok()) close; }
//
// The buffer holds kReadBufferBytes. For a larger frame it grows with the bytes that have really arrived (at most twice
// of them), never by what a length field promises, and shrinks when the frame is done.
class FrameReader {
 public:
  // Frames with a body above `max_body` bytes are an error.
  explicit FrameReader(size_t max_body) : max_body_(max_body) {}

  struct Span {
    uint8_t* data;
    size_t size;
  };
  // Free room behind the bytes received so far; never empty. Invalidates frames.
  Span Reserve();
  // `n` bytes were written to the reserved span.
  void Commit(size_t n);
  // The next complete frame. False: more bytes are needed, or status() is an error, which is final.
  bool Next(Frame* frame);
  // The next `n` bytes, outside of any frame (the handshake's preamble). False: more bytes are needed.
  bool TakeRaw(size_t n, std::string_view* bytes);
  const Status& status() const { return status_; }
  void set_max_body(size_t max_body) { max_body_ = max_body; }

  size_t buffered() const { return end_ - begin_; }
  size_t capacity() const { return capacity_; }

 private:
  void Resize(size_t capacity);
  size_t max_body_;
  std::unique_ptr<uint8_t[]> buffer_;
  size_t capacity_ = 0;
  size_t begin_ = 0, end_ = 0;  // unread bytes
  Status status_;
};

}  // namespace orrery
