// The contract of Env::Send and OnPeerLost, as stories that every world must tell alike.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "runtime/common/random.h"
#include "tests/conformance/world.h"

namespace orrery {
namespace {

constexpr size_t kMega = size_t{1} << 20;
constexpr Duration kAWhile = Duration::Millis(50);

struct Conformance : ::testing::TestWithParam<WorldKind> {};
INSTANTIATE_TEST_SUITE_P(Worlds, Conformance, ::testing::ValuesIn(AllWorlds()),
                         [](const auto& info) { return info.param.name; });

// The numbers that `script` got from `sender`, in order of arrival.
std::vector<uint64_t> NumbersFrom(const Script& script, const Address& sender) {
  std::vector<uint64_t> numbers;
  for (const auto& received : script.received) {
    if (received.from == sender) numbers.push_back(received.number);
  }
  return numbers;
}
std::vector<uint64_t> Range(uint64_t begin, uint64_t end) {
  std::vector<uint64_t> numbers;
  for (uint64_t i = begin; i < end; ++i) numbers.push_back(i);
  return numbers;
}
bool AllIntact(const Script& script) {
  return std::all_of(script.received.begin(), script.received.end(), [](const auto& r) { return r.intact; });
}
Address Anybody(const Address& at) { return {at.endpoint, 0}; }

TEST_P(Conformance, OrderPerConnectionInBothDirections) {
  Isolate([] {
    Script a, b;
    auto world = GetParam().make();
    const Address at_a = world->Start(0, a), at_b = world->Start(1, b);
    Random random(1);
    constexpr uint64_t kCount = 4000;
    for (uint64_t i = 0; i < kCount; ++i) {
      const size_t bytes = random.Chance(0.02) ? random.Below(300'000) : random.Below(200);
      world->env(0).Send(at_b, MakeLoad(i, bytes));
      world->env(1).Send(at_a, MakeLoad(i, random.Below(200)));
    }
    ASSERT_TRUE(world->RunUntil([&] { return a.received.size() == kCount && b.received.size() == kCount; }));
    EXPECT_EQ(NumbersFrom(b, at_a), Range(0, kCount));
    EXPECT_EQ(NumbersFrom(a, at_b), Range(0, kCount));
    EXPECT_TRUE(AllIntact(a) && AllIntact(b));
    EXPECT_TRUE(a.lost.empty() && b.lost.empty());
  });
}

TEST_P(Conformance, OrderOfEachOfManySenders) {
  Isolate([] {
    std::vector<Script> senders(8);
    Script hub;
    auto world = GetParam().make();
    const Address at_hub = world->Start(0, hub);
    std::vector<Address> addresses;
    for (int s = 0; s < 8; ++s) addresses.push_back(world->Start(s + 1, senders[static_cast<size_t>(s)]));
    for (uint64_t i = 0; i < 500; ++i) {
      for (int s = 0; s < 8; ++s) world->env(s + 1).Send(at_hub, MakeLoad(i, i % 97));
    }
    ASSERT_TRUE(world->RunUntil([&] { return hub.received.size() == 4000; }));
    for (const Address& sender : addresses) EXPECT_EQ(NumbersFrom(hub, sender), Range(0, 500));
  });
}

TEST_P(Conformance, LargeMessagesArriveIntactAndInOrderAmongSmallOnes) {
  Isolate([] {
    Script a, b;
    auto world = GetParam().make();
    const Address at_a = world->Start(0, a), at_b = world->Start(1, b);
    const std::vector<size_t> sizes = {
        0,          1,         kMega,          3, 8 * kMega,     10,        256 * 1024 - 8,
        256 * 1024, 8 * kMega, 256 * 1024 + 1, 0, 4 * kMega + 1, 64 * 1024, 5};
    for (size_t i = 0; i < sizes.size(); ++i) world->env(0).Send(at_b, MakeLoad(i, sizes[i]));
    ASSERT_TRUE(world->RunUntil([&] { return b.received.size() == sizes.size(); }));
    EXPECT_EQ(NumbersFrom(b, at_a), Range(0, sizes.size()));
    for (size_t i = 0; i < sizes.size(); ++i) EXPECT_EQ(b.received[i].bytes, sizes[i]);
    EXPECT_TRUE(AllIntact(b));
  });
}

TEST_P(Conformance, BothSendFirst) {
  Isolate([] {
    Script a, b;
    auto world = GetParam().make();
    const Address at_a = world->Start(0, a), at_b = world->Start(1, b);
    // Neither has heard of the other: two connections may come to be, but nobody is lost and order holds.
    world->env(0).Send(at_b, MakeLoad(0));
    world->env(1).Send(at_a, MakeLoad(0));
    const auto echo_up_to = [](uint64_t end) {
      return [end](Env& env, const Address& from, uint64_t number) {
        if (number < end) env.Send(from, MakeLoad(number + 1));
      };
    };
    a.on_message = b.on_message = echo_up_to(50);
    ASSERT_TRUE(world->RunUntil([&] { return a.received.size() == 51 && b.received.size() == 51; }));
    EXPECT_TRUE(a.lost.empty() && b.lost.empty());
    EXPECT_TRUE(
        std::is_sorted(a.received.begin(), a.received.end(), [](auto& x, auto& y) { return x.number < y.number; }));
  });
}

TEST_P(Conformance, RepliesUseTheConnectionThatIsThere) {
  Isolate([] {
    Script a, b;
    auto world = GetParam().make();
    world->Start(0, a);
    const Address at_b = world->Start(1, b);
    b.on_message = [](Env& env, const Address& from, uint64_t number) { env.Send(from, MakeLoad(number)); };
    world->env(0).Send(at_b, MakeLoad(1));
    ASSERT_TRUE(world->RunUntil([&] { return a.received.size() == 1; }));
    world->env(0).Send(Anybody(at_b), MakeLoad(2));  // the same process under its other name
    ASSERT_TRUE(world->RunUntil([&] { return a.received.size() == 2; }));
    if (world->Connections(0) < 0) return;
    EXPECT_EQ(world->Connections(0), 1);
    EXPECT_EQ(world->Connections(1), 1);
  });
}

TEST_P(Conformance, PeerDeathIsToldOnceToAllWhoKnewIt) {
  Isolate([] {
    Script a, b, c, victim;
    auto world = GetParam().make();
    world->Start(0, a);
    world->Start(1, b);
    world->Start(2, c);
    const Address at_victim = world->Start(3, victim);
    victim.on_message = [](Env& env, const Address& from, uint64_t number) { env.Send(from, MakeLoad(number)); };
    world->env(0).Send(at_victim, MakeLoad(0));
    world->env(1).Send(at_victim, MakeLoad(1));
    ASSERT_TRUE(world->RunUntil([&] { return a.received.size() + b.received.size() == 2; }));
    world->Kill(3);
    // Idle peers are told, too: the closed connection is an early hint of death.
    ASSERT_TRUE(world->RunUntil([&] { return !a.lost.empty() && !b.lost.empty(); }));
    world->RunFor(kAWhile);
    EXPECT_EQ(a.lost, std::vector<Address>{at_victim});
    EXPECT_EQ(b.lost, std::vector<Address>{at_victim});
    EXPECT_TRUE(c.lost.empty()) << "never exchanged a message with it";
  });
}

TEST_P(Conformance, WhatADyingPeerHadSentComesBeforeItsLoss) {
  Isolate([] {
    Script a, b;
    auto world = GetParam().make();
    const Address at_a = world->Start(0, a), at_b = world->Start(1, b);
    world->env(1).Send(at_a, MakeLoad(0));
    ASSERT_TRUE(world->RunUntil([&] { return a.received.size() == 1; }));
    size_t at_loss = 0;
    a.on_lost = [&](Env&, const Address&) { at_loss = a.received.size(); };
    for (uint64_t i = 1; i <= 20; ++i) world->env(1).Send(at_a, MakeLoad(i));
    world->Kill(1);
    ASSERT_TRUE(world->RunUntil([&] { return !a.lost.empty(); }));
    world->RunFor(kAWhile);
    EXPECT_EQ(a.received.size(), at_loss) << "nothing of a lost peer arrives afterwards";
    const std::vector<uint64_t> numbers = NumbersFrom(a, at_b);
    EXPECT_EQ(numbers, Range(0, numbers.size())) << "a prefix, without gaps";
  });
}

TEST_P(Conformance, SendingToTheDeadIsALossEachTime) {
  Isolate([] {
    Script a, b;
    auto world = GetParam().make();
    world->Start(0, a);
    const Address at_b = world->Start(1, b);
    world->Kill(1);
    for (size_t attempt = 1; attempt <= 3; ++attempt) {
      world->env(0).Send(at_b, MakeLoad(attempt));
      ASSERT_TRUE(world->RunUntil([&] { return a.CountLost(at_b) == attempt; }));
    }
  });
}

TEST_P(Conformance, SendingToNobodyIsALoss) {
  Isolate([] {
    Script a;
    auto world = GetParam().make();
    const Address at_a = world->Start(0, a);
    const Address nobody = {at_a.endpoint ^ 0x3, 77};  // another port of this machine
    world->env(0).Send(nobody, MakeLoad(1));
    ASSERT_TRUE(world->RunUntil([&] { return a.CountLost(nobody) == 1; }));
    world->env(0).Send(Anybody(nobody), MakeLoad(2));
    ASSERT_TRUE(world->RunUntil([&] { return a.CountLost(Anybody(nobody)) == 1; }));
    EXPECT_TRUE(a.received.empty());
  });
}

TEST_P(Conformance, SuccessorIsReachedByItsOwnNameOnly) {
  Isolate([] {
    Script a, first, second;
    auto world = GetParam().make();
    const Address at_a = world->Start(0, a), at_first = world->Start(1, first);
    world->env(0).Send(at_first, MakeLoad(1));
    ASSERT_TRUE(world->RunUntil([&] { return first.received.size() == 1; }));
    world->Kill(1);
    ASSERT_TRUE(world->RunUntil([&] { return a.CountLost(at_first) == 1; }));
    const Address at_second = world->Start(1, second);
    ASSERT_EQ(at_second.endpoint, at_first.endpoint);
    ASSERT_NE(at_second.incarnation, at_first.incarnation);
    world->env(0).Send(at_first, MakeLoad(2));
    ASSERT_TRUE(world->RunUntil([&] { return a.CountLost(at_first) == 2; }));
    world->env(0).Send(at_second, MakeLoad(3));
    world->env(0).Send(Anybody(at_second), MakeLoad(4));
    ASSERT_TRUE(world->RunUntil([&] { return second.received.size() == 2; }));
    EXPECT_EQ(NumbersFrom(second, at_a), (std::vector<uint64_t>{3, 4})) << "never the message for its predecessor";
    EXPECT_EQ(a.CountLost(at_second), 0u);
  });
}

TEST_P(Conformance, StaleAnswersDoNotReachASuccessor) {
  Isolate([] {
    Script asker, successor, server;
    auto world = GetParam().make();
    const Address at_asker = world->Start(0, asker), at_server = world->Start(1, server);
    Address caller;
    server.on_message = [&](Env&, const Address& from, uint64_t) { caller = from; };
    world->env(0).Send(at_server, MakeLoad(1));
    ASSERT_TRUE(world->RunUntil([&] { return server.received.size() == 1; }));
    EXPECT_EQ(caller, at_asker);
    world->Kill(0);
    const Address at_successor = world->Start(0, successor);
    world->env(0).Send(at_server, MakeLoad(2));
    ASSERT_TRUE(world->RunUntil([&] { return server.received.size() == 2; }));
    world->env(1).Send(at_asker, MakeLoad(100));  // the answer to the first question comes late
    world->env(1).Send(at_successor, MakeLoad(200));
    ASSERT_TRUE(world->RunUntil([&] { return !successor.received.empty() && server.CountLost(at_asker) > 0; }));
    world->RunFor(kAWhile);
    EXPECT_EQ(NumbersFrom(successor, at_server), std::vector<uint64_t>{200});
    EXPECT_EQ(server.CountLost(at_successor), 0u);
  });
}

TEST_P(Conformance, IncarnationZeroMeansWhoeverIsThere) {
  Isolate([] {
    Script a, first, second;
    auto world = GetParam().make();
    world->Start(0, a);
    const Address at_first = world->Start(1, first);
    const Address anybody = Anybody(at_first);
    first.on_message =
        second.on_message = [](Env& env, const Address& from, uint64_t n) { env.Send(from, MakeLoad(n)); };
    world->env(0).Send(anybody, MakeLoad(1));
    ASSERT_TRUE(world->RunUntil([&] { return a.received.size() == 1; }));
    EXPECT_EQ(a.received[0].from, at_first) << "answers come under the full name";
    world->Kill(1);
    ASSERT_TRUE(world->RunUntil([&] { return a.CountLost(anybody) == 1 && a.CountLost(at_first) == 1; }));
    const Address at_second = world->Start(1, second);
    world->env(0).Send(anybody, MakeLoad(2));
    ASSERT_TRUE(world->RunUntil([&] { return a.received.size() == 2; }));
    EXPECT_EQ(a.received[1].from, at_second);
  });
}

TEST_P(Conformance, HalfOpenPeerIsSilenceNotLoss) {
  Isolate([] {
    Script a, b;
    auto world = GetParam().make();
    world->Start(0, a);
    world->Start(1, b);
    const Address at_b = world->Relayed(1);
    b.on_message = [](Env& env, const Address& from, uint64_t number) { env.Send(from, MakeLoad(number)); };
    // A health check as state machines do it: ask, and count unanswered rounds.
    a.on_timer = [&](Env& env, uint64_t round) {
      env.Send(at_b, MakeLoad(round));
      env.SetTimer(Duration::Millis(5), TimerKind::kHealthCheck, round + 1);
    };
    world->env(0).SetTimer(Duration{}, TimerKind::kHealthCheck, 0);
    ASSERT_TRUE(world->RunUntil([&] { return a.received.size() >= 3; }));
    world->CutSilently(1);
    world->RunFor(kAWhile);
    const size_t answers = a.received.size(), asked = b.received.size(), rounds = a.timers.size();
    ASSERT_TRUE(world->RunUntil([&] { return a.timers.size() >= rounds + 5; }));
    EXPECT_EQ(a.received.size(), answers);
    EXPECT_EQ(b.received.size(), asked);
    EXPECT_TRUE(a.lost.empty() && b.lost.empty()) << "nothing has closed";
    world->BreakCut(1);
    ASSERT_TRUE(world->RunUntil([&] { return !a.lost.empty() && !b.lost.empty(); }));
    EXPECT_GE(a.CountLost(at_b), 1u);
  });
}

TEST_P(Conformance, SlowReaderGetsEverythingInOrder) {
  Isolate([] {
    Script a, b;
    auto world = GetParam().make();
    if (!world->CanPause()) GTEST_SKIP() << "processes of this world cannot pause";
    const Address at_a = world->Start(0, a), at_b = world->Start(1, b);
    world->env(0).Send(at_b, MakeLoad(0));
    ASSERT_TRUE(world->RunUntil([&] { return b.received.size() == 1; }));
    world->Pause(1);
    constexpr uint64_t kCount = 200;
    for (uint64_t i = 1; i <= kCount; ++i) world->env(0).Send(at_b, MakeLoad(i, 100'000));
    world->env(1).Send(at_a, MakeLoad(7));  // the other direction is not blocked by this one
    world->RunFor(kAWhile);
    EXPECT_EQ(b.received.size(), 1u);
    EXPECT_GT(world->PeakOutput(0), 10 * kMega) << "the sender holds what the reader did not take";
    world->Resume(1);
    ASSERT_TRUE(world->RunUntil([&] { return b.received.size() == kCount + 1 && a.received.size() == 1; }));
    EXPECT_EQ(NumbersFrom(b, at_a), Range(0, kCount + 1));
    EXPECT_TRUE(AllIntact(b));
  });
}

TEST_P(Conformance, ReaderThatStoppedIsGivenUpWithBoundedMemory) {
  Isolate([] {
    Script a, b, c;
    auto world = GetParam().make();
    if (!world->CanPause()) GTEST_SKIP() << "processes of this world cannot pause";
    world->Start(0, a);
    const Address at_b = world->Start(1, b), at_c = world->Start(2, c);
    world->env(0).Send(at_b, MakeLoad(0));
    world->env(0).Send(at_c, MakeLoad(0));
    ASSERT_TRUE(world->RunUntil([&] { return b.received.size() + c.received.size() == 2; }));
    world->Pause(1);
    uint64_t sent = 0;
    while (a.CountLost(at_b) == 0 && sent < 4 * world->OutputLimit()) {
      for (int i = 0; i < 8; ++i) world->env(0).Send(at_b, MakeLoad(1, kMega / 8));
      sent += kMega;
      world->env(0).Send(at_c, MakeLoad(2));  // others are served all the time
      world->RunFor(Duration{});
    }
    EXPECT_EQ(a.CountLost(at_b), 1u);
    EXPECT_LE(world->PeakOutput(0), world->OutputLimit() + 2 * kMega);
    ASSERT_TRUE(world->RunUntil([&] { return c.received.size() == 1 + sent / kMega; }));
    EXPECT_EQ(a.CountLost(at_c), 0u);
  });
}

}  // namespace
}  // namespace orrery
