// Room given ahead: how much, to whom, and that it always comes back. And creations for which only views leave no room.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "runtime/core_worker/room_cache.h"
#include "runtime/messages/convert.h"
#include "runtime/messages/orrery.pb.h"
#include "runtime/object_store/object_store.h"
#include "tests/support/recording_env.h"

namespace orrery::test {
namespace {

constexpr Address kSelf{1, 1}, kMemory{2, 2}, kClient{3, 3}, kOther{4, 4};
constexpr WorkerId kOwner = WorkerId::Of(NodeId{1}, 7), kOtherOwner = WorkerId::Of(NodeId{1}, 8);
constexpr int64_t kKiB = 1 << 10, kCapacity = 6400 * kKiB;  // of which a client may have 100 KiB ahead

class Rooms : public testing::Test {
 protected:
  Rooms() {
    store_.SetNode(NodeId{1});
    settings_.spill_threshold = 1;  // only when room is needed
  }
  ~Rooms() override {
    store_.OnPeerLost(kClient);
    store_.OnPeerLost(kOther);
    RefuseSpill();
    store_.OnProcessDead(kOwner);
    store_.OnProcessDead(kOtherOwner);
    Settle();
    for (int i = 0; i < 2; ++i) FireIdle();
    EXPECT_EQ(store_.objects().arena().used(), 0);
    EXPECT_TRUE(store_.rooms().idle());
    for (MessageKind kind : {MessageKind::kObjectCopies, MessageKind::kCheckPeer, MessageKind::kReclaimRooms,
                             MessageKind::kGiveRooms, MessageKind::kObjectCreated, MessageKind::kWriteSpill})
      env_.TakeAll(kind);
    env_.CancelTimer(TimerKind::kCreateTimeout, 0);
    env_.CancelTimer(TimerKind::kSpill, 0);
    for (uint64_t id = 0; id < 10; ++id) env_.CancelTimer(TimerKind::kOwnerCheck, id);
  }
  void Settle() {
    store_.Settle();
    store_.CheckInvariants(true);
  }
  void Deliver(const Address& from, Message message) {
    store_.OnMessage(from, message);
    Settle();
  }
  void RefuseSpill() {
    for (const auto& sent : env_.TakeAll(MessageKind::kWriteSpill)) {
      Draft<msg::SpillWritten> refused;
      refused->set_file(sent.message.As<msg::WriteSpill>().file());
      refused->set_status(static_cast<uint32_t>(StatusCode::kDiskFull));
      Deliver(Address::Memory(), std::move(refused));
    }
  }
  void FireIdle() {
    if (!env_.TimerIn(TimerKind::kRoomsAhead, 0)) return;
    env_.CancelTimer(TimerKind::kRoomsAhead, 0);
    store_.OnTimer(TimerKind::kRoomsAhead, 0);
    Settle();
  }
  ObjectReference NewRef(const Address& client) {
    return {{{client == kClient ? kOwner : kOtherOwner, ++last_}, 0}, client};
  }
  // Rooms that came since the last call.
  std::vector<int64_t> Given() {
    std::vector<int64_t> offsets;
    for (const auto& sent : env_.TakeAll(MessageKind::kGiveRooms)) {
      const auto& given = sent.message.As<msg::GiveRooms>();
      offsets.insert(offsets.end(), given.offsets().begin(), given.offsets().end());
    }
    return offsets;
  }
  ObjectReference Create(const Address& client, int64_t size, bool ahead = true) {
    const ObjectReference ref = NewRef(client);
    Draft<msg::CreateObject> create;
    ToProto(ref, create->mutable_object());
    create->set_size(size);
    create->set_ahead(ahead);
    Deliver(client, std::move(create));
    return ref;
  }
  void Seal(const ObjectReference& ref) {
    Draft<msg::SealObject> seal;
    ToProto(ref, seal->mutable_object());
    Deliver(ref.owner, std::move(seal));
  }
  ObjectReference SealInRoom(const Address& client, int64_t offset, int64_t size) {
    const ObjectReference ref = NewRef(client);
    Draft<msg::SealInRoom> seal;
    ToProto(ref, seal->mutable_object());
    seal->set_offset(offset);
    seal->set_size(size);
    Deliver(client, std::move(seal));
    return ref;
  }
  void Return(const Address& client, const std::vector<int64_t>& offsets) {
    Draft<msg::ReturnRooms> unused;
    unused->mutable_offsets()->Add(offsets.begin(), offsets.end());
    Deliver(client, std::move(unused));
  }
  void View(const ObjectReference& ref) {
    Draft<msg::GetLocal> get;
    ToProto(ref, get->mutable_object());
    get->set_size(1);
    get->set_pin(++pins_);
    Deliver(ref.owner, std::move(get));
    const auto views = env_.TakeAll(MessageKind::kObjectLocal);
    ASSERT_EQ(views.size(), 1U);
    EXPECT_EQ(views[0].message.As<msg::ObjectLocal>().status(), 0U);
  }
  size_t rooms() const { return store_.rooms().count(); }
  // The rooms of a client that has put four values of 10 KiB. The last of them lie behind all values.
  std::vector<int64_t> FourRooms() {
    std::vector<int64_t> all;
    for (int i = 0; i < 4; ++i) {
      Seal(Create(kClient, 10 * kKiB));
      for (int64_t room : Given()) all.push_back(room);
    }
    EXPECT_EQ(all.size(), 4U);
    return all;
  }

