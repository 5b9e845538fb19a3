// The engine alone: events of its queue, and messages with empty handlers through SimEnv. The ceiling of the messages
// is the bare queue, measured in the same run.
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "runtime/messages/message.h"
#include "runtime/messages/orrery.pb.h"
#include "sim/engine/engine.h"
#include "sim/engine/event_queue.h"
#include "tests/bench/report.h"

namespace orrery {
namespace {

constexpr uint64_t kSeed = 1;

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

// `pending` events; each popped one pushes another.
double QueueRate(int pending) {
  struct Payload {
    uint64_t words[4];
  };
  EventQueue<Payload> queue;
  Random random(kSeed);
  for (int i = 0; i < pending; ++i) queue.Push(static_cast<int64_t>(random.Below(100'000)), {});
  constexpr int64_t kEvents = 10'000'000;
  int64_t time = 0;
  Payload payload;
  const double start = CpuSeconds();
  for (int64_t i = 0; i < kEvents; ++i) {
    queue.Pop(&time, &payload);
    queue.Push(time + 50'000 + (i * 7919) % 4096, payload);
  }
  return static_cast<double>(kEvents) / (CpuSeconds() - start);
}

// Plays with one partner, for ever.
class Player : public StateMachine {
 public:
  Player(Env& env, const Address* partner) : env_(env), partner_(partner) {}
  void Start() override {
    if (partner_ != nullptr) Serve(*partner_);
  }
  void OnMessage(const Address& from, Message message) override { env_.Send(from, std::move(message)); }
  void OnTimer(TimerKind, uint64_t) override {}
  void OnPeerLost(const Address&) override {}

 private:
  void Serve(const Address& to) {
    Draft<msg::HealthCheck> ball;
    ball->set_node(7);
    ball->set_round(1'000'000);
    env_.Send(to, std::move(ball));
  }
  Env& env_;
  const Address* partner_;
};

// The same, but every message is made anew and the old one freed, as real handlers do.
class Answerer : public Player {
 public:
  Answerer(Env& env, const Address* partner) : Player(env, partner), mine_(env) {}
  void OnMessage(const Address& from, Message message) override {
    Draft<msg::HealthCheck> answer;
    answer->set_node(message.As<msg::HealthCheck>().node());
    answer->set_round(message.As<msg::HealthCheck>().round() + 1);
    mine_.Send(from, std::move(answer));
  }

 private:
  Env& mine_;
};

// Answers and keeps a time-out running for each message, as a health monitor does.
class Timekeeper : public Player {
 public:
  Timekeeper(Env& env, const Address* partner) : Player(env, partner), mine_(env) {}
  void OnMessage(const Address& from, Message message) override {
    mine_.CancelTimer(TimerKind::kHealthCheck, 1);
    mine_.SetTimer(Duration::Seconds(1), TimerKind::kHealthCheck, 1);
    mine_.Send(from, std::move(message));
  }

 private:
  Env& mine_;
};

struct Figures {
  double rate = 0;
  double bytes_per_process = 0;
};

template <class Machine>
Figures MessageRate(uint32_t pairs, uint64_t messages, const CostProfile* costs = nullptr) {
  EngineOptions options;
  options.seed = kSeed;
  SimEngine engine(options);
  std::vector<Address> partners(pairs);
  // Different latencies mix the order of events: processes are met at random in memory, as in a real run.
  Random random(kSeed);
  for (uint32_t i = 0; i < 2 * pairs; ++i) {
    HostSpec host;
    host.latency_out = Duration::Nanos(20'000 + static_cast<int64_t>(random.Below(10'000)));
    engine.AddHost(host);
  }
  for (uint32_t i = 0; i < pairs; ++i) {
    const auto silent = [](Env& env, Address) { return std::make_unique<Machine>(env, nullptr); };
    partners[i] = engine.AddressOf(engine.Spawn({2 * i}, silent, {"a" + std::to_string(i), costs, 0}));
    const Address* partner = &partners[i];
    const auto eager = [partner](Env& env, Address) { return std::make_unique<Machine>(env, partner); };
    engine.Spawn({2 * i + 1}, eager, {"b" + std::to_string(i), costs, 0});
  }
  engine.RunSome(10 * pairs, Time{INT64_MAX});  // warm
  double best = 0;
  for (int round = 0; round < 3; ++round) {
    const double start = CpuSeconds();
    engine.RunSome(messages, Time{INT64_MAX});
    best = std::max(best, static_cast<double>(messages) / (CpuSeconds() - start));
  }
  return {best, static_cast<double>(engine.MemoryBytes()) / (2.0 * pairs)};
}

}  // namespace
}  // namespace orrery

int main(int argc, char** argv) {
  using namespace orrery;
  constexpr uint64_t messages = 3'000'000;
  const Report report(BenchOptions::Parse(argc, argv, {}), "engine with empty handlers, one core", "bare queue",
                      "engine.");
  CostProfile costs;
  costs.message_ns.fill(1'000);
  for (const uint32_t pairs : {1'000u, 10'000u}) {
    const std::string at = "." + std::to_string(pairs) + "_pairs";
    const double ceiling = QueueRate(static_cast<int>(pairs));
    report.Print("queue" + at, ceiling, "events/s");
    const Figures passed = MessageRate<Player>(pairs, messages);
    report.Print("pass_on" + at, passed.rate, "messages/s", ceiling);
    report.Print("answer" + at, MessageRate<Answerer>(pairs, messages).rate, "messages/s", ceiling);
    report.Print("answer_with_costs" + at, MessageRate<Answerer>(pairs, messages, &costs).rate, "messages/s", ceiling);
    report.Print("answer_with_timeout" + at, MessageRate<Timekeeper>(pairs, messages).rate, "messages/s", ceiling);
    report.Print("memory_per_process" + at, passed.bytes_per_process, "bytes");
  }
  return 0;
}
