// Bytes between two nodes' shared memories, and through the door to clients.
#include "runtime/transport/object_memory.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <map>

#include "runtime/messages/convert.h"
#include "runtime/messages/orrery.pb.h"
#include "runtime/transport/arena_door.h"
#include "runtime/transport/endpoint.h"
#include "runtime/transport/socket_internal.h"

namespace orrery {
namespace {

namespace fs = std::filesystem;
constexpr int64_t kMiB = 1 << 20;

struct Inbox final : StateMachine {
  std::map<uint64_t, Status> fetched;
  void OnMessage(const Address& from, Message message) override {
    ASSERT_EQ(from, Address::Memory());
    const auto& answer = message.As<msg::ChunkFetched>();
    ASSERT_EQ(fetched.count(answer.request()), 0U) << "answered twice";
    fetched[answer.request()] =
        answer.status() == 0 ? Status::Ok() : Status(static_cast<StatusCode>(answer.status()), answer.message());
  }
  void OnTimer(TimerKind, uint64_t) override {}
  void OnPeerLost(const Address&) override {}
};

// A node manager's env and memory, without the node manager.
struct Node {
  Inbox inbox;
  std::unique_ptr<LiveEnv> env;
  std::unique_ptr<ObjectMemory> memory;
  uint64_t requests = 0;