  RecordingEnv env_;
  Settings settings_;
  ObjectStore store_{env_, settings_, {.self = kSelf, .memory = kMemory, .capacity = kCapacity}};
  uint64_t last_ = 0, pins_ = 0;
};

TEST_F(Rooms, OnePutGetsNoneAndManyGetMoreAndMore) {
  Create(kClient, 10 * kKiB);
  EXPECT_EQ(rooms(), 0U) << "most programs put once";
  Create(kClient, 10 * kKiB);
  EXPECT_EQ(rooms(), 1U);
  Create(kClient, 10 * kKiB);
  EXPECT_EQ(rooms(), 2U);
  Create(kClient, 10 * kKiB);
  EXPECT_EQ(rooms(), 4U);
  for (int i = 0; i < 5; ++i) Create(kClient, 10 * kKiB);
  EXPECT_EQ(rooms(), 10U) << "a 64th of the store";
  for (int i = 0; i < 5; ++i) Create(kOther, 1000 * kKiB);
  EXPECT_EQ(rooms(), 10U) << "too large for any";
  for (int i = 0; i < 5; ++i) Create(kOther, 64, false);
  EXPECT_EQ(rooms(), 10U) << "did not want any";
  for (int i = 0; i < 9; ++i) Create(kOther, 64);
  EXPECT_EQ(rooms(), 10U + RoomsAhead::kMost);
}

TEST_F(Rooms, AreFilledUpBeforeTheClientMustAsk) {
  for (int i = 0; i < 9; ++i) Create(kClient, kKiB);
  std::vector<int64_t> rooms = Given();
  ASSERT_EQ(rooms.size(), 16U);
  for (int i = 0; i < 200; ++i) {
    ASSERT_FALSE(rooms.empty());
    SealInRoom(kClient, rooms.back(), kKiB);
    rooms.pop_back();
    for (int64_t room : Given()) rooms.push_back(room);
  }
  EXPECT_EQ(store_.objects().all().size(), 9U + 200U);
}

TEST_F(Rooms, ASmallerObjectLeavesTheRestOfItsRoom) {
  const auto rooms = FourRooms();
  const int64_t used = store_.objects().arena().used(), reserved = store_.objects().reserved_bytes();
  const ObjectReference ref = SealInRoom(kClient, rooms[0], 100);
  const LocalObject* object = store_.objects().Find(ref.id);
  ASSERT_NE(object, nullptr);
  EXPECT_EQ(object->offset, rooms[0]);
  EXPECT_EQ(object->state, LocalObject::State::kSealed);
  const int64_t given = store_.objects().reserved_bytes() - reserved + 10 * kKiB;
  EXPECT_EQ(store_.objects().arena().used() - used, given - 10 * kKiB + 128);
}

TEST_F(Rooms, WhatIsNotTheirsIsNotBelieved) {
  const auto rooms = FourRooms();
  Given();
  const size_t before = this->rooms(), objects = store_.objects().all().size();
  SealInRoom(kOther, rooms[0], 100);
  SealInRoom(kClient, rooms[0] + 64, 100);
  SealInRoom(kClient, rooms[0], 10 * kKiB + 1);
  SealInRoom(kClient, rooms[0], 0);
  SealInRoom(kClient, rooms[0], -1);
  SealInRoom(kClient, -64, 100);
  Return(kOther, rooms);
  Return(kClient, {rooms[0] + 64, -1, kCapacity});
  EXPECT_EQ(this->rooms(), before);
  EXPECT_EQ(store_.objects().all().size(), objects);
  Return(kClient, rooms);
  Return(kClient, rooms);
  SealInRoom(kClient, rooms[0], 100);
  EXPECT_EQ(store_.objects().all().size(), objects) << "it had been returned";
}

TEST_F(Rooms, ComeBackWhenTheClientPutsNothing) {
  const auto rooms = FourRooms();
  env_.TakeAll(MessageKind::kReclaimRooms);
  FireIdle();
  EXPECT_TRUE(env_.TakeAll(MessageKind::kReclaimRooms).empty()) << "it has put lately";
  FireIdle();
  EXPECT_EQ(env_.TakeAll(MessageKind::kReclaimRooms).size(), 1U);
  FireIdle();
  EXPECT_EQ(env_.TakeAll(MessageKind::kReclaimRooms).size(), 1U) << "it may have been writing";
  Return(kClient, rooms);
  EXPECT_EQ(this->rooms(), 0U);
  FireIdle();
  EXPECT_FALSE(env_.TimerIn(TimerKind::kRoomsAhead, 0).has_value()) << "a quiet store sets no timers";
}

TEST_F(Rooms, ComeBackWhenRoomIsShort) {
  const auto rooms = FourRooms();
  env_.TakeAll(MessageKind::kObjectCreated);
  Create(kOther, kCapacity - 60 * kKiB, false);  // all that is behind the values
  RefuseSpill();
  EXPECT_TRUE(env_.TakeAll(MessageKind::kObjectCreated).empty());
  EXPECT_EQ(env_.TakeAll(MessageKind::kReclaimRooms).size(), 1U);
  Create(kOther, kCapacity - 60 * kKiB, false);
  EXPECT_TRUE(env_.TakeAll(MessageKind::kReclaimRooms).empty()) << "it knows";
  Return(kClient, rooms);
  const auto answers = env_.TakeAll(MessageKind::kObjectCreated);
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].message.As<msg::ObjectCreated>().status(), 0U);
}

