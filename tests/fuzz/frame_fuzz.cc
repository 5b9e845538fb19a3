// Bytes from a peer that may be anything: frame reader, message parser, and both sides of the handshake.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "runtime/messages/message.h"
#include "runtime/transport/frame.h"
#include "runtime/transport/handshake.h"

namespace {

using orrery::Frame;
using orrery::FrameReader;
using orrery::Handshake;

// Received in pieces whose sizes the input itself chooses.
template <class OnBytes>
void Feed(FrameReader& reader, const uint8_t* data, size_t size, size_t piece, const OnBytes& on_bytes) {
  for (size_t at = 0; at < size;) {
    const FrameReader::Span span = reader.Reserve();
    const size_t n = std::min({span.size, size - at, piece});
    std::memcpy(span.data, data + at, n);
    reader.Commit(n);
    at += n;
    ORRERY_ASSERT(reader.capacity() <= std::max(2 * size + orrery::kReadBufferBytes, orrery::kReadBufferBytes));
    if (!on_bytes()) return;
  }
}

void FuzzMessages(const uint8_t* data, size_t size, size_t piece) {
  FrameReader reader(1 << 20);
  Feed(reader, data, size, piece, [&] {
    Frame frame;
    while (reader.Next(&frame)) {
      auto message = orrery::Message::Parse(static_cast<orrery::MessageKind>(frame.kind), frame.body);
      if (message.ok()) ORRERY_ASSERT(message->EncodedSize() <= frame.body.size() * 10 + 64);
    }
    return reader.status().ok();
  });
}

void FuzzHandshake(Handshake::Side side, const uint8_t* data, size_t size, size_t piece) {
  const orrery::Address self = {(uint64_t{0x7f000001} << 16) | 1, 1};
  Handshake handshake(side, {.self = self, .token = "fuzz", .fingerprint = 1}, {});
  std::string reply = handshake.Start();
  FrameReader reader(orrery::kMaxHandshakeBody);
  bool preamble_seen = false;
  Feed(reader, data, size, piece, [&] {
    std::string_view preamble;
    if (!preamble_seen) {
      if (!reader.TakeRaw(orrery::kPreambleBytes, &preamble)) return true;
      preamble_seen = true;
      if (!handshake.OnPreamble(preamble, &reply).ok()) return false;
    }
    Frame frame;
    while (reader.Next(&frame)) {
      if (!handshake.OnFrame(frame, &reply).ok()) return false;
      ORRERY_ASSERT_MSG(!handshake.done(), "nobody guesses an HMAC");
    }
    return reader.status().ok();
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const size_t piece = 1 + data[1];
  switch (data[0] % 3) {
    case 0: FuzzMessages(data + 2, size - 2, piece); break;
    case 1: FuzzHandshake(Handshake::Side::kListener, data + 2, size - 2, piece); break;
    default: FuzzHandshake(Handshake::Side::kDialler, data + 2, size - 2, piece); break;
  }
  return 0;
}
