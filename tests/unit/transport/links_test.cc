// A LiveEnv against peers that misbehave: strangers, the silent, the corrupt, the impostors.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/messages/orrery.pb.h"
#include "runtime/transport/endpoint.h"
#include "runtime/transport/handshake.h"
#include "runtime/transport/live_env.h"

namespace orrery {
namespace {

struct Notes final : StateMachine {
  std::vector<Message> received;
  std::vector<Address> lost;
  void OnMessage(const Address&, Message message) override { received.push_back(std::move(message)); }
  void OnTimer(TimerKind, uint64_t) override {}
  void OnPeerLost(const Address& peer) override { lost.push_back(peer); }
};

// A client made by hand, so that it can do everything wrong.
struct RawPeer {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const Address self = MakeAddress(0x7f000001, 9, 4711);

  explicit RawPeer(const Address& to) {
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(IpOf(to));
    name.sin_port = htons(PortOf(to));
    EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&name), sizeof name), 0);
  }
  ~RawPeer() { close(fd); }
  void Send(const std::string& bytes) {
    EXPECT_EQ(send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }
  bool Closed() {
    char c = 0;
    const ssize_t n = recv(fd, &c, 1, MSG_DONTWAIT);
    return n == 0 || (n < 0 && errno != EAGAIN);
  }
};

struct LinksTest : ::testing::Test {
  LiveOptions options = {.role = "test",
                         .token = "t",
                         .handshake_timeout = Duration::Millis(60),
                         .max_frame = 1 << 20,
                         .max_unauthenticated = 4};
  std::unique_ptr<LiveEnv> env;
  Notes notes;

  void SetUp() override {
    env = LiveEnv::Create(options).value();
    env->SetStateMachine(&notes);
    env->Acquire();
  }
  void RunUntil(const std::function<bool()>& condition) {
    while (!condition()) env->RunOne(Duration::Millis(2));
  }
  // Brings a raw peer through the handshake.
  void Authenticate(RawPeer& peer) {
    Handshake handshake(Handshake::Side::kDialler, {.self = peer.self, .token = "t"}, env->address());
    peer.Send(handshake.Start());
    std::string reply;
    FrameReader reader(kMaxHandshakeBody);
    bool preamble = false;
    while (!handshake.done()) {
      env->RunOne(Duration::Millis(1));
      const auto span = reader.Reserve();
      const ssize_t n = recv(peer.fd, span.data, span.size, MSG_DONTWAIT);
      if (n > 0) reader.Commit(static_cast<size_t>(n));
      std::string_view bytes;
      if (!preamble && reader.TakeRaw(kPreambleBytes, &bytes)) {
        preamble = true;
        ASSERT_TRUE(handshake.OnPreamble(bytes, &reply).ok());
      }
      Frame frame;
      if (preamble && reader.Next(&frame)) {
        ASSERT_TRUE(handshake.OnFrame(frame, &reply).ok());
      }
    }
    peer.Send(reply);
  }
  // Whatever happened, others must still be served.
  void ExpectAlive() {
    RawPeer peer(env->address());
    const size_t before = notes.received.size();
    Authenticate(peer);
    peer.Send(KvFrame());
    RunUntil([&] { return notes.received.size() == before + 1; });
    notes.lost.clear();
  }
  static std::string KvFrame() {
    Draft<msg::KvPut> put;
    put->set_key("key");
    std::string bytes;
    AppendFrame(static_cast<uint16_t>(MessageKind::kKvPut), 0, put->SerializeAsString(), bytes);
    return bytes;
  }
  void ExpectPeerThrownOut(const std::string& bytes, StatusCode why) {
    RawPeer peer(env->address());
    Authenticate(peer);
    peer.Send(KvFrame() + bytes);
    RunUntil([&] { return !notes.lost.empty(); });
    EXPECT_EQ(notes.lost, std::vector<Address>{peer.self});
    EXPECT_EQ(notes.received.size(), 1u) << "what came before the fault counts";
    EXPECT_EQ(env->LastError(peer.self).code(), why) << env->LastError(peer.self).ToString();
    RunUntil([&] { return peer.Closed(); });
    ExpectAlive();
  }
};

TEST_F(LinksTest, StrangersAreRefused) {
  for (const std::string& hello :
       {std::string("GET / HTTP/1.1\r\n\r\n"), std::string(5000, '\xff'), std::string(16, '\0')}) {
    RawPeer peer(env->address());
    peer.Send(hello);
    RunUntil([&] { return peer.Closed(); });
  }
  EXPECT_TRUE(notes.lost.empty()) << "state machines never hear of strangers";
  EXPECT_EQ(env->stats().refused, 3u);
  ExpectAlive();
}

