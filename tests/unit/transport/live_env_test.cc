// One process's loop: timers, posts from many threads, local endpoints, and who drives.
#include "runtime/transport/live_env.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <thread>
#include <vector>

#include "runtime/messages/orrery.pb.h"
#include "runtime/transport/endpoint.h"

namespace orrery {
namespace {

struct Script final : StateMachine {
  std::function<void(const Address&, Message)> on_message = [](const Address&, Message) {};
  std::function<void(TimerKind, uint64_t)> on_timer = [](TimerKind, uint64_t) {};
  std::vector<Address> lost;
  int starts = 0;
  void Start() override { ++starts; }
  void OnMessage(const Address& from, Message message) override { on_message(from, std::move(message)); }
  void OnTimer(TimerKind kind, uint64_t id) override { on_timer(kind, id); }
  void OnPeerLost(const Address& peer) override { lost.push_back(peer); }
};

struct Endpoint final : LocalEndpoint {
  std::function<void(Message)> on_message = [](Message) {};
  void OnMessage(Message message) override { on_message(std::move(message)); }
};

Message Number(uint64_t value) {
  Draft<msg::GetClusterStatus> message;
  message->set_request(value);
  return message;
}
uint64_t NumberOf(const Message& message) { return message.As<msg::GetClusterStatus>().request(); }

struct LiveEnvTest : ::testing::Test {
  std::unique_ptr<LiveEnv> env = LiveEnv::Create({.role = "test", .token = "t"}).value();
  Script script;
  void SetUp() override { env->SetStateMachine(&script); }
};

TEST_F(LiveEnvTest, StartsOnceAndTimersComeInOrder) {
  std::vector<uint64_t> fired;
  script.on_timer = [&](TimerKind kind, uint64_t id) {
    EXPECT_EQ(kind, TimerKind::kWorkload);
    fired.push_back(id);
    if (id == 2) {
      env->CancelTimer(TimerKind::kWorkload, 3);
      env->SetTimer(Duration::Micros(50), TimerKind::kWorkload, 5);
    }
    if (id == 4) env->Stop();
  };
  const Time start = env->Now();
  env->SetTimer(Duration::Millis(30), TimerKind::kWorkload, 4);
  env->SetTimer(Duration::Millis(8), TimerKind::kWorkload, 3);
  env->SetTimer(Duration::Millis(5), TimerKind::kWorkload, 2);
  env->SetTimer(Duration::Millis(50), TimerKind::kWorkload, 1);
  env->SetTimer(Duration::Millis(1), TimerKind::kWorkload, 1);  // re-armed
  env->Run();
  EXPECT_EQ(fired, (std::vector<uint64_t>{1, 2, 5, 4}));
  EXPECT_GE((env->Now() - start).ns, Duration::Millis(30).ns);
  EXPECT_EQ(script.starts, 1);
}

TEST_F(LiveEnvTest, PostsFromManyThreadsArriveCompleteAndInOrderPerThread) {
  constexpr uint64_t kThreads = 8, kEach = 5000;
  std::map<uint64_t, uint64_t> last;
  uint64_t count = 0;
  script.on_message = [&](const Address& from, Message message) {
    EXPECT_EQ(from, Address::Application());
    const uint64_t thread = NumberOf(message) / kEach, index = NumberOf(message) % kEach;
    EXPECT_EQ(last[thread]++, index);
    if (++count == kThreads * kEach) env->Stop();
  };
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (uint64_t i = 0; i < kEach; ++i) env->Post(Address::Application(), Number(t * kEach + i));
    });
  }
  env->Run();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(count, kThreads * kEach);
  EXPECT_LE(env->stats().wakeups, env->stats().posts);
}

TEST_F(LiveEnvTest, BatchOfPostsNeedsAtMostOneWakeUp) {
  uint64_t seen = 0;
  script.on_message = [&](const Address&, Message) {
    if (++seen == 1000) env->Stop();
  };
  for (uint64_t i = 0; i < 1000; ++i) env->Post(Address::Application(), Number(i));
  EXPECT_EQ(env->stats().wakeups, 0u) << "nobody slept";
  env->Run();
  EXPECT_EQ(seen, 1000u);
}

TEST_F(LiveEnvTest, LocalEndpointIsNeverCalledFromWithinSend) {
  Endpoint application;
  bool in_handler = false;
  std::vector<uint64_t> got;
  application.on_message = [&](Message message) {
    EXPECT_FALSE(in_handler);
    got.push_back(NumberOf(message));
    if (got.size() == 2) env->Stop();
  };
  env->SetLocalEndpoint(Address::Application(), &application);
  script.on_message = [&](const Address&, Message) {
    in_handler = true;
    env->Send(Address::Application(), Number(1));
    env->Send(Address::Application(), Number(2));
    in_handler = false;
  };
  env->Post(Address::Application(), Number(0));
  env->Run();
  EXPECT_EQ(got, (std::vector<uint64_t>{1, 2}));
}

