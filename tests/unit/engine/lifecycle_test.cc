// Death and return of processes and hosts.
#include <gtest/gtest.h>

#include "tests/unit/engine/probe.h"

namespace orrery {
namespace {

class LifecycleTest : public testing::Test {
 protected:
  LifecycleTest() {
    for (const char* name : {"a", "b", "c"}) engine.AddHost(PlainHost(name));
  }
  ProcessHandle Spawn(uint32_t host, Probe::Script& script, uint32_t slot = 0) {
    return engine.Spawn({host}, ProbeFactory(script), {"probe", nullptr, slot});
  }
  static std::string Lost(const Address& address) {
    return "lost " + std::to_string(address.endpoint) + "/" + std::to_string(address.incarnation);
  }
  SimEngine engine;
  Probe::Script a, b, c;
};

TEST_F(LifecycleTest, EndpointsHoldHostAndSlotAndIncarnationsAreNeverReused) {
  const ProcessHandle first = Spawn(1, a, 20);
  const Address address = engine.AddressOf(first);
  EXPECT_EQ(address.endpoint, (uint64_t{1} << 16) | 20);
  EXPECT_FALSE(address.local());
  engine.Kill(first);
  const ProcessHandle second = Spawn(1, b, 20);
  EXPECT_EQ(engine.AddressOf(second).endpoint, address.endpoint);
  EXPECT_NE(engine.AddressOf(second).incarnation, address.incarnation);
  EXPECT_EQ(engine.ProcessAt({address.endpoint, 0}), second);
  EXPECT_FALSE(engine.ProcessAt(address));
}

TEST_F(LifecycleTest, PeersOfAKilledProcessAreToldAfterTheLatency) {
  const ProcessHandle victim = Spawn(0, a, 16);
  Spawn(1, b);
  Spawn(2, c);
  const Address address = a.self;
  b.on_start = [&](Env& env) { env.Send({address.endpoint, 0}, Number(1)); };  // knows it by endpoint
  a.on_message = [&](Env& env, const Address&, const Message&) { env.Send(c.self, Number(2)); };
  engine.RunUntil(Time{50'000});
  engine.Kill(victim);
  engine.RunToIdle();
  EXPECT_EQ(b.notes, (Notes{{30'000, Lost(address)}, {30'000, Lost({address.endpoint, 0})}}));
  EXPECT_EQ(c.notes, (Notes{{20'000, "2"}, {30'000, Lost(address)}}));
  EXPECT_TRUE(*a.destroyed);
  EXPECT_FALSE(engine.Alive(victim));
}

TEST_F(LifecycleTest, WhatADyingProcessHasSentArrivesBeforeItsLossIsKnown) {
  Spawn(0, a);
  Spawn(1, b);
  const Address address = a.self;
  a.on_start = [&](Env& env) {
    env.Send(b.self, Number(1));
    engine.Kill({static_cast<uint32_t>(a.self.incarnation)});  // in its own handler
  };
  engine.RunToIdle();
  EXPECT_EQ(b.notes, (Notes{{10'000, "1"}, {10'000, Lost(address)}}));
}

TEST_F(LifecycleTest, DeliveriesAndTimersOfTheDeadAreDropped) {
  const ProcessHandle victim = Spawn(0, a, 16);
  Spawn(1, b);
  a.on_start = [](Env& env) { env.SetTimer(Duration::Micros(8), TimerKind::kWorkload, 1); };
  b.on_start = [&](Env& env) { env.Send(a.self, Number(1)); };
  engine.RunUntil(Time{7'000});
  engine.Kill(victim);
  Probe::Script successor;
  Spawn(0, successor, 16);
  engine.RunToIdle();
  EXPECT_TRUE(a.notes.empty());
  EXPECT_TRUE(successor.notes.empty());
  EXPECT_EQ(engine.counters().dropped, 1u);
}

TEST_F(LifecycleTest, SendingToNobodyComesBackAsALoss) {
  Spawn(0, a);
  const ProcessHandle dead = Spawn(1, b);
  const Address old = b.self;
  engine.Kill(dead);
  const Address never{(uint64_t{2} << 16) | 99, 0}, no_host{(uint64_t{77} << 16) | 16, 5};
  a.on_start = [&](Env& env) {
    env.Send(old, Number(1));
    env.Send(never, Number(2));
    env.Send(no_host, Number(3));
    env.Send({a.self.endpoint, a.self.incarnation + 1000}, Number(4));
  };
  engine.RunToIdle();
  EXPECT_EQ(a.notes, (Notes{{5'000, Lost({a.self.endpoint, a.self.incarnation + 1000})},
                            {10'000, Lost(old)},
                            {10'000, Lost(never)},
                            {10'000, Lost(no_host)}}));
}

TEST_F(LifecycleTest, ALossIsToldOncePerConnection) {
  const ProcessHandle victim = Spawn(0, a, 16);
  Spawn(1, b);
  b.on_start = [&](Env& env) {
    for (uint64_t i = 0; i < 5; ++i) env.Send(a.self, Number(i));
  };
  engine.RunUntil(Time{20'000});
  engine.Kill(victim);
  engine.Kill(victim);
  engine.RunToIdle();
  EXPECT_EQ(b.notes.size(), 1u);
}

TEST_F(LifecycleTest, AHostTakesAllItsProcessesWithIt) {
  const ProcessHandle first = Spawn(0, a), second = Spawn(0, b);
  Spawn(1, c);
  c.on_start = [&](Env& env) {
    env.Send(a.self, Number(1));
    env.Send(b.self, Number(2));
  };
  engine.RunUntil(Time{20'000});
  const Address address_a = a.self, address_b = b.self;
  engine.KillHost({0});
  EXPECT_FALSE(engine.HostAlive({0}));
  EXPECT_FALSE(engine.Alive(first) || engine.Alive(second));
  engine.RunToIdle();
  EXPECT_EQ(c.notes, (Notes{{20'000, Lost(address_a)}, {20'000, Lost(address_b)}}));
  engine.ReviveHost({0});
  EXPECT_TRUE(engine.ProcessesOn({0}).empty());
  Probe::Script again;
  const ProcessHandle third = Spawn(0, again);
  c.env->Send(again.self, Number(3));
  engine.RunToIdle();
  EXPECT_EQ(again.notes, (Notes{{30'000, "3"}}));
  EXPECT_EQ(engine.ProcessesOn({0}), (std::vector<ProcessHandle>{third}));
}

TEST_F(LifecycleTest, AHostCanVanishSilently) {
  Spawn(0, a);
  Spawn(1, b);
  b.on_start = [&](Env& env) { env.Send(a.self, Number(1)); };
  engine.RunUntil(Time{20'000});
  const Address address = a.self;
  engine.KillHost({0}, SimEngine::Notice::kSilent);
  engine.RunUntil(Time{Duration::Seconds(10).ns});
  EXPECT_TRUE(b.notes.empty());
  b.env->Send(address, Number(2));
  engine.RunToIdle();
  EXPECT_EQ(b.notes, (Notes{{15'000'010'000, Lost(address)}, {25'000'000'000, Lost(address)}}));
}

TEST_F(LifecycleTest, WhatHadNotLeftTheCardOfADyingHostIsLost) {
  HostSpec slow = PlainHost("slow");
  slow.bandwidth_out = 1e6;  // 1 µs per byte
  const HostId host = engine.AddHost(slow);
  Spawn(host.value, a);
  Spawn(1, b);
  const int64_t each = (static_cast<int64_t>(Number(1).EncodedSize()) + 64) * 1'000;
  a.on_start = [&](Env& env) {
    for (uint64_t i = 1; i <= 3; ++i) env.Send(b.self, Number(i));
  };
  engine.RunUntil(Time{each * 2 + 1});  // two have left
  const Address address = a.self;
  engine.KillHost(host);
  engine.RunToIdle();
  const Notes expected{{each + 10'000, "1"}, {each * 2 + 10'000, "2"}, {each * 2 + 10'001, Lost(address)}};
  EXPECT_EQ(b.notes, expected);
}

TEST_F(LifecycleTest, ModelledEndpointsLearnOfTheEnd) {
  struct Server : SimLocalEndpoint {
    std::vector<uint32_t> gone;
    void OnMessage(ProcessHandle, Message) override {}
    void OnProcessGone(ProcessHandle process) override { gone.push_back(process.value); }
  } server;
  const ProcessHandle process = Spawn(0, a);
  engine.SetLocalEndpoint(process, Address::Host(), &server);
  engine.SetLocalEndpoint(process, Address::Executor(), &server);
  engine.Kill(process);
  EXPECT_EQ(server.gone, (std::vector<uint32_t>{process.value}));
  engine.Deliver(process, Address::Host(), Number(1));  // nothing happens
  engine.RunToIdle();
}

TEST_F(LifecycleTest, FreedSlotsAreReusedButNotAtOnce) {
  const ProcessHandle first = Spawn(0, a);
  const uint64_t endpoint = engine.AddressOf(first).endpoint;
  engine.Kill(first);
  std::vector<std::unique_ptr<Probe::Script>> scripts;
  uint64_t largest = 0;
  for (int i = 0; i < 1'000; ++i) {
    scripts.push_back(std::make_unique<Probe::Script>());
    const ProcessHandle next = Spawn(0, *scripts.back());
    EXPECT_TRUE(i > 0 || engine.AddressOf(next).endpoint != endpoint);
    largest = std::max(largest, engine.AddressOf(next).endpoint & 0xffff);
    engine.Kill(next);
  }
  EXPECT_LT(largest, 64u);
}

}  // namespace
}  // namespace orrery
