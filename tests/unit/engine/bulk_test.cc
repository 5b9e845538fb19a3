// Messages above the threshold, through the engine.
#include <gtest/gtest.h>

#include "tests/unit/engine/chatter.h"
#include "tests/unit/engine/child.h"

namespace orrery {
namespace {

constexpr size_t kMega = 1'000'000;

struct World {
  World() {
    for (int i = 0; i < 3; ++i) {
      HostSpec spec = PlainHost("h");
      spec.bandwidth_out = spec.bandwidth_in = 1e9;
      engine.AddHost(spec);
    }
  }
  ProcessHandle Spawn(uint32_t host, Probe::Script& script) {
    return engine.Spawn({host}, ProbeFactory(script), {"p", nullptr, 0});
  }
  SimEngine engine;
  Probe::Script a, b, c;
};

TEST(Bulk, ALargeMessageIsAFlow) {
  InChild([] {
    World w;
    w.Spawn(0, w.a);
    w.Spawn(1, w.b);
    w.a.on_start = [&](Env& env) { env.Send(w.b.self, Blob(kMega)); };
    EXPECT_EQ(w.engine.RunToIdle(), SimEngine::RunEnd::kIdle);
    EXPECT_EQ(w.b.notes.size(), 1u);
    EXPECT_NEAR(w.b.notes[0].time, 10'000 + static_cast<int64_t>(Blob(kMega).EncodedSize()), 2);
    EXPECT_EQ(w.engine.counters().bulk, 1u);
    return 1;
  });
}

TEST(Bulk, TheOrderOfAPairIsKept) {
  InChild([] {
    World w;
    w.Spawn(0, w.a);
    w.Spawn(1, w.b);
    w.Spawn(2, w.c);
    w.a.on_start = [&](Env& env) {
      for (uint64_t i = 0; i < 20; ++i) env.Send(w.b.self, Number(i));
      env.Send(w.b.self, Blob(kMega, 1));
      env.Send(w.b.self, Number(20));
      env.Send(w.b.self, Blob(kMega, 2));
      env.Send(w.b.self, Number(21));
      env.Send(w.c.self, Number(22));  // another connection does not wait
    };
    w.engine.RunToIdle();
    EXPECT_EQ(w.b.notes.size(), 24u);
    std::vector<std::string> order;
    for (size_t i = 19; i < w.b.notes.size(); ++i) order.push_back(w.b.notes[i].what);
    EXPECT_EQ(order, (std::vector<std::string>{"19", "KvPut", "20", "KvPut", "21"}));
    EXPECT_GT(w.b.notes.back().time, 2'000'000);
    EXPECT_LT(w.c.notes.at(0).time, 20'000);
    // And a second time, now that nothing waits any more.
    w.a.env->Send(w.b.self, Number(30));
    w.engine.RunToIdle();
    EXPECT_EQ(w.b.notes.back().what, "30");
    return 1;
  });
}

TEST(Bulk, TheReceiversDeathEndsTheTransfer) {
  InChild([] {
    World w;
    w.Spawn(0, w.a);
    const ProcessHandle victim = w.Spawn(1, w.b);
    w.Spawn(2, w.c);
    w.a.on_start = [&](Env& env) {
      env.Send(w.b.self, Blob(kMega));
      env.Send(w.b.self, Number(1));
      env.Send(w.c.self, Blob(kMega));
    };
    w.engine.RunUntil(Time{510'000});
    w.engine.Kill(victim);
    w.engine.RunToIdle();
    EXPECT_TRUE(w.b.notes.empty());
    EXPECT_EQ(w.a.notes.size(), 1u);
    EXPECT_EQ(w.a.notes[0].time, 520'000);
    // The other transfer has the card for itself from then on.
    EXPECT_NEAR(w.c.notes.at(0).time, 510'000 + 750'000, 30);
    EXPECT_EQ(w.engine.counters().dropped, 2u);
    return 1;
  });
}

TEST(Bulk, WhatADyingSenderHasSentComesBeforeItsLoss) {
  InChild([] {
    World w;
    const ProcessHandle sender = w.Spawn(0, w.a);
    w.Spawn(1, w.b);
    w.a.on_start = [&](Env& env) {
      env.Send(w.b.self, Blob(kMega));
      env.Send(w.b.self, Number(1));
    };
    w.engine.RunUntil(Time{500'000});
    w.engine.Kill(sender);
    w.engine.RunToIdle();
    EXPECT_EQ(w.b.notes.size(), 3u);
    EXPECT_EQ(w.b.notes[0].what, "KvPut");
    EXPECT_EQ(w.b.notes[1].what, "1");
    EXPECT_EQ(w.b.notes[2].what.substr(0, 4), "lost");
    return 1;
  });
}

TEST(Bulk, AHostsDeathFailsItsTransfers) {
  InChild([] {
    World w;
    w.Spawn(0, w.a);
    w.Spawn(1, w.b);
    w.a.on_start = [&](Env& env) {
      env.Send(w.b.self, Blob(kMega));
      env.Send(w.b.self, Number(1));
    };
    struct Ends : EventHandler {
      std::vector<std::pair<uint64_t, bool>> ends;
      void OnEvent(uint64_t a, uint64_t b) override { ends.emplace_back(a, (b & SimEngine::kFlowFailed) != 0); }
    } ends;
    w.engine.StartFlow({0}, {1}, 5'000'000, &ends, 1, 0);
    w.engine.StartFlow({2}, {1}, 100'000, &ends, 2, 0);
    w.engine.RunUntil(Time{500'000});
    EXPECT_EQ(ends.ends, (std::vector<std::pair<uint64_t, bool>>{{2, false}}));
    w.engine.KillHost({0});
    w.engine.RunToIdle();
    EXPECT_EQ(ends.ends, (std::vector<std::pair<uint64_t, bool>>{{2, false}, {1, true}}));
    EXPECT_EQ(w.b.notes.size(), 1u);
    EXPECT_EQ(w.b.notes[0].time, 510'000);
    w.engine.ReviveHost({0});
    Probe::Script again;
    again.on_start = [&](Env& env) { env.Send(w.b.self, Blob(kMega)); };
    w.Spawn(0, again);
    w.engine.RunToIdle();
    EXPECT_EQ(w.b.notes.size(), 2u);
    return 1;
  });
}

TEST(Bulk, HostsThatWereDeadAtTheFirstFlowCanJoinLater) {
  InChild([] {
    World w;
    w.engine.KillHost({2});
    w.Spawn(0, w.a);
    w.Spawn(1, w.b);
    w.a.on_start = [&](Env& env) { env.Send(w.b.self, Blob(kMega)); };
    w.engine.RunToIdle();
    w.engine.ReviveHost({2});
    w.Spawn(2, w.c);
    w.a.env->Send(w.c.self, Blob(kMega));
    w.engine.RunToIdle();
    EXPECT_EQ(w.c.notes.size(), 1u);
    // A host added only now: its large messages queue at the cards.
    HostSpec spec = PlainHost("late");
    const HostId late = w.engine.AddHost(spec);
    Probe::Script d;
    w.Spawn(late.value, d);
    w.a.env->Send(d.self, Blob(kMega));
    w.engine.RunToIdle();
    EXPECT_EQ(d.notes.size(), 1u);
    return 1;
  });
}

TEST(Bulk, ChaosWithFlowsIsDeterministic) {
  const auto run = [](uint64_t seed, size_t junk) {
    return InChild([seed, junk] {
      std::vector<std::unique_ptr<char[]>> blocks;
      for (size_t i = 0; i < junk; ++i) blocks.push_back(std::make_unique<char[]>(i * 31 % 900));
      EngineOptions options;
      options.seed = seed;
      ChatterOptions chatter;
      chatter.bulk = 0.1;
      return RunChatter(options, chatter);
    });
  };
  const uint64_t first = run(1, 0);
  EXPECT_EQ(run(1, 500), first);
  EXPECT_NE(run(2, 0), first);
}

TEST(Bulk, OnAGridFlowsStartTogether) {
  InChild([] {
    EngineOptions options;
    options.network.bulk_grid = Duration::Micros(100);
    SimEngine engine(options);
    for (int i = 0; i < 2; ++i) {
      HostSpec spec = PlainHost("h");
      spec.bandwidth_out = spec.bandwidth_in = 1e9;
      engine.AddHost(spec);
    }
    Probe::Script a, b;
    engine.Spawn({0}, ProbeFactory(a), {"a", nullptr, 0});
    engine.Spawn({1}, ProbeFactory(b), {"b", nullptr, 0});
    a.on_start = [](Env& env) { env.SetTimer(Duration::Micros(30), TimerKind::kWorkload, 0); };
    a.on_timer = [&](Env& env, TimerKind, uint64_t) { env.Send(b.self, Blob(kMega)); };
    engine.RunToIdle();
    EXPECT_EQ(b.notes.size(), 1u);
    EXPECT_NEAR(b.notes[0].time, 100'000 + 10'000 + static_cast<int64_t>(kMega), 100'100);
    EXPECT_GE(b.notes[0].time, 1'100'000);
    return 1;
  });
}

}  // namespace
}  // namespace orrery
