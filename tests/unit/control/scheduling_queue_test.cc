// Which of an actor's calls may start: limits, groups, order, further attempts; and random lives against a plain model.
#include "runtime/core_worker/scheduling_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "runtime/common/random.h"
#include "runtime/messages/orrery.pb.h"

namespace orrery {
namespace {

const Address kCaller{1, 1}, kOther{2, 1};

Received Call(uint64_t index, const Address& from = kCaller, uint32_t attempt = 0) {
  Draft<msg::PushTask> push;
  push->mutable_spec()->set_owner(from.endpoint);
  push->mutable_spec()->set_index(index);
  push->set_attempt(attempt);
  return {from, std::move(push)};
}
TaskId Task(uint64_t index, const Address& from = kCaller) { return {WorkerId{from.endpoint}, index}; }
uint64_t IndexOf(const Received& call) { return call.push.As<msg::PushTask>().spec().index(); }

msg::ActorSpec Actor(uint32_t max_concurrency, const std::map<std::string, uint32_t>& groups = {}) {
  msg::ActorSpec actor;
  actor.set_max_concurrency(max_concurrency);
  for (const auto& [name, limit] : groups) {
    msg::ConcurrencyGroup* group = actor.add_concurrency_groups();
    group->set_name(name);
    group->set_max_concurrency(limit);
  }
  return actor;
}

// All that may start now, in order.
std::vector<uint64_t> StartAll(SchedulingQueue& queue) {
  std::vector<uint64_t> started;
  while (const auto group = queue.Next()) {
    Received call;
    queue.Take(*group, call);
    started.push_back(IndexOf(call));
  }
  return started;
}

using Indices = std::vector<uint64_t>;

TEST(SchedulingQueue, AWorkerRunsOneAtATime) {
  SchedulingQueue queue;
  EXPECT_FALSE(queue.concurrent());
  for (uint64_t i = 1; i <= 3; ++i) queue.Push(0, Call(i));
  EXPECT_EQ(StartAll(queue), Indices({1}));
  queue.Finish(0, Task(1));
  EXPECT_EQ(StartAll(queue), Indices({2}));
}

TEST(SchedulingQueue, LimitsAreOfGroups) {
  SchedulingQueue queue(Actor(1, {{"compute", 2}, {"io", 1}}));
  EXPECT_TRUE(queue.concurrent());
  for (uint64_t i = 1; i <= 3; ++i) {
    queue.Push(0, Call(i));
    queue.Push(1, Call(10 + i));
    queue.Push(2, Call(20 + i));
  }
  EXPECT_EQ(StartAll(queue), Indices({1, 11, 12, 21}));
  queue.Finish(1, Task(12));
  EXPECT_EQ(StartAll(queue), Indices({13}));
  EXPECT_EQ(queue.running(), 4U);
}

TEST(SchedulingQueue, MethodsAndCallsNameGroups) {
  msg::ActorSpec actor = Actor(1, {{"compute", 2}, {"io", 1}});
  actor.mutable_concurrency_groups(0)->add_functions(77);
  actor.mutable_concurrency_groups(1)->add_methods("read");
  const SchedulingQueue queue(actor);
  const auto group_of = [&](const msg::TaskSpec& spec) { return queue.GroupOf(spec).value(); };
  msg::TaskSpec call;
  EXPECT_EQ(group_of(call), 0U);
  call.set_function(77);
  EXPECT_EQ(group_of(call), 1U);
  call.set_concurrency_group("io");
  EXPECT_EQ(group_of(call), 2U);
  call.Clear();
  call.set_name("read");
  EXPECT_EQ(group_of(call), 2U);
  call.set_concurrency_group("oi");
  EXPECT_EQ(queue.GroupOf(call).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(queue.GroupOf(call).status().message(), "the actor has no concurrency group 'oi'; it has: compute, io");
}

TEST(SchedulingQueue, AFurtherAttemptWaitsForTheFormer) {
  SchedulingQueue queue(Actor(3));
  queue.Push(0, Call(1));
  EXPECT_EQ(StartAll(queue), Indices({1}));
  queue.Push(0, Call(1, kCaller, 1));
  queue.Push(0, Call(2));
  EXPECT_EQ(StartAll(queue), Indices());  // in order: 2 stays behind it
  queue.CheckInvariants();
  queue.Finish(0, Task(1));
  EXPECT_EQ(StartAll(queue), Indices({1, 2}));
}

TEST(SchedulingQueue, AHeldGroupStartsNobody) {
  SchedulingQueue queue(Actor(2, {{"io", 1}}));
  queue.Push(0, Call(1));
  queue.Push(0, Call(2));
  Received first;
  queue.Take(*queue.Next(), first);
  queue.Hold(0, true);
  queue.Push(1, Call(3));
  EXPECT_EQ(StartAll(queue), Indices({3}));
  queue.Hold(0, false);
  EXPECT_EQ(StartAll(queue), Indices({2}));
}

TEST(SchedulingQueue, CallsLeaveTheirLines) {
  SchedulingQueue queue(Actor(1, {{"io", 1}}));
  queue.Push(0, Call(1));
  queue.Push(0, Call(1, kOther));
  queue.Push(1, Call(2));
  queue.Push(1, Call(3));
  EXPECT_FALSE(queue.Remove(kOther, Task(2)).has_value());
  EXPECT_EQ(IndexOf(*queue.Remove(kCaller, Task(2))), 2U);
  EXPECT_EQ(queue.RemoveOf(kCaller).size(), 2U);
  EXPECT_EQ(queue.TakeAll().size(), 1U);
  EXPECT_TRUE(queue.idle());
}

// The model: calls in order of arrival; the oldest of its group starts when fewer than the limit run.
TEST(SchedulingQueue, RandomLivesAsAModelHasThem) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    Random random(seed);
    const std::map<std::string, uint32_t> groups{{"a", 1 + static_cast<uint32_t>(random.Below(3))}, {"b", 1}};
    const std::vector<size_t> limits{1 + random.Below(4), groups.at("a"), 1};
    SchedulingQueue queue(Actor(static_cast<uint32_t>(limits[0]), groups));
    std::vector<std::vector<uint64_t>> waiting(3), running(3);
    uint64_t last = 0;
    for (int step = 0; step < 200; ++step) {
      const size_t group = random.Below(3);
      const uint64_t what = random.Below(10);
      if (what < 5) {
        waiting[group].push_back(++last);
        queue.Push(static_cast<uint32_t>(group), Call(last));
      } else if (what < 9 && !running[group].empty()) {
        const auto ended = running[group].begin() + static_cast<std::ptrdiff_t>(random.Below(running[group].size()));
        queue.Finish(static_cast<uint32_t>(group), Task(*ended));
        running[group].erase(ended);
      } else if (!waiting[group].empty()) {
        const auto gone = waiting[group].begin() + static_cast<std::ptrdiff_t>(random.Below(waiting[group].size()));
        ASSERT_TRUE(queue.Remove(kCaller, Task(*gone)).has_value());
        waiting[group].erase(gone);
      }
      Indices expected;
      for (size_t i = 0; i < 3; ++i) {
        while (!waiting[i].empty() && running[i].size() < limits[i]) {
          expected.push_back(waiting[i].front());
          running[i].push_back(waiting[i].front());
          waiting[i].erase(waiting[i].begin());
        }
      }
      ASSERT_EQ(StartAll(queue), expected) << "seed " << seed << " step " << step;
      queue.CheckInvariants();
    }
  }
}

}  // namespace
}  // namespace orrery