TEST_F(Rooms, ADeadClientsRoomsAreFree) {
  FourRooms();
  EXPECT_GT(store_.objects().reserved_bytes(), 0);
  store_.OnPeerLost(kClient);
  Settle();
  EXPECT_EQ(store_.objects().reserved_bytes(), 0);
}

TEST_F(Rooms, TheCacheGivesTheBestFit) {
  RoomCache cache;
  cache.Add({0, 1000});
  cache.Add({64, 800});
  EXPECT_FALSE(cache.Take(1001));
  EXPECT_FALSE(cache.Take(599)) << "more than a quarter would be left over";
  EXPECT_EQ(cache.Take(700)->offset, 64);
  EXPECT_EQ(cache.Take(750)->offset, 0);
  EXPECT_TRUE(cache.empty());
}

// ---- views that leave no room ----

class Views : public Rooms {
 protected:
  // The client looks at nearly all of the store.
  Views() {
    large_ = Create(kClient, kCapacity - 10 * kKiB, false);
    env_.TakeAll(MessageKind::kObjectCreated);
    Seal(large_);
    View(large_);
    env_.TakeAll(MessageKind::kWriteSpill);
  }
  void PassTime(Duration span) {
    env_.Advance(span);
    if (env_.TimerIn(TimerKind::kCreateTimeout, 0)) {
      env_.CancelTimer(TimerKind::kCreateTimeout, 0);
      store_.OnTimer(TimerKind::kCreateTimeout, 0);
    }
    Settle();
  }
  // `client` wants a value of 100 KiB that is not here; what it was told since.
  void Get(const Address& client, const ObjectReference& ref, uint32_t purpose = 0) {
    Draft<msg::GetLocal> get;
    ToProto(ref, get->mutable_object());
    get->set_size(100 * kKiB);
    get->set_purpose(purpose);
    get->set_pin(++pins_);
    Deliver(client, std::move(get));
  }
  std::vector<StatusCode> Told() {
    std::vector<StatusCode> statuses;
    for (const auto& sent : env_.TakeAll(MessageKind::kObjectLocal))
      statuses.push_back(static_cast<StatusCode>(sent.message.As<msg::ObjectLocal>().status()));
    return statuses;
  }
  ObjectReference large_;
};

