// Network cards, order per pair, and the send filter.
#include <gtest/gtest.h>

#include "tests/unit/engine/probe.h"

namespace orrery {
namespace {

// One gigabyte per second: a byte per nanosecond.
HostSpec FastHost() {
  HostSpec spec = PlainHost("fast");
  spec.bandwidth_out = spec.bandwidth_in = 1e9;
  return spec;
}

TEST(Network, ACardSendsOneMessageAfterTheOther) {
  SimEngine engine;
  for (int i = 0; i < 3; ++i) engine.AddHost(FastHost());
  Probe::Script a, b, c;
  engine.Spawn({0}, ProbeFactory(a), {"a", nullptr, 0});
  engine.Spawn({1}, ProbeFactory(b), {"b", nullptr, 0});
  engine.Spawn({2}, ProbeFactory(c), {"c", nullptr, 0});
  const int64_t card = static_cast<int64_t>(Blob(1'000).EncodedSize()) + 64;
  a.on_start = [&](Env& env) {
    env.Send(b.self, Blob(1'000));
    env.Send(c.self, Blob(1'000));
  };
  engine.RunToIdle();
  EXPECT_EQ(b.notes, (Notes{{card + 10'000, "KvPut"}}));
  EXPECT_EQ(c.notes, (Notes{{2 * card + 10'000, "KvPut"}}));
}

TEST(Network, IncastQueuesAtTheReceiversCard) {
  SimEngine engine;
  constexpr int kSenders = 100;
  for (int i = 0; i <= kSenders; ++i) engine.AddHost(FastHost());
  Probe::Script sink;
  std::vector<Probe::Script> senders(kSenders);
  engine.Spawn({0}, ProbeFactory(sink), {"sink", nullptr, 0});
  for (uint32_t i = 0; i < kSenders; ++i) {
    senders[i].on_start = [&](Env& env) { env.Send(sink.self, Blob(1'000)); };
    engine.Spawn({i + 1}, ProbeFactory(senders[i]), {"s" + std::to_string(i), nullptr, 0});
  }
  engine.RunToIdle();
  const int64_t card = static_cast<int64_t>(Blob(1'000).EncodedSize()) + 64;
  ASSERT_EQ(sink.notes.size(), size_t{kSenders});
  EXPECT_EQ(sink.notes.front().time, 10'000 + card);
  EXPECT_EQ(sink.notes.back().time, 10'000 + kSenders * card);
}

TEST(Network, APairsMessagesNeverOvertakeEachOther) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    EngineOptions options;
    options.seed = seed;
    options.permute_ties = seed % 2 == 0;
    options.network.overhead_bytes = 0;
    SimEngine engine(options);
    Random random(seed);
    CostProfile costs;
    for (int64_t& ns : costs.message_ns) ns = static_cast<int64_t>(random.Below(3)) * 100;
    for (int i = 0; i < 2; ++i) {
      HostSpec spec = PlainHost("h");
      spec.bandwidth_in = random.Chance(0.5) ? 0 : 1e8;
      spec.bandwidth_out = random.Chance(0.5) ? 0 : 1e8;
      if (random.Chance(0.3)) spec.latency_in = {};
      engine.AddHost(spec);
    }
    Probe::Script sink;
    std::vector<Probe::Script> senders(4);
    std::vector<uint64_t> last(4);
    sink.on_message = [&](Env&, const Address&, const Message& message) {
      const uint64_t number = NumberIn(message), sender = number % 4;
      EXPECT_GT(number, last[sender]) << "seed " << seed;
      last[sender] = number;
    };
    engine.Spawn({0}, ProbeFactory(sink), {"sink", &costs, 0});
    for (uint64_t i = 0; i < 4; ++i) {
      senders[i].on_start = [](Env& env) { env.SetTimer({}, TimerKind::kWorkload, 1); };
      senders[i].on_timer = [&sink, i](Env& env, TimerKind kind, uint64_t round) {
        Random& mine = env.RandomFor(RandomStream::kWorkload);
        env.Send(sink.self, Number(4 * round + i));
        if (round < 300) env.SetTimer({static_cast<int64_t>(mine.Below(3)) * 100}, kind, round + 1);
      };
      engine.Spawn({i < 2 ? 1u : 0u}, ProbeFactory(senders[i]), {"s" + std::to_string(i), nullptr, 0});
    }
    engine.RunToIdle();
    EXPECT_EQ(sink.notes.size(), 1'200u);
  }
}

class Filter : public SendFilter {
 public:
  Verdict OnSend(Time, ProcessHandle, ProcessHandle, const Message& message) override { return verdicts(message); }
  std::function<Verdict(const Message&)> verdicts;
};

class FilterTest : public testing::Test {
 protected:
  // Sends numbers 1 … n under the verdicts.
  void Run(uint64_t n, const std::function<SendFilter::Verdict(uint64_t)>& verdict) {
    for (int i = 0; i < 2; ++i) engine.AddHost(PlainHost("h"));
    filter.verdicts = [verdict](const Message& message) { return verdict(NumberIn(message)); };
    engine.SetSendFilter(&filter);
    engine.Spawn({0}, ProbeFactory(a), {"a", nullptr, 0});
    engine.Spawn({1}, ProbeFactory(b), {"b", nullptr, 0});
    a.on_start = [this, n](Env& env) {
      for (uint64_t i = 1; i <= n; ++i) env.Send({b.self.endpoint, 0}, Number(i));
    };
    engine.RunToIdle();
  }
  SimEngine engine;
  Filter filter;
  Probe::Script a, b;
};
using Verdict = SendFilter::Verdict;

TEST_F(FilterTest, DropsSilently) {
  Run(3, [](uint64_t n) { return n == 2 ? Verdict{Verdict::Action::kDrop, false, 1, {}} : Verdict{}; });
  EXPECT_EQ(b.notes, (Notes{{10'000, "1"}, {10'000, "3"}}));
  EXPECT_TRUE(a.notes.empty());
  EXPECT_EQ(engine.counters().dropped, 1u);
}

TEST_F(FilterTest, ADelayHoldsUpWhatFollowsUnlessItMayBeReordered) {
  Run(3, [](uint64_t n) {
    return n == 1 ? Verdict{Verdict::Action::kPass, false, 1, Duration::Micros(7)} : Verdict{};
  });
  EXPECT_EQ(b.notes, (Notes{{17'000, "1"}, {17'000, "2"}, {17'000, "3"}}));
}

TEST_F(FilterTest, AReorderedMessageIsOvertaken) {
  Run(3, [](uint64_t n) { return n == 1 ? Verdict{Verdict::Action::kPass, true, 1, Duration::Micros(7)} : Verdict{}; });
  EXPECT_EQ(b.notes, (Notes{{10'000, "2"}, {10'000, "3"}, {17'000, "1"}}));
}

TEST_F(FilterTest, Duplicates) {
  Run(2, [](uint64_t n) { return n == 1 ? Verdict{Verdict::Action::kPass, false, 2, {}} : Verdict{}; });
  EXPECT_EQ(b.notes, (Notes{{10'000, "1"}, {10'000, "1"}, {10'000, "2"}}));
}

TEST_F(FilterTest, BreaksTheConnectionForBothEnds) {
  Run(2, [](uint64_t n) { return n == 2 ? Verdict{Verdict::Action::kBreak, false, 1, {}} : Verdict{}; });
  const auto lost = [](const Address& address, uint64_t incarnation) {
    return "lost " + std::to_string(address.endpoint) + "/" + std::to_string(incarnation);
  };
  EXPECT_EQ(b.notes, (Notes{{10'000, "1"}, {10'000, lost(a.self, a.self.incarnation)}}));
  EXPECT_EQ(a.notes, (Notes{{10'000, lost(b.self, b.self.incarnation)}, {10'000, lost(b.self, 0)}}));
}

}  // namespace
}  // namespace orrery
