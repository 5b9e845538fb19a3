// Frames: every split, every corruption, and no memory on the word of a length field.
#include "runtime/transport/frame.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <vector>

namespace orrery {
namespace {

struct Cut {
  uint16_t kind;
  uint16_t flags;
  std::string body;
  bool operator==(const Cut&) const = default;
};

// Feeds `bytes` in pieces that end at the given positions.
std::vector<Cut> Feed(FrameReader& reader, const std::string& bytes, const std::vector<size_t>& ends) {
  std::vector<Cut> frames;
  size_t at = 0;
  for (size_t end : ends) {
    while (at < end) {
      const FrameReader::Span span = reader.Reserve();
      const size_t n = std::min(span.size, end - at);
      std::memcpy(span.data, bytes.data() + at, n);
      reader.Commit(n);
      at += n;
      Frame frame;
      while (reader.Next(&frame)) frames.push_back({frame.kind, frame.flags, std::string(frame.body)});
    }
  }
  return frames;
}

TEST(FrameTest, SplitAtEveryBytePosition) {
  std::string bytes;
  AppendFrame(1, 7, "hello", bytes);
  AppendFrame(2, 0, "", bytes);
  AppendFrame(0xffff, 0xfffe, std::string(300, 'x'), bytes);
  const std::vector<Cut> expected = {{1, 7, "hello"}, {2, 0, ""}, {0xffff, 0xfffe, std::string(300, 'x')}};
  for (size_t split = 0; split <= bytes.size(); ++split) {
    FrameReader reader(1000);
    EXPECT_EQ(Feed(reader, bytes, {split, bytes.size()}), expected) << "split at " << split;
    EXPECT_TRUE(reader.status().ok());
    EXPECT_EQ(reader.buffered(), 0u);
  }
  FrameReader reader(1000);
  std::vector<size_t> each(bytes.size());
  for (size_t i = 0; i < each.size(); ++i) each[i] = i + 1;
  EXPECT_EQ(Feed(reader, bytes, each), expected) << "one byte at a time";
}

TEST(FrameTest, TruncatedStreamYieldsNothing) {
  std::string bytes;
  AppendFrame(3, 0, "body", bytes);
  for (size_t end = 0; end < bytes.size(); ++end) {
    FrameReader reader(1000);
    EXPECT_TRUE(Feed(reader, bytes, {end}).empty());
    EXPECT_TRUE(reader.status().ok());
  }
}

TEST(FrameTest, LengthBelowHeaderIsCorrupt) {
  for (uint32_t length = 0; length < kMinFrameLength; ++length) {
    std::string bytes(8, '\0');
    std::memcpy(bytes.data(), &length, sizeof length);
    FrameReader reader(1000);
    EXPECT_TRUE(Feed(reader, bytes, {bytes.size()}).empty());
    EXPECT_EQ(reader.status().code(), StatusCode::kInvalidArgument) << length;
  }
}

TEST(FrameTest, OversizedFrameIsRefusedByItsLengthAlone) {
  std::string at_limit, above;
  AppendFrame(1, 0, std::string(1000, 'a'), at_limit);
  AppendFrame(1, 0, std::string(1001, 'a'), above);
  FrameReader reader(1000);
  EXPECT_EQ(Feed(reader, at_limit, {at_limit.size()}).size(), 1u);
  Feed(reader, above, {4});
  EXPECT_EQ(reader.status().code(), StatusCode::kTooLarge);
  EXPECT_NE(reader.status().message().find("1001"), std::string::npos);
  Frame frame;
  EXPECT_FALSE(reader.Next(&frame)) << "an error is final";
}

TEST(FrameTest, BufferGrowsWithBytesThatArrivedNotWithPromises) {
  constexpr size_t kBody = size_t{16} << 20;
  std::string bytes;
  AppendFrame(1, 0, std::string(kBody, 'b'), bytes);
  FrameReader reader(kBody);
  Feed(reader, bytes, {kFrameHeaderBytes});
  EXPECT_EQ(reader.capacity(), kReadBufferBytes) << "16 MiB were promised, 8 bytes came";
  size_t fed = kFrameHeaderBytes;
  std::vector<Cut> frames;
  while (fed < bytes.size()) {
    const FrameReader::Span span = reader.Reserve();
    const size_t n = std::min({span.size, bytes.size() - fed, size_t{100'000}});
    std::memcpy(span.data, bytes.data() + fed, n);
    reader.Commit(n);
    fed += n;
    EXPECT_LE(reader.capacity(), std::max(kReadBufferBytes, 2 * fed + kReadBufferBytes));
    Frame frame;
    while (reader.Next(&frame)) frames.push_back({frame.kind, frame.flags, std::string(frame.body)});
  }
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].body.size(), kBody);
  reader.Reserve();
  EXPECT_EQ(reader.capacity(), kReadBufferBytes) << "shrinks when the large frame is done";
}

TEST(FrameTest, ManyFramesThroughOneBuffer) {
  FrameReader reader(1 << 20);
  std::string bytes;
  std::vector<Cut> expected;
  for (int i = 0; i < 3000; ++i) {
    const std::string body(static_cast<size_t>(i * 7 % 900), static_cast<char>('a' + i % 26));
    AppendFrame(static_cast<uint16_t>(i), 0, body, bytes);
    expected.push_back({static_cast<uint16_t>(i), 0, body});
  }
  std::vector<size_t> ends;
  for (size_t end = 0; end < bytes.size(); end += 70'001) ends.push_back(end);
  ends.push_back(bytes.size());
  EXPECT_EQ(Feed(reader, bytes, ends), expected);
  EXPECT_LE(reader.capacity(), kReadBufferBytes);
}

}  // namespace
}  // namespace orrery
