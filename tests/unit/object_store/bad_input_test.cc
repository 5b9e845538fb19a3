// What a store answers to questions that make no sense, and that they leave nothing behind.
#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "runtime/messages/convert.h"
#include "runtime/messages/orrery.pb.h"
#include "runtime/object_store/object_store.h"
#include "tests/support/recording_env.h"

namespace orrery::test {
namespace {

constexpr Address kSelf{1, 1}, kMemory{2, 2}, kClient{3, 3}, kOwner{4, 4}, kPeer{5, 5};
constexpr int64_t kCapacity = 1 << 20, kHuge = std::numeric_limits<int64_t>::max();
constexpr ObjectId kObject{{WorkerId::Of(NodeId{1}, 7), 3}, 0};

class BadInput : public testing::Test {
 protected:
  BadInput() { store_.SetNode(NodeId{1}); }
  ~BadInput() override {
    store_.CheckInvariants(true);
    EXPECT_EQ(store_.objects().arena().used(), 0);
    for (MessageKind kind : {MessageKind::kCheckPeer, MessageKind::kLocateObject, MessageKind::kEndPull})
      env_.TakeAll(kind);
    for (uint64_t id = 0; id < 100; ++id) {
      for (TimerKind kind :
           {TimerKind::kPullRetry, TimerKind::kOwnerCheck, TimerKind::kSpill, TimerKind::kCreateTimeout})
        env_.CancelTimer(kind, id);
    }
  }
  void Deliver(const Address& from, Message message) {
    store_.OnMessage(from, message);
    store_.Settle();
  }
  StatusCode Create(int64_t size) {
    Draft<msg::CreateObject> create;
    ToProto(ObjectReference{kObject, kOwner}, create->mutable_object());
    create->set_size(size);
    Deliver(kClient, std::move(create));
    return static_cast<StatusCode>(env_.Take<msg::ObjectCreated>(kClient).status());
  }
  StatusCode Pull(uint32_t chunk, int64_t chunk_bytes) {
    Draft<msg::PullChunk> pull;
    ToProto(kObject, pull->mutable_object());
    pull->set_chunk(chunk);
    pull->set_chunk_bytes(chunk_bytes);
    pull->set_pull(++pulls_);
    pull->set_node(2);
    Deliver(kPeer, std::move(pull));
    return static_cast<StatusCode>(env_.Take<msg::ChunkReady>(kPeer).status());
  }

  RecordingEnv env_;
  Settings settings_;
  ObjectStore store_{env_, settings_, {.self = kSelf, .memory = kMemory, .capacity = kCapacity}};
  uint64_t pulls_ = 0;
};

TEST_F(BadInput, SizesThatNoObjectCanHave) {
  for (int64_t size : {int64_t{0}, int64_t{-1}, std::numeric_limits<int64_t>::min()})
    EXPECT_EQ(Create(size), StatusCode::kInvalidArgument) << size;
  for (int64_t size : {kCapacity + 1, kHuge - 63, kHuge}) EXPECT_EQ(Create(size), StatusCode::kTooLarge) << size;
  EXPECT_EQ(store_.objects().all().size(), 0U);
}

TEST_F(BadInput, TheSameObjectWithAnotherSize) {
  EXPECT_EQ(Create(1000), StatusCode::kOk);
  EXPECT_EQ(Create(2000), StatusCode::kInvalidArgument);
  Draft<msg::AbortObject> abort;
  ToProto(ObjectReference{kObject, kOwner}, abort->mutable_object());
  Deliver(kClient, std::move(abort));
  EXPECT_EQ(Create(kCapacity), StatusCode::kOk) << "the first one's room is free again";
  store_.OnPeerLost(kClient);
  store_.Settle();
}

TEST_F(BadInput, ChunksThatAreNotThere) {
  EXPECT_EQ(Pull(0, 4096), StatusCode::kNotFound) << "of an object that is not here";
  EXPECT_EQ(Create(1000), StatusCode::kOk);
  EXPECT_EQ(Pull(1, 1000), StatusCode::kInvalidArgument) << "just behind its end";
  EXPECT_EQ(Pull(std::numeric_limits<uint32_t>::max(), 1 << 30), StatusCode::kInvalidArgument);
  for (int64_t chunk_bytes : {int64_t{0}, int64_t{-1}, kHuge, std::numeric_limits<int64_t>::min()})
    EXPECT_EQ(Pull(0, chunk_bytes), StatusCode::kInvalidArgument) << chunk_bytes;
  store_.OnPeerLost(kClient);
  store_.Settle();
}

TEST_F(BadInput, AnOwnerWhoseWordsMakeNoSense) {
  for (int64_t size : {int64_t{0}, int64_t{-5}, kHuge}) {
    Draft<msg::GetLocal> get;
    ToProto(ObjectReference{kObject, kOwner}, get->mutable_object());
    get->set_size(100);
    get->set_pin(++pulls_);
    Deliver(kClient, std::move(get));
    const auto questions = env_.TakeAll(MessageKind::kLocateObject);
    ASSERT_EQ(questions.size(), 1U);
    Draft<msg::ObjectLocation> location;
    ToProto(kObject, location->mutable_object());
    location->set_node(2);
    ToProto(kPeer, location->mutable_node_manager());
    location->set_size(size);
    location->set_round(questions[0].message.As<msg::LocateObject>().round());
    Deliver(kOwner, std::move(location));
    env_.TakeAll(MessageKind::kObjectCopies);
    const auto answers = env_.TakeAll(MessageKind::kObjectLocal);
    ASSERT_EQ(answers.size(), 1U) << size;
    EXPECT_NE(answers[0].message.As<msg::ObjectLocal>().status(), 0U) << size;
  }
}

TEST_F(BadInput, AnswersToNothing) {
  Draft<msg::ChunkFetched> fetched;
  fetched->set_request(99);
  Deliver(Address::Memory(), std::move(fetched));
  Draft<msg::SpillRead> read;
  read->set_request(99);
  Deliver(Address::Memory(), std::move(read));
  Draft<msg::ChunkReady> ready;
  ToProto(kObject, ready->mutable_object());
  ready->set_chunk(7);
  Deliver(kPeer, std::move(ready));
  Draft<msg::SealObject> seal;
  ToProto(ObjectReference{kObject, kOwner}, seal->mutable_object());
  Deliver(kClient, std::move(seal));
  Draft<msg::ReleaseLocal> release;
  ToProto(ObjectReference{kObject, kOwner}, release->mutable_object());
  Deliver(kClient, std::move(release));
  EXPECT_EQ(store_.objects().all().size(), 0U);
}

}  // namespace
}  // namespace orrery::test