TEST_F(LiveEnvTest, SendToSelfAndToAMissingEndpoint) {
  std::vector<Address> from;
  script.on_message = [&](const Address& sender, Message message) {
    from.push_back(sender);
    if (NumberOf(message) == 0) {
      env->Send(env->address(), Number(1));
      env->Send({env->address().endpoint, 0}, Number(1));
      env->Send({env->address().endpoint, env->address().incarnation + 1}, Number(1));  // a former self
      env->Send(Address::Executor(), Number(1));                                         // nobody registered
    }
  };
  env->Post(Address::Application(), Number(0));
  env->Acquire();
  while (script.lost.size() < 2 || from.size() < 3) env->RunOne(Duration::Millis(100));
  env->Release();
  EXPECT_EQ(from, (std::vector<Address>{Address::Application(), env->address(), env->address()}));
}

// An "application": posts a number, the state machine echoes it, the endpoint completes the waiter.
struct EchoApplication {
  LiveEnv& env;
  Endpoint endpoint;
  std::mutex mutex;
  std::map<uint64_t, Waiter*> waiting;
  EchoApplication(LiveEnv& live, Script& script) : env(live) {
    script.on_message = [this](const Address&, Message message) {
      env.Send(Address::Application(), std::move(message));
    };
    endpoint.on_message = [this](Message message) {
      std::lock_guard lock(mutex);
      auto node = waiting.extract(NumberOf(message));
      if (!node.empty()) env.Complete(*node.mapped());
    };
    env.SetLocalEndpoint(Address::Application(), &endpoint);
  }
  bool Call(uint64_t number, Duration timeout) {
    Waiter waiter;
    {
      std::lock_guard lock(mutex);
      waiting[number] = &waiter;
    }
    env.Post(Address::Application(), Number(number));
    const bool done = env.Await(waiter, timeout);
    std::lock_guard lock(mutex);
    waiting.erase(number);
    return done;
  }
};

TEST_F(LiveEnvTest, ApplicationThreadsDriveInTurnWithoutABackgroundThread) {
  EchoApplication application(*env, script);
  std::atomic<uint64_t> done{0};
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (uint64_t i = 0; i < 500; ++i) {
        if (application.Call(t * 1000 + i, Duration{-1})) done.fetch_add(1);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(done.load(), 2000u);
}

TEST_F(LiveEnvTest, BackgroundThreadDrivesWhenNobodyElseDoes) {
  EchoApplication application(*env, script);
  std::atomic<int> timers{0};
  script.on_timer = [&](TimerKind, uint64_t id) {
    timers.fetch_add(1);
    env->SetTimer(Duration::Millis(1), TimerKind::kWorkload, id);
  };
  env->Acquire();
  env->SetTimer(Duration::Millis(1), TimerKind::kWorkload, 1);
  env->Release();
  env->StartBackgroundThread();
  while (timers.load() < 20) std::this_thread::yield();  // nobody calls: only the background thread can do this
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      for (uint64_t i = 0; i < 300; ++i) EXPECT_TRUE(application.Call(t * 1000 + i, Duration{-1}));
    });
  }
  for (std::thread& thread : threads) thread.join();
  const int before = timers.load();
  while (timers.load() < before + 20) std::this_thread::yield();
  // Acquire takes the token from a sleeping background thread, and gives it back.
  for (int i = 0; i < 50; ++i) {
    env->Acquire();
    env->Poll();
    env->Release(false);
  }
  const int later = timers.load();
  while (timers.load() < later + 3) std::this_thread::yield();
}

TEST_F(LiveEnvTest, AwaitEndsAtItsTimeOutAndAtStop) {
  env->StartBackgroundThread();
  Waiter never;
  const Time start = env->Now();
  EXPECT_FALSE(env->Await(never, Duration::Millis(20)));
  EXPECT_GE((env->Now() - start).ns, Duration::Millis(20).ns);
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      Waiter waiter;
      EXPECT_FALSE(env->Await(waiter, Duration{-1}));
    });
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  env->Stop();
  for (std::thread& thread : threads) thread.join();
}

TEST_F(LiveEnvTest, TokenIsGivenAwayDuringUserCode) {
  // As a worker does: the main thread drives, user code runs without the token, the background thread takes over.
  std::atomic<int> timers{0};
  script.on_timer = [&](TimerKind, uint64_t id) {
    timers.fetch_add(1);
    env->SetTimer(Duration::Millis(1), TimerKind::kWorkload, id);
  };
  env->StartBackgroundThread();
  env->Acquire();
  env->SetTimer(Duration::Millis(1), TimerKind::kWorkload, 1);
  for (int task = 0; task < 5; ++task) {
    env->RunOne(Duration::Millis(1));
    env->Release(false);
    const int before = timers.load();
    while (timers.load() < before + 5) std::this_thread::yield();  // the "task" lasts until others got on
    env->Acquire();
  }
  env->Release();
}

TEST(LiveEnvCreateTest, TakenPortIsUnavailable) {
  auto first = LiveEnv::Create({.token = "t"}).value();
  Result<std::unique_ptr<LiveEnv>> second = LiveEnv::Create({.port = PortOf(first->address()), .token = "t"});
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.status().code(), StatusCode::kUnavailable);
  EXPECT_NE(second.status().message().find(std::to_string(PortOf(first->address()))), std::string::npos);
}

TEST(LiveEnvCreateTest, EveryIncarnationIsNew) {
  auto a = LiveEnv::Create({.token = "t"}).value();
  auto b = LiveEnv::Create({.token = "t"}).value();
  EXPECT_NE(a->address().incarnation, 0u);
  EXPECT_NE(a->address().incarnation, b->address().incarnation);
}

}  // namespace
}  // namespace orrery
