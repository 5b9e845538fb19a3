// Actors that run several calls at once, on real processes: what threads do beside each other, and how they end.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "runtime/api/orrery.h"

namespace orrery::test {
namespace {

using namespace std::chrono_literals;

class Program {
 public:
  explicit Program(SessionOptions options = {.address = "local", .num_cpus = 2}) : session_(1, argv_, options) {}

 private:
  char name_[16] = "actors_test";
  char* argv_[2] = {name_, nullptr};
  Session session_;
};

int Square(int n) { return n * n; }
std::vector<int64_t> Many(int64_t value) { return std::vector<int64_t>(50'000, value); }
int Later(int value, int ms) {
  std::this_thread::sleep_for(std::chrono::milliseconds(ms));
  return value;
}
int Never() {
  while (!cancelled()) std::this_thread::sleep_for(1ms);
  return 0;
}

class Busy {
 public:
  // Returns when `people` calls are here at once.
  int Meet(int people) {
    std::unique_lock lock(mutex_);
    if (++here_ == people) changed_.notify_all();
    changed_.wait(lock, [&] { return here_ >= people; });
    return people;
  }
  int Here() const { return here_; }
  int SquareOf(int n) const { return remote<&Square>(n).get(); }
  std::vector<int64_t> Large(int64_t value) const { return Many(value); }
  int64_t Sum(const std::vector<int64_t>& values) const { return std::accumulate(values.begin(), values.end(), 0L); }
  Ref<std::vector<int64_t>> RefTo(int64_t value) const { return put(Many(value)); }
  int64_t SumBehind(const Ref<std::vector<int64_t>>& ref) const { return Sum(ref.get()); }
  TaskId Task() const { return context().task; }
  std::string Surroundings() const {
    const Context here = context();
    std::string text = ToString(here.actor) + " " + ToString(here.placement_group) + " GPU";
    for (uint32_t gpu : here.gpu_ids) text += " " + std::to_string(gpu);
    const char* shown = getenv("CUDA_VISIBLE_DEVICES");
    return text + " shown " + (shown == nullptr ? "none" : shown);
  }
  int WaitFor(const std::vector<Ref<int>>& refs) const { return refs[0].get(); }
  int UntilCancelled() {
    ++here_;
    while (!cancelled()) std::this_thread::sleep_for(1ms);
    ++stopped_;
    return 1;
  }
  int Stopped() const { return stopped_; }
  void Throw() const { throw std::out_of_range("too far"); }
  void Leave() const { exit_actor(); }
  int Pid() const { return getpid(); }
  uint64_t Thread() const { return std::hash<std::thread::id>()(std::this_thread::get_id()); }
  int Add(int n) { return total_ += n; }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::atomic<int> here_{0}, stopped_{0}, total_{0};
};

Actor<Busy> Threads(int count, ActorOptions options = {}) {
  options.max_concurrency = count;
  return actor<Busy>(options)();
}

TEST(ConcurrentActors, CallsRunAtOnceOnThreadsOfTheirOwn) {
  Program program;
  const auto busy = Threads(3);
  std::vector<Ref<int>> met;
  for (int i = 0; i < 3; ++i) met.push_back(busy.call<&Busy::Meet>(3));
  EXPECT_EQ(get(met), std::vector<int>(3, 3));
  EXPECT_THROW(Threads(0), Error);
  EXPECT_THROW(actor<Busy>({.concurrency_groups = {{"a", 1}, {"a", 2}}})(), Error);
}

TEST(ConcurrentActors, ManyCallsWithChildrenValuesAndRefs) {
  Program program;
  const auto busy = Threads(4, {.num_cpus = 1});
  std::vector<Ref<int>> squares;
  std::vector<Ref<int64_t>> sums;
  int64_t expected = 0;
  for (int i = 0; i < 60; ++i) {
    squares.push_back(busy.call<&Busy::SquareOf>(i));
    sums.push_back(busy.call<&Busy::Sum>(busy.call<&Busy::Large>(i)));
    sums.push_back(busy.call<&Busy::SumBehind>(busy.call<&Busy::RefTo>(i).get()));
    expected += 2 * 50'000 * i;
  }
  const std::vector<int> got = get(squares);
  for (int i = 0; i < 60; ++i) EXPECT_EQ(got[static_cast<size_t>(i)], i * i);
  const std::vector<int64_t> each = get(sums);
  EXPECT_EQ(std::accumulate(each.begin(), each.end(), int64_t{0}), expected);
}

TEST(ConcurrentActors, SmallCallsAreEachRunOnce) {
  Program program;
  const auto busy = Threads(4);
  std::vector<Ref<int>> calls;
  for (int i = 0; i < 5'000; ++i) calls.push_back(busy.call<&Busy::Add>(1));
  get(calls);
  EXPECT_EQ(busy.call<&Busy::Add>(0).get(), 5'000);
}

TEST(ConcurrentActors, EachCallKnowsItsTaskAndItsErrors) {
  Program program;
  const auto busy = Threads(2);
  for (int i = 0; i < 20; ++i) {
    const auto task = busy.call<&Busy::Task>();
    const auto thrown = busy.call<&Busy::Throw>();
    EXPECT_EQ(task.get(), task.task());
    EXPECT_THROW(thrown.get(), TaskError);
  }
}

TEST(ConcurrentActors, EachCallKnowsItsActorItsGpusAndItsPlacementGroup) {
  unsetenv("CUDA_VISIBLE_DEVICES");
  Program program({.address = "local", .num_cpus = 2, .num_gpus = 2});
  const PlacementGroup group = placement_group({bundle(1, 1)});
  ASSERT_TRUE(group.wait(60s));
  for (int threads : {1, 2}) {
    const auto inside = Threads(threads, {.num_gpus = 1, .strategy = InPlacementGroup(group, 0)});
    EXPECT_EQ(inside.call<&Busy::Surroundings>().get(),
              ToString(inside.id()) + " " + ToString(group.id) + " GPU 0 shown 0");
    inside.kill();
    const auto outside = Threads(threads, {.num_gpus = 1});
    EXPECT_EQ(outside.call<&Busy::Surroundings>().get(),
              ToString(outside.id()) + " " + ToString(PlacementGroupId()) + " GPU 1 shown 1");
    outside.kill();
  }
}

TEST(ConcurrentActors, CancellingOneLeavesTheOthers) {
  Program program;
  const auto busy = Threads(3);
  const auto never = remote<&Never>();
  const auto waits = busy.call<&Busy::WaitFor>(std::vector{never});
  const auto runs = busy.call<&Busy::UntilCancelled>();
  const auto meets = busy.call<&Busy::Meet>(3);
  cancel(waits);
  EXPECT_THROW(waits.get(60s), CancelledError);
  while (busy.call<&Busy::Here>().get(60s) < 2) {
  }
  cancel(runs);
  while (busy.call<&Busy::Stopped>().get(60s) < 1) {
  }
  EXPECT_EQ(busy.call<&Busy::Meet>(3).get(60s), 3);
  EXPECT_EQ(meets.get(60s), 3);
  cancel(never);
}

TEST(ConcurrentActors, AGroupOfOneHasOneThread) {
  Program program;
  const auto busy = actor<Busy>({.concurrency_groups = {{"one", 1, {method_id<&Busy::Thread>()}}, {"two", 2}}})();
  const uint64_t first = busy.call<&Busy::Thread>().get();
  for (int i = 0; i < 50; ++i) EXPECT_EQ(busy.call<&Busy::Thread>().get(), first);
  EXPECT_NE(busy.in_group("two").call<&Busy::Thread>().get(), first);
  EXPECT_THROW(busy.in_group("three").call<&Busy::Thread>().get(), Error);
}

TEST(ConcurrentActors, ExitAndKillEndThoseThatRun) {
  Program program;
  const auto leaves = Threads(2);
  const auto beside = leaves.call<&Busy::Meet>(9);
  EXPECT_THROW(leaves.call<&Busy::Leave>().get(60s), ActorDiedError);
  EXPECT_THROW(beside.get(60s), ActorDiedError);
  const auto killed = Threads(2);
  const auto one = killed.call<&Busy::Meet>(9), two = killed.call<&Busy::Meet>(9), three = killed.call<&Busy::Meet>(9);
  killed.ready();
  killed.kill();
  for (const auto& ref : {one, two, three}) EXPECT_THROW(ref.get(60s), ActorDiedError);
}

TEST(ConcurrentActors, ALostProcessIsFollowedByAnother) {
  Program program;
  const auto busy = Threads(3, {.max_restarts = 1, .max_task_retries = 1});
  const int pid = busy.call<&Busy::Pid>().get();
  const auto one = busy.call<&Busy::Meet>(2);
  while (busy.call<&Busy::Here>().get(60s) < 1) {
  }
  kill(pid, SIGKILL);
  const auto two = busy.call<&Busy::Meet>(2);  // both again meet in the successor
  EXPECT_EQ(one.get(60s) + two.get(60s), 4);
  EXPECT_NE(busy.call<&Busy::Pid>().get(60s), pid);
}

TEST(ConcurrentActors, TheLastHandleGoesWhileCallsRun) {
  Program program;
  std::vector<Ref<int>> met;
  {
    const auto busy = Threads(2);
    for (int i = 0; i < 2; ++i) met.push_back(busy.call<&Busy::Meet>(2));
  }
  EXPECT_EQ(get(met), std::vector<int>(2, 2));
}

TEST(ConcurrentActors, OutOfOrderCallsWaitForTheirOwnArgumentsOnly) {
  Program program;
  const auto busy = actor<Busy>({.allow_out_of_order_execution = true})();
  const auto slow = busy.call<&Busy::Add>(remote<&Later>(1, 500));
  EXPECT_EQ(busy.call<&Busy::Add>(10).get(60s), 10);
  EXPECT_EQ(slow.get(60s), 11);
  const auto large = busy.call<&Busy::Sum>(remote<&Many>(2));
  EXPECT_EQ(large.get(60s), 100'000);
}

TEST(Queues, ManyTakersAndTimeOuts) {
  Program program;
  const auto queue = Queue<std::string>::Make(2);
  EXPECT_EQ(queue.get(10ms), std::nullopt);
  queue.put("a");
  queue.put("b");
  EXPECT_FALSE(queue.put("c", 10ms));
  EXPECT_EQ(queue.size(), 2U);
  EXPECT_EQ(queue.get(), "a");
  EXPECT_EQ(queue.get(10ms), "b");
  std::vector<std::thread> takers;
  std::atomic<int> taken{0};
  for (int i = 0; i < 4; ++i) {
    takers.emplace_back([&] {
      while (queue.get() != "end") ++taken;
    });
  }
  for (int i = 0; i < 100; ++i) queue.put("item");
  for (int i = 0; i < 4; ++i) queue.put("end");
  for (std::thread& taker : takers) taker.join();
  EXPECT_EQ(taken, 100);
}

TEST(ActorPools, KeepOrderWhereAskedFor) {
  Program program;
  ActorPool<&Busy::SquareOf> pool({spawn<Busy>(), spawn<Busy>()});
  for (int i = 0; i < 10; ++i) pool.submit(i);
  EXPECT_FALSE(pool.has_free());
  for (int i = 0; i < 10; ++i) EXPECT_EQ(pool.get_next(), i * i);
  EXPECT_THROW(pool.get_next(), Error);
  const auto idle = pool.pop_idle();
  ASSERT_TRUE(idle.has_value());
  ASSERT_TRUE(pool.pop_idle().has_value());
  pool.submit(3);
  EXPECT_THROW(pool.get_next(), Error);  // nobody is there to run it
  pool.push(*idle);
  EXPECT_EQ(pool.get_next_unordered(), 9);
}

}  // namespace
}  // namespace orrery::test
