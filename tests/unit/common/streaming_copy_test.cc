#include "runtime/common/streaming_copy.h"

#include <gtest/gtest.h>

#include <string>

namespace orrery {
namespace {

// Every alignment of both ends, sizes around the limit and around whole lines: the bytes arrive, their neighbours stay.
TEST(StreamingCopy, CopiesExactlyTheBytes) {
  std::string source(kStreamingFrom + 256, '\0');
  for (size_t i = 0; i < source.size(); ++i) source[i] = static_cast<char>(i * 131 % 251);
  for (const size_t size :
       {size_t{0}, size_t{1}, size_t{63}, kStreamingFrom - 1, kStreamingFrom, kStreamingFrom + 65}) {
    for (size_t to = 0; to < 65; ++to) {
      const size_t from = to * 7 % 64;
      std::string room(size + 130, '#');
      StreamingCopy(room.data() + to, source.data() + from, size);
      ASSERT_EQ(room.substr(to, size), source.substr(from, size)) << size << " bytes to " << to;
      ASSERT_EQ(room.substr(0, to) + room.substr(to + size), std::string(130, '#')) << size << " bytes to " << to;
    }
  }
}

TEST(StreamingCopy, NothingToNowhere) { StreamingCopy(nullptr, nullptr, 0); }

}  // namespace
}  // namespace orrery
