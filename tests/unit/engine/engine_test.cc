// Messages, timers, services, local endpoints and the loop.
#include "sim/engine/engine.h"

#include <gtest/gtest.h>

#include "tests/unit/engine/probe.h"

namespace orrery {
namespace {

class EngineTest : public testing::Test {
 protected:
  void Begin(const EngineOptions& options = {}) {
    engine = std::make_unique<SimEngine>(options);
    for (const char* name : {"a", "b"}) engine->AddHost(PlainHost(name));
  }
  ProcessHandle Spawn(uint32_t host, Probe::Script& script, const CostProfile* costs = nullptr) {
    return engine->Spawn({host}, ProbeFactory(script), {"probe", costs, 0});
  }
  std::unique_ptr<SimEngine> engine;
  Probe::Script a, b;
};

TEST_F(EngineTest, AMessageTakesTheLatencyOfTheTwoHosts) {
  Begin();
  Spawn(0, a);
  Spawn(1, b);
  a.on_start = [this](Env& env) { env.Send(b.self, Number(1)); };
  Address from;
  b.on_message = [&](Env&, const Address& sender, const Message&) { from = sender; };
  EXPECT_EQ(engine->RunToIdle(), SimEngine::RunEnd::kIdle);
  EXPECT_EQ(b.notes, (Notes{{10'000, "1"}}));
  EXPECT_EQ(from, a.self);
  EXPECT_EQ(engine->counters().messages, 1u);
  EXPECT_EQ(engine->counters().bytes, Number(1).EncodedSize());
}

TEST_F(EngineTest, WithinAHostTheShortLatencyCounts) {
  Begin();
  Spawn(0, a);
  Spawn(0, b);
  a.on_start = [this](Env& env) { env.Send({b.self.endpoint, 0}, Number(1)); };
  engine->RunToIdle();
  EXPECT_EQ(b.notes, (Notes{{5'000, "1"}}));
}

TEST_F(EngineTest, TimersFireOnceInOrderAndCanBeRearmedAndCancelled) {
  Begin();
  Spawn(0, a);
  a.on_start = [](Env& env) {
    env.SetTimer(Duration::Nanos(30), TimerKind::kWorkload, 1);
    env.SetTimer(Duration::Nanos(10), TimerKind::kWorkload, 2);
    env.SetTimer(Duration::Nanos(20), TimerKind::kWorkload, 3);
    env.SetTimer(Duration::Nanos(20), TimerKind::kTaskRetry, 3);  // another kind is another timer
    env.SetTimer(Duration::Nanos(40), TimerKind::kWorkload, 2);   // re-armed
    env.CancelTimer(TimerKind::kWorkload, 3);
    env.CancelTimer(TimerKind::kWorkload, 99);
  };
  engine->RunToIdle();
  EXPECT_EQ(a.notes, (Notes{{20, "timer 3"}, {30, "timer 1"}, {40, "timer 2"}}));
  EXPECT_EQ(engine->Now().ns, 40);
}

TEST_F(EngineTest, ATimerCanBeSetAgainInItsOwnHandler) {
  Begin();
  Spawn(0, a);
  a.on_start = [](Env& env) { env.SetTimer(Duration::Nanos(5), TimerKind::kWorkload, 0); };
  a.on_timer = [](Env& env, TimerKind kind, uint64_t id) {
    if (env.Now().ns < 20) env.SetTimer(Duration::Nanos(5), kind, id);
  };
  engine->RunToIdle();
  EXPECT_EQ(a.notes.size(), 4u);
  EXPECT_EQ(engine->counters().timers, 4u);
}

TEST_F(EngineTest, AProcessServesOneInputAtATime) {
  Begin();
  CostProfile costs;
  costs.message_ns[static_cast<size_t>(MessageKind::kHealthCheck)] = 1'000;
  costs.timer_ns = 100;
  Spawn(0, a);
  Spawn(1, b, &costs);
  a.on_start = [this](Env& env) {
    for (uint64_t i = 1; i <= 3; ++i) env.Send(b.self, Number(i));
  };
  b.on_start = [](Env& env) { env.SetTimer(Duration::Nanos(10'500), TimerKind::kWorkload, 7); };
  b.on_message = [](Env& env, const Address& from, const Message& message) { env.Send(from, message.Clone()); };
  engine->RunToIdle();
  EXPECT_EQ(b.notes, (Notes{{11'000, "1"}, {12'000, "2"}, {13'000, "3"}, {13'100, "timer 7"}}));
  EXPECT_EQ(a.notes, (Notes{{21'000, "1"}, {22'000, "2"}, {23'000, "3"}}));  // answers leave when served
}

TEST_F(EngineTest, ServiceTimesFollowTheSpeedOfTheHost) {
  Begin();
  CostProfile costs;
  costs.message_ns[static_cast<size_t>(MessageKind::kHealthCheck)] = 1'000;
  Spawn(0, a);
  Spawn(1, b, &costs);
  engine->SetHostSpeed({1}, 0.25);
  a.on_start = [this](Env& env) { env.Send(b.self, Number(1)); };
  engine->RunToIdle();
  EXPECT_EQ(b.notes, (Notes{{14'000, "1"}}));
}

TEST_F(EngineTest, ATimerThatWaitsForServiceCanStillBeCancelled) {
  Begin();
  CostProfile costs;
  costs.message_ns[static_cast<size_t>(MessageKind::kHealthCheck)] = 1'000;
  Spawn(0, a);
  Spawn(1, b, &costs);
  a.on_start = [this](Env& env) { env.Send(b.self, Number(1)); };
  b.on_start = [](Env& env) { env.SetTimer(Duration::Nanos(10'500), TimerKind::kWorkload, 7); };
  b.on_message = [](Env& env, const Address&, const Message&) { env.CancelTimer(TimerKind::kWorkload, 7); };
  engine->RunToIdle();
  EXPECT_EQ(b.notes, (Notes{{11'000, "1"}}));
}

TEST_F(EngineTest, LocalEndpointsAnswerAfterADelay) {
  struct Echo : SimLocalEndpoint {
    SimEngine* engine;
    int seen = 0;
    void OnMessage(ProcessHandle process, Message message) override {
      ++seen;
      engine->Deliver(process, Address::Executor(), std::move(message), Duration::Nanos(250));
    }
  };
  Begin();
  Echo echo;
  echo.engine = engine.get();
  const ProcessHandle process = Spawn(0, a);
  engine->SetLocalEndpoint(process, Address::Executor(), &echo);
  a.on_start = [](Env& env) { env.Send(Address::Executor(), Number(5)); };
  Address from;
  a.on_message = [&](Env&, const Address& sender, const Message&) { from = sender; };
  engine->RunToIdle();
  EXPECT_EQ(echo.seen, 1);
  EXPECT_EQ(a.notes, (Notes{{250, "5"}}));
  EXPECT_EQ(from, Address::Executor());
}

TEST_F(EngineTest, AnEndpointThatNobodyServesIsABug) {
  Begin();
  Spawn(0, a);
  a.on_start = [](Env& env) { env.Send(Address::Host(), Number(5)); };
  EXPECT_DEATH(engine->RunToIdle(), "nothing is modelled behind this local endpoint");
}

struct Recorder : EventHandler {
  std::vector<std::pair<uint64_t, uint64_t>> calls;
  void OnEvent(uint64_t x, uint64_t y) override { calls.emplace_back(x, y); }
};

TEST_F(EngineTest, EventsOfModelledThingsRunInOrderAndCanBeCancelled) {
  Begin();
  Recorder recorder;
  engine->At(Time{20}, &recorder, 2, 0);
  const EventId cancelled = engine->At(Time{15}, &recorder, 9, 9);
  engine->At(Time{10}, &recorder, 1, 7);
  engine->At(Time{20}, &recorder, 3, 0);
  engine->CancelEvent(cancelled);
  engine->RunToIdle();
  engine->CancelEvent(cancelled);
  EXPECT_EQ(recorder.calls, (std::vector<std::pair<uint64_t, uint64_t>>{{1, 7}, {2, 0}, {3, 0}}));
}

TEST_F(EngineTest, TheLoopStopsAtTheLimitAtTheBudgetAndOnRequest) {
  Begin();
  Spawn(0, a);
  a.on_start = [](Env& env) { env.SetTimer(Duration::Nanos(10), TimerKind::kWorkload, 0); };
  a.on_timer = [this](Env& env, TimerKind kind, uint64_t id) {
    env.SetTimer(Duration::Nanos(10), kind, id);
    if (env.Now().ns == 100) engine->Stop();
  };
  EXPECT_EQ(engine->RunUntil(Time{45}), SimEngine::RunEnd::kTimeLimit);
  EXPECT_EQ(engine->Now().ns, 45);
  EXPECT_EQ(a.notes.size(), 4u);
  EXPECT_EQ(engine->RunSome(2, Time{1'000}), SimEngine::RunEnd::kBudget);
  EXPECT_EQ(engine->Now().ns, 60);
  EXPECT_EQ(engine->RunUntil(Time{1'000}), SimEngine::RunEnd::kStopped);
  EXPECT_EQ(engine->Now().ns, 100);
}

TEST_F(EngineTest, AfterACancelledLastEventTimeGoesOnFromTheLastRealOne) {
  Begin();
  Recorder recorder;
  engine->At(Time{10}, &recorder);
  const EventId late = engine->At(Time{1'000'000}, &recorder);
  engine->CancelEvent(late);
  EXPECT_EQ(engine->RunToIdle(), SimEngine::RunEnd::kIdle);
  EXPECT_EQ(engine->Now().ns, 10);
  engine->At(Time{20}, &recorder);  // must not be "in the past"
  engine->RunToIdle();
  EXPECT_EQ(engine->Now().ns, 20);
  EXPECT_EQ(recorder.calls.size(), 2u);
}

TEST_F(EngineTest, InvariantsAreCheckedAfterEachEventAndAuditedAtIntervals) {
  EngineOptions options;
  options.audit_every = 4;
  Begin(options);
  Spawn(0, a);
  a.on_start = [](Env& env) {
    for (int i = 0; i < 7; ++i) env.SetTimer(Duration::Nanos(i), TimerKind::kWorkload, static_cast<uint64_t>(i));
  };
  engine->RunToIdle();
  EXPECT_EQ(a.checks, 8);
  EXPECT_EQ(a.audits, 2);
  engine->Audit();
  EXPECT_EQ(a.audits, 3);

  options.check_invariants = false;
  options.audit_every = 0;
  Begin(options);
  Probe::Script quiet;
  Spawn(0, quiet);
  engine->RunToIdle();
  EXPECT_EQ(quiet.checks + quiet.audits, 0);
}

TEST_F(EngineTest, TracesReachTheSinkWithTheirProcess) {
  struct Sink : SimTraceSink {
    std::vector<std::string> lines;
    void OnTrace(Time now, ProcessHandle process, const TraceEvent& event) override {
      lines.push_back(std::to_string(now.ns) + " " + std::to_string(process.value) + " " + std::string(event.text));
    }
  } sink;
  Begin();
  engine->SetTraceSink(&sink);
  const ProcessHandle process = Spawn(0, a);
  a.on_start = [](Env& env) { env.Trace({TraceKind::kStaleMessage, {}, 0, {}, {}, 0, 0, 0, "late"}); };
  engine->RunToIdle();
  EXPECT_EQ(sink.lines, (std::vector<std::string>{"0 " + std::to_string(process.value) + " late"}));
}

TEST_F(EngineTest, RandomStreamsDependOnSeedNameAndPurposeOnly) {
  const auto draw = [](uint64_t seed, const std::string& name, RandomStream stream, bool draw_other) {
    EngineOptions options;
    options.seed = seed;
    SimEngine engine(options);
    engine.AddHost(PlainHost("a"));
    uint64_t value = 0;
    Probe::Script script;
    script.on_start = [&](Env& env) {
      if (draw_other) env.RandomFor(RandomStream::kRetry).Next();
      value = env.RandomFor(stream).Next();
    };
    engine.Spawn({0}, ProbeFactory(script), {name, nullptr, 0});
    engine.RunToIdle();
    return value;
  };
  const uint64_t base = draw(1, "p", RandomStream::kScheduling, false);
  EXPECT_EQ(draw(1, "p", RandomStream::kScheduling, true), base);
  EXPECT_NE(draw(2, "p", RandomStream::kScheduling, false), base);
  EXPECT_NE(draw(1, "q", RandomStream::kScheduling, false), base);
  EXPECT_NE(draw(1, "p", RandomStream::kWorkload, false), base);
}

TEST_F(EngineTest, CheckingModePassesEveryMessageThroughTheCodec) {
  EngineOptions options;
  options.through_codec = true;
  Begin(options);
  Spawn(0, a);
  Spawn(1, b);
  const Message::Proto* sent = nullptr;
  a.on_start = [&](Env& env) {
    Message message = Number(77);
    sent = &message.proto();
    env.Send(b.self, std::move(message));
  };
  const Message::Proto* got = nullptr;
  b.on_message = [&](Env&, const Address&, const Message& message) { got = &message.proto(); };
  engine->RunToIdle();
  EXPECT_EQ(b.notes, (Notes{{10'000, "77"}}));
  EXPECT_NE(got, nullptr);
  EXPECT_NE(got, sent);
}

TEST_F(EngineTest, MessagesStillInFlightAtTheEndAreFreed) {
  Begin();  // the address sanitizer's leak check is what fails here
  Spawn(0, a);
  Spawn(1, b);
  a.on_start = [this](Env& env) {
    for (int i = 0; i < 10; ++i) env.Send(b.self, Blob(1'000));
  };
  EXPECT_EQ(engine->RunUntil(Time{9'999}), SimEngine::RunEnd::kTimeLimit);
}

}  // namespace
}  // namespace orrery