TEST_F(LinksTest, SilentConnectionsEndAtTheHandshakeTimeOut) {
  RawPeer peer(env->address());
  RunUntil([&] { return env->stats().connections == 1; });
  RunUntil([&] { return peer.Closed(); });
  EXPECT_EQ(env->stats().connections, 0u);
  ExpectAlive();
}

TEST_F(LinksTest, OnlySoManyMayBeUnauthenticated) {
  std::vector<std::unique_ptr<RawPeer>> idle;
  for (int i = 0; i < 8; ++i) idle.push_back(std::make_unique<RawPeer>(env->address()));
  RunUntil([&] { return env->stats().refused == 4; });
  EXPECT_LE(env->stats().connections, 4u);
  RunUntil([&] { return env->stats().connections == 0; });  // by their time-out
  ExpectAlive();
}

TEST_F(LinksTest, MessagesBeforeTheProofAreRefused) {
  RawPeer peer(env->address());
  Handshake handshake(Handshake::Side::kDialler, {.self = peer.self, .token = "t"}, env->address());
  peer.Send(handshake.Start() + KvFrame());
  RunUntil([&] { return peer.Closed(); });
  EXPECT_TRUE(notes.received.empty());
  EXPECT_TRUE(notes.lost.empty());
}

TEST_F(LinksTest, LengthBelowAHeaderThrowsThePeerOut) {
  ExpectPeerThrownOut(std::string("\x01\x00\x00\x00zzzz", 8), StatusCode::kInvalidArgument);
}

TEST_F(LinksTest, OversizedFrameThrowsThePeerOut) {
  std::string header(kFrameHeaderBytes, '\0');
  WriteFrameHeader(static_cast<uint16_t>(MessageKind::kKvPut), 0, (1 << 20) + 1,
                   reinterpret_cast<uint8_t*>(header.data()));
  ExpectPeerThrownOut(header, StatusCode::kTooLarge);
}

TEST_F(LinksTest, UnknownKindThrowsThePeerOut) {
  std::string bytes;
  AppendFrame(0x7fff, 0, "", bytes);
  ExpectPeerThrownOut(bytes, StatusCode::kInvalidArgument);
}

TEST_F(LinksTest, MalformedBodyThrowsThePeerOut) {
  std::string bytes;
  AppendFrame(static_cast<uint16_t>(MessageKind::kKvPut), 0, "\xff\xff\xff\xff", bytes);
  ExpectPeerThrownOut(bytes, StatusCode::kInvalidArgument);
}

TEST_F(LinksTest, InnerMessagesMayNotComeFromOutside) {
  // Were this let through, a peer could make a node manager run any program.
  std::string bytes;
  AppendFrame(static_cast<uint16_t>(MessageKind::kStartProcess), 0, "", bytes);
  ExpectPeerThrownOut(bytes, StatusCode::kInvalidArgument);
}

TEST_F(LinksTest, PeerThatConnectsAnewReplacesItsFormerConnection) {
  RawPeer first(env->address());
  Authenticate(first);
  first.Send(KvFrame());
  RunUntil([&] { return notes.received.size() == 1; });
  RawPeer second(env->address());
  Authenticate(second);
  second.Send(KvFrame());
  RunUntil([&] { return notes.received.size() == 2; });
  EXPECT_EQ(notes.lost, std::vector<Address>{first.self}) << "told before the new connection's first message";
  RunUntil([&] { return first.Closed(); });
  EXPECT_EQ(env->stats().connections, 1u);
}

TEST_F(LinksTest, MessageAboveTheFrameLimitIsALossForItsSender) {
  auto other = LiveEnv::Create(options).value();
  Draft<msg::KvPut> put;
  put->set_value(std::string(2 << 20, 'x'));
  env->Send(other->address(), std::move(put));
  RunUntil([&] { return !notes.lost.empty(); });
  EXPECT_EQ(env->LastError(other->address()).code(), StatusCode::kTooLarge);
}

TEST_F(LinksTest, ConnectingToADeafAddressEndsAtTheTimeOut) {
  // A listener whose backlog is full answers nothing at all.
  const int deaf = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof name;
  ASSERT_EQ(bind(deaf, reinterpret_cast<sockaddr*>(&name), size), 0);
  ASSERT_EQ(listen(deaf, 1), 0);
  getsockname(deaf, reinterpret_cast<sockaddr*>(&name), &size);
  const Address at = MakeAddress(INADDR_LOOPBACK, ntohs(name.sin_port), 1);
  std::vector<std::unique_ptr<RawPeer>> fill;
  for (int i = 0; i < 2; ++i) fill.push_back(std::make_unique<RawPeer>(at));
  env->Send(at, [] {
    Draft<msg::KvPut> put;
    return Message(std::move(put));
  }());
  RunUntil([&] { return !notes.lost.empty(); });
  EXPECT_EQ(env->LastError(at).code(), StatusCode::kTimedOut);
  close(deaf);
}

}  // namespace
}  // namespace orrery