  explicit Node(const std::string& folder, int64_t capacity = 16 * kMiB, const std::string& token = "token",
                Duration stall = Duration::Seconds(10)) {
    env = std::move(LiveEnv::Create({.socket_dir = folder, .token = token})).value();
    env->SetStateMachine(&inbox);
    memory = std::move(ObjectMemory::Create(*env, {.capacity = capacity, .stall_timeout = stall})).value();
    env->SetLocalEndpoint(Address::Memory(), memory.get());
    env->Acquire();
  }
  ~Node() {
    if (env) env->Release();
    memory.reset();
  }
  char* At(int64_t offset, int64_t size) { return memory->arena()->Write(offset, size).value(); }
  uint64_t Fetch(const Address& from, int64_t remote_offset, int64_t offset, int64_t size) {
    Draft<msg::FetchChunk> fetch;
    fetch->set_request(++requests);
    ToProto(from, fetch->mutable_memory());
    fetch->set_remote_offset(remote_offset);
    fetch->set_offset(offset);
    fetch->set_size(size);
    env->Send(Address::Memory(), std::move(fetch));
    return requests;
  }
  Status Await(uint64_t request) {
    while (inbox.fetched.count(request) == 0) env->RunOne(Duration::Millis(100));
    return inbox.fetched[request];
  }
  Status FetchNow(const Address& from, int64_t remote_offset, int64_t offset, int64_t size) {
    return Await(Fetch(from, remote_offset, offset, size));
  }
};

class ObjectMemoryTest : public testing::Test {
 protected:
  ObjectMemoryTest() {
    char folder[] = "/tmp/orrery-memory-XXXXXX";
    folder_ = mkdtemp(folder);
  }
  ~ObjectMemoryTest() override {
    EXPECT_TRUE(fs::is_empty(folder_)) << "sockets are left";
    fs::remove_all(folder_);
  }
  ArenaClient Client(const Node& node, const std::string& token = "token") const {
    return {.socket_dir = folder_,
            .token = token,
            .self = MakeAddress(0x7f000001, 9, 77),
            .node_manager = node.env->address()};
  }
  std::string folder_;
};

std::string Pattern(size_t size, unsigned seed) {
  std::string bytes(size, '\0');
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>((i * 2654435761U + seed) >> 13);
  return bytes;
}

TEST_F(ObjectMemoryTest, FetchesOfEverySizeArriveWhole) {
  Node source(folder_), target(folder_);
  const std::string bytes = Pattern(8 * kMiB, 1);
  std::memcpy(source.At(0, 8 * kMiB), bytes.data(), bytes.size());
  for (int64_t size :
       {int64_t{0}, int64_t{1}, int64_t{65535}, int64_t{65536}, int64_t{65537}, 5 * kMiB, 8 * kMiB - 3}) {
    std::memset(target.At(0, 16 * kMiB), 0x55, 16 * kMiB);
    ASSERT_TRUE(target.FetchNow(source.memory->address(), 3, 1 * kMiB, size).ok()) << size;
    const char* got = target.memory->arena()->Read(kMiB);
    EXPECT_EQ(std::memcmp(got, bytes.data() + 3, static_cast<size_t>(size)), 0) << size;
    EXPECT_EQ(got[-1], 0x55) << "nothing before";
    EXPECT_EQ(got[size], 0x55) << "nor behind";
  }
}

TEST_F(ObjectMemoryTest, ManyFetchesAtOnceFromTwoNodesAreEachAnsweredOnce) {
  Node a(folder_), b(folder_), target(folder_);
  const std::string from_a = Pattern(8 * kMiB, 1), from_b = Pattern(8 * kMiB, 2);
  std::memcpy(a.At(0, 8 * kMiB), from_a.data(), from_a.size());
  std::memcpy(b.At(0, 8 * kMiB), from_b.data(), from_b.size());
  constexpr int64_t kPart = 100'000;
  for (int64_t i = 0; i < 80; ++i) {
    target.Fetch(a.memory->address(), i * kPart, i * kPart, kPart);
    target.Fetch(b.memory->address(), i * kPart, 8 * kMiB + i * kPart, kPart);
  }
  for (uint64_t request = 1; request <= 160; ++request) ASSERT_TRUE(target.Await(request).ok());
  EXPECT_EQ(std::memcmp(target.memory->arena()->Read(0), from_a.data(), 80 * kPart), 0);
  EXPECT_EQ(std::memcmp(target.memory->arena()->Read(8 * kMiB), from_b.data(), 80 * kPart), 0);
}

TEST_F(ObjectMemoryTest, RangesOutsideTheArenaAreRefused) {
  Node source(folder_, kMiB), target(folder_);
  const Address from = source.memory->address();
  for (const auto& [offset, size] : std::map<int64_t, int64_t>{
           {kMiB, 1}, {0, kMiB + 1}, {-1, 10}, {kMiB - 5, 6}, {INT64_MAX, 10}, {5, INT64_MAX / 2}}) {
    const int64_t fits = std::min<int64_t>(size, 16 * kMiB);
    EXPECT_EQ(target.FetchNow(from, offset, 0, fits).code(), StatusCode::kInvalidArgument) << offset;
  }
  EXPECT_EQ(target.FetchNow(from, 0, 16 * kMiB - 5, 10).code(), StatusCode::kInvalidArgument) << "nor of the own";
  EXPECT_EQ(target.FetchNow(from, 0, 0, -1).code(), StatusCode::kInvalidArgument);
  EXPECT_TRUE(target.FetchNow(from, kMiB - 5, 0, 5).ok()) << "and the connection is made anew";
}

TEST_F(ObjectMemoryTest, StrangersGetNothing) {
  Node source(folder_), target(folder_, kMiB, "another token");
  EXPECT_EQ(target.FetchNow(source.memory->address(), 0, 0, 10).code(), StatusCode::kPermissionDenied);
  Node friendly(folder_);
  const Address successor{source.memory->address().endpoint, source.memory->address().incarnation + 1};
  EXPECT_EQ(friendly.FetchNow(successor, 0, 0, 10).code(), StatusCode::kNotFound);
  EXPECT_EQ(friendly.FetchNow(MakeAddress(0x7f000001, 1, 5), 0, 0, 10).code(), StatusCode::kUnavailable);
}

TEST_F(ObjectMemoryTest, WhenTheSourceEndsEveryFetchIsAnswered) {
  auto source = std::make_unique<Node>(folder_);
  Node target(folder_);
  source->At(0, 16 * kMiB);
  for (int i = 0; i < 64; ++i) target.Fetch(source->memory->address(), 0, 0, 16 * kMiB);
  EXPECT_TRUE(target.Await(1).ok());
  source.reset();
  int failed = 0;
  for (uint64_t request = 1; request <= 64; ++request) failed += target.Await(request).ok() ? 0 : 1;
  EXPECT_GT(failed, 0);
}

TEST_F(ObjectMemoryTest, ASilentSourceIsGivenUp) {
  const int listener = ListenTcp(0x7f000001, 0).value();  // accepts in the backlog, and never says a word
  Node target(folder_, kMiB, "token", Duration::Millis(50));
  const Address silent = MakeAddress(0x7f000001, LocalPort(listener), 1);
  EXPECT_EQ(target.FetchNow(silent, 0, 0, 10).code(), StatusCode::kTimedOut);
  close(listener);
}

TEST_F(ObjectMemoryTest, ClientsMapTheSameMemory) {
  Node node(folder_);
  const auto first = OpenArena(Client(node)).value(), second = OpenArena(Client(node)).value();
  std::memcpy(first->Write(123, 5).value(), "hello", 5);
  EXPECT_EQ(std::string(second->Read(123), 5), "hello");
  EXPECT_EQ(std::string(node.memory->arena()->Read(123), 5), "hello");
  EXPECT_EQ(first->capacity(), 16 * kMiB);
  EXPECT_FALSE(first->Write(16 * kMiB, 1).ok());
  EXPECT_NE(ftruncate(first->fd(), 0), 0) << "no client may take the memory away from others";
}

TEST_F(ObjectMemoryTest, AMappingOutlivesItsNode) {
  std::shared_ptr<ArenaMap> client;
  {
    Node node(folder_);
    std::memcpy(node.At(0, 5), "hello", 5);
    client = OpenArena(Client(node)).value();
  }
  EXPECT_EQ(std::string(client->Read(0), 5), "hello");
}

TEST_F(ObjectMemoryTest, TheDoorOpensOnlyToThoseWithTheToken) {
  Node node(folder_);
  EXPECT_EQ(OpenArena(Client(node, "wrong")).status().code(), StatusCode::kPermissionDenied);
  ArenaClient late = Client(node);
  ++late.node_manager.incarnation;
  EXPECT_EQ(OpenArena(late).status().code(), StatusCode::kNotFound);
  late.node_manager.endpoint += 1;
  EXPECT_EQ(OpenArena(late).status().code(), StatusCode::kUnavailable);
  EXPECT_TRUE(OpenArena(Client(node)).ok());
}

TEST_F(ObjectMemoryTest, ANodeWithoutObjectMemoryWorks) {
  Node node(folder_, 0), source(folder_);
  EXPECT_EQ(OpenArena(Client(node)).value()->capacity(), 0);
  EXPECT_EQ(node.FetchNow(source.memory->address(), 0, 0, 1).code(), StatusCode::kInvalidArgument);
}

TEST(ArenaMapDeathTest, ViewsCannotBeWrittenTo) {
  const auto arena = ArenaMap::Create(kMiB).value();
  EXPECT_DEATH(const_cast<char*>(arena->Read(0))[0] = 1, "");
}

TEST(ArenaMapTest, HugeSizesAreAnErrorNotACrash) {
  EXPECT_EQ(ArenaMap::Create(INT64_MAX).status().code(), StatusCode::kStoreFull);
  EXPECT_EQ(ArenaMap::Create(-1).status().code(), StatusCode::kStoreFull);
}

}  // namespace
}  // namespace orrery