TEST_F(Views, ACreationIsRefusedWhenTheyStayForTooLong) {
  Create(kOther, 100 * kKiB, false);
  PassTime(settings_.object_create_timeout - Duration::Nanos(1));
  EXPECT_TRUE(env_.TakeAll(MessageKind::kObjectCreated).empty());
  PassTime(Duration::Nanos(1));
  const auto answers = env_.TakeAll(MessageKind::kObjectCreated);
  ASSERT_EQ(answers.size(), 1U);
  const auto& refused = answers[0].message.As<msg::ObjectCreated>();
  EXPECT_EQ(static_cast<StatusCode>(refused.status()), StatusCode::kStoreFull);
  EXPECT_NE(refused.message().find(ToString(large_.id)), std::string::npos) << refused.message();
  EXPECT_NE(refused.message().find("object_create_timeout"), std::string::npos);
}

TEST_F(Views, ACreationThatGetsRoomInTimeIsNot) {
  Create(kOther, 100 * kKiB, false);
  PassTime(settings_.object_create_timeout - Duration::Nanos(1));
  store_.OnPeerLost(kClient);
  store_.OnProcessDead(kOwner);
  Settle();
  const auto answers = env_.TakeAll(MessageKind::kObjectCreated);
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].message.As<msg::ObjectCreated>().status(), 0U);
}

TEST_F(Views, RoomForOthersMeansThatTheWaitMayEnd) {
  Create(kOther, 100 * kKiB, false);
  PassTime(settings_.object_create_timeout - Duration::Nanos(1));
  Create(kOther, kKiB, false);
  EXPECT_EQ(env_.TakeAll(MessageKind::kObjectCreated).size(), 1U) << "the small one";
  PassTime(Duration::Nanos(1));
  EXPECT_TRUE(env_.TakeAll(MessageKind::kObjectCreated).empty());
  PassTime(settings_.object_create_timeout);
  EXPECT_EQ(env_.TakeAll(MessageKind::kObjectCreated).size(), 1U);
}

TEST_F(Views, AGetIsRefusedWhenTheyStayForTooLong) {
  const ObjectReference wanted = NewRef(kOther);
  Get(kClient, wanted);
  PassTime(settings_.object_create_timeout - Duration::Nanos(1));
  EXPECT_TRUE(Told().empty());
  PassTime(Duration::Nanos(1));
  EXPECT_EQ(Told(), std::vector{StatusCode::kStoreFull});
  Get(kClient, wanted);
  PassTime(settings_.object_create_timeout);
  EXPECT_EQ(Told(), std::vector{StatusCode::kStoreFull}) << "a later one waits as long";
}

TEST_F(Views, NobodyIsStoppedByAWaitSoItStays) {
  const ObjectReference wanted = NewRef(kOther);
  Get(kClient, wanted, 1);
  PassTime(settings_.object_create_timeout);
  PassTime(settings_.object_create_timeout);
  EXPECT_TRUE(Told().empty());
  Draft<msg::ReleaseLocal> give_up;
  ToProto(wanted, give_up->mutable_object());
  Deliver(kClient, std::move(give_up));
}

}  // namespace
}  // namespace orrery::test
