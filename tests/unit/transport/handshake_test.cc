// Who is let in, who is not, and what each side is told.
#include "runtime/transport/handshake.h"

#include <gtest/gtest.h>

#include "runtime/transport/endpoint.h"

namespace orrery {
namespace {

const Address kDialler = MakeAddress(0x7f000001, 4001, 11);
const Address kListener = MakeAddress(0x7f000001, 4002, 22);

// Takes one step of `to` with the bytes that came; returns what it answers.
struct Party {
  Handshake handshake;
  FrameReader reader{kMaxHandshakeBody};
  bool preamble = false;
  Status status{};

  std::string Take(const std::string& bytes) {
    std::string reply;
    size_t at = 0;
    while (at < bytes.size()) {
      const auto span = reader.Reserve();
      const size_t n = std::min(span.size, bytes.size() - at);
      std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), n, span.data);
      reader.Commit(n);
      at += n;
    }
    std::string_view raw;
    if (!preamble && reader.TakeRaw(kPreambleBytes, &raw)) {
      preamble = true;
      status = handshake.OnPreamble(raw, &reply);
    }
    Frame frame;
    while (status.ok() && !handshake.done() && reader.Next(&frame)) status = handshake.OnFrame(frame, &reply);
    return reply;
  }
};

Handshake::Identity Identity(const Address& self, const std::string& token) { return {.self = self, .token = token}; }

struct Pair {
  Party dialler, listener;
  Pair(Handshake::Identity a, Handshake::Identity b, Address expected)
      : dialler{{Handshake::Side::kDialler, a, expected}}, listener{{Handshake::Side::kListener, b, {}}} {}
  // Passes bytes to and fro until both are silent; returns all that was on the wire.
  std::string Run() {
    std::string wire;
    std::string bytes = dialler.handshake.Start();
    for (bool to_listener = true; !bytes.empty(); to_listener = !to_listener) {
      wire += bytes;
      bytes = (to_listener ? listener : dialler).Take(bytes);
    }
    return wire;
  }
};

TEST(HandshakeTest, BothProvenAndKnown) {
  Pair pair(Identity(kDialler, "secret-token"), Identity(kListener, "secret-token"), kListener);
  const std::string wire = pair.Run();
  EXPECT_TRUE(pair.dialler.handshake.done()) << pair.dialler.status.ToString();
  EXPECT_TRUE(pair.listener.handshake.done()) << pair.listener.status.ToString();
  EXPECT_EQ(pair.dialler.handshake.peer(), kListener);
  EXPECT_EQ(pair.listener.handshake.peer(), kDialler);
  EXPECT_EQ(wire.find("secret-token"), std::string::npos) << "the token must not travel";
}

TEST(HandshakeTest, IncarnationZeroAcceptsWhoeverIsThere) {
  Pair pair(Identity(kDialler, "t"), Identity(kListener, "t"), {kListener.endpoint, 0});
  pair.Run();
  EXPECT_TRUE(pair.dialler.handshake.done());
  EXPECT_EQ(pair.dialler.handshake.peer(), kListener) << "and learns who it is";
}

TEST(HandshakeTest, WrongTokenIsPermissionDenied) {
  Pair pair(Identity(kDialler, "right"), Identity(kListener, "wrong"), kListener);
  pair.Run();
  EXPECT_EQ(pair.dialler.status.code(), StatusCode::kPermissionDenied);
  EXPECT_FALSE(pair.dialler.handshake.done());
  EXPECT_FALSE(pair.listener.handshake.done());
}

TEST(HandshakeTest, ListenerRefusesADiallerThatIgnoresTheProof) {
  // A dialler without the token cannot make the third message; one recorded elsewhere does not fit either.
  Pair other(Identity(kDialler, "t"), Identity(kListener, "t"), kListener);
  const std::string hello = other.dialler.handshake.Start();
  const std::string proof = other.dialler.Take(other.listener.Take(hello));
  ASSERT_TRUE(other.dialler.handshake.done());
  Party fresh{{Handshake::Side::kListener, Identity(kListener, "t"), {}}};
  fresh.Take(hello);  // replayed
  fresh.Take(proof);  // replayed
  EXPECT_EQ(fresh.status.code(), StatusCode::kPermissionDenied);
  EXPECT_FALSE(fresh.handshake.done());
}

