#include "runtime/common/streaming_copy.h"

#include <cstring>
#include <memory>

#ifdef __x86_64__
#include <emmintrin.h>
#endif

namespace orrery {

#ifdef __x86_64__

namespace {

constexpr size_t kLine = 64;

void StreamLine(char* to, const char* from) {
  const auto* source = reinterpret_cast<const __m128i*>(from);
  auto* target = reinterpret_cast<__m128i*>(to);
  const __m128i a = _mm_loadu_si128(source), b = _mm_loadu_si128(source + 1);
  const __m128i c = _mm_loadu_si128(source + 2), d = _mm_loadu_si128(source + 3);
  _mm_stream_si128(target, a);
  _mm_stream_si128(target + 1, b);
  _mm_stream_si128(target + 2, c);
  _mm_stream_si128(target + 3, d);
}

}  // namespace

void StreamingCopy(void* to, const void* from, size_t size) {
  if (size < kStreamingFrom) {
    if (size > 0) std::memcpy(to, from, size);
    return;
  }
  auto* target = static_cast<char*>(to);
  const auto* source = static_cast<const char*>(from);
  void* aligned = to;
  size_t rest = size;
  std::align(kLine, kLine, aligned, rest);  // whole lines only: half a one is slow
  const size_t head = size - rest;
  std::memcpy(target, source, head);
  const size_t lines = (size - head) / kLine, tail = head + lines * kLine;
  for (size_t at = head; at < tail; at += kLine) StreamLine(target + at, source + at);
  std::memcpy(target + tail, source + tail, size - tail);
  _mm_sfence();  // before anybody is told of the value
}

#else

void StreamingCopy(void* to, const void* from, size_t size) {
  if (size > 0) std::memcpy(to, from, size);
}

#endif

}  // namespace orrery