TEST(HandshakeTest, VersionMismatchNamesBothVersionsOnBothSides) {
  Handshake::Identity newer = Identity(kListener, "t");
  newer.version = 7;
  Pair pair(Identity(kDialler, "t"), newer, kListener);
  pair.Run();
  for (const Status& status : {pair.dialler.status, pair.listener.status}) {
    EXPECT_EQ(status.code(), StatusCode::kPermissionDenied);
    EXPECT_NE(status.message().find(" 1 (messages"), std::string::npos) << status.message();
    EXPECT_NE(status.message().find(" 7 (messages"), std::string::npos) << status.message();
  }
}

TEST(HandshakeTest, OtherMessageTableIsAVersionMismatch) {
  Handshake::Identity other = Identity(kListener, "t");
  other.fingerprint ^= uint64_t{1} << 40;
  Pair pair(Identity(kDialler, "t"), other, kListener);
  pair.Run();
  EXPECT_EQ(pair.dialler.status.code(), StatusCode::kPermissionDenied);
  EXPECT_NE(pair.dialler.status.message().find("version mismatch"), std::string::npos);
}

TEST(HandshakeTest, SuccessorOfTheExpectedProcessIsRefused) {
  Pair pair(Identity(kDialler, "t"), Identity(kListener, "t"), {kListener.endpoint, 21});
  pair.Run();
  EXPECT_EQ(pair.dialler.status.code(), StatusCode::kNotFound);
  EXPECT_NE(pair.dialler.status.message().find("successor"), std::string::npos) << pair.dialler.status.message();
  EXPECT_FALSE(pair.listener.handshake.done());
}

TEST(HandshakeTest, StrangerIsRecognised) {
  Party listener{{Handshake::Side::kListener, Identity(kListener, "t"), {}}};
  listener.Take("GET / HTTP/1.1\r\nHost: example.org\r\n\r\n");
  EXPECT_EQ(listener.status.code(), StatusCode::kInvalidArgument);
}

TEST(HandshakeTest, EveryFlippedByteOfTheProofIsRefused) {
  for (size_t flip = 0; flip < 32; ++flip) {
    Pair pair(Identity(kDialler, "t"), Identity(kListener, "t"), kListener);
    std::string proof = pair.dialler.Take(pair.listener.Take(pair.dialler.handshake.Start()));
    proof[kFrameHeaderBytes + flip] ^= 1;
    pair.listener.Take(proof);
    EXPECT_EQ(pair.listener.status.code(), StatusCode::kPermissionDenied) << flip;
  }
}

TEST(HandshakeTest, MalformedFramesAreRefused) {
  for (uint16_t kind : {0, 1, 0xfff0, 0xfff1, 0xfff2, 0xffff}) {
    Party listener{{Handshake::Side::kListener, Identity(kListener, "t"), {}}};
    Handshake dialler(Handshake::Side::kDialler, Identity(kDialler, "t"), kListener);
    std::string bytes = dialler.Start().substr(0, kPreambleBytes);
    AppendFrame(kind, 0, "short", bytes);
    listener.Take(bytes);
    EXPECT_EQ(listener.status.code(), StatusCode::kInvalidArgument) << kind;
  }
}

TEST(EndpointTest, TextRoundTripAndErrors) {
  const Address address = MakeAddress(0x7f000001, 6379, 0x9f86d081884c7d65);
  EXPECT_EQ(ToString(address), "127.0.0.1:6379/9f86d081884c7d65");
  EXPECT_EQ(ParseAddress(ToString(address)).value(), address);
  EXPECT_EQ(ParseAddress("127.0.0.1:6379").value(), (Address{address.endpoint, 0}));
  EXPECT_EQ(ParseAddress("localhost:6379").value(), (Address{address.endpoint, 0}));
  for (const char* bad : {"", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:6379x",
                          "127.0.0.1:6379/", "127.0.0.1:6379/xyz", ":6379", "no.such.host.invalid:1"}) {
    EXPECT_EQ(ParseAddress(bad).status().code(), StatusCode::kInvalidArgument) << bad;
  }
}

}  // namespace
}  // namespace orrery
