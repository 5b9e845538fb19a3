// Owned tasks and their values: long chains, shared arguments, who lets go of what.
#include "runtime/core_worker/task_manager.h"

#include <gtest/gtest.h>

#include <set>

#include "runtime/core_worker/memory_store.h"
#include "runtime/core_worker/request_table.h"
#include "runtime/messages/convert.h"
#include "runtime/messages/orrery.pb.h"
#include "tests/support/recording_env.h"

namespace orrery::test {
namespace {

const WorkerId kSelf = WorkerId::Of(NodeId{1}, 1);

class Queue final : public TaskQueue {
 public:
  Status Accept(uint64_t, OwnedTask&) override { return Status::Ok(); }
  void Enqueue(uint64_t task, OwnedTask&, bool) override { queued.insert(task); }
  void Remove(uint64_t task, const OwnedTask&) override { EXPECT_EQ(queued.erase(task), 1u); }
  void CancelPushed(uint64_t task, const OwnedTask&, bool) override { cancelled.insert(task); }
  std::set<uint64_t> queued, cancelled;
};

class TaskManagerTest : public testing::Test {
 protected:
  TaskManagerTest()
      : core_(env_, settings_, {}),
        objects_(core_),
        requests_(core_, objects_),
        tasks_(core_, objects_, requests_, queue_) {
    core_.id = kSelf;
  }
  void Submit(uint64_t index, const std::vector<uint64_t>& args, bool notify = false, int32_t retries = 0) {
    Draft<msg::SubmitTask> submit;
    submit->mutable_spec()->set_owner(kSelf.value);
    submit->mutable_spec()->set_index(index);
    submit->mutable_spec()->set_num_returns(1);
    for (uint64_t task : args) {
      msg::TaskArg* arg = submit->mutable_spec()->add_args();
      arg->set_object_owner(kSelf.value);
      arg->set_object_task(task);
    }
    submit->set_max_retries(retries);
    submit->set_notify(notify);
    tasks_.Submit(std::move(submit));
  }
  void Push(uint64_t index) {
    ASSERT_EQ(queue_.queued.erase(index), 1u) << index;
    tasks_.Find(index)->state = OwnedTask::State::kPushed;
  }
  void Finish(uint64_t index, const std::string& value) {
    Push(index);
    google::protobuf::RepeatedPtrField<std::string> returns;
    returns.Add(std::string(value));
    tasks_.Complete(index, {}, &returns);
  }
  void Fail(uint64_t index) {
    Push(index);
    tasks_.AttemptFailed(index, {.status = StatusCode::kWorkerDied, .error = "test"});
  }
  const StoredValue* Value(uint64_t task) { return store_.Find({{kSelf, task}, 0}); }
  void Release(uint64_t task) { store_.Release({{kSelf, task}, 0}); }

  RecordingEnv env_;
  Settings settings_;
  CoreContext core_;
  Objects objects_;
  MemoryStore& store_ = objects_.store;
  RequestTable requests_;
  Queue queue_;
  TaskManager tasks_;
};

// Each failure fails the next: as recursion this would need a hundred thousand frames.
TEST_F(TaskManagerTest, AFailureRunsDownAChainOf100000Tasks) {
  constexpr uint64_t kTasks = 100'000;
  Submit(1, {});
  for (uint64_t i = 2; i <= kTasks; ++i) {
    Submit(i, {i - 1});
    Release(i - 1);  // as a program does that keeps only the last one
  }
  Fail(1);
  EXPECT_EQ(tasks_.size(), 0u);
  EXPECT_EQ(Value(kTasks)->status, StatusCode::kWorkerDied);
  EXPECT_EQ(Value(kTasks)->error,
            "task-1.1.100000: argument object-1.1.99999.0 failed: task-1.1.1: test (attempt 1, no retries left)");
  EXPECT_EQ(store_.size(), 1u);
}

TEST_F(TaskManagerTest, OneArgumentTwiceAndAnotherReadyBefore) {
  Submit(1, {});
  Submit(2, {});
  Finish(1, "one");
  Submit(3, {1, 2, 2});
  Release(2);
  EXPECT_TRUE(queue_.queued.count(3) == 0);
  Finish(2, "two");
  const auto& spec = tasks_.Find(3)->submit.As<msg::SubmitTask>().spec();
  EXPECT_EQ(spec.args(0).value() + spec.args(1).value() + spec.args(2).value(), "onetwotwo");
  EXPECT_EQ(Value(2), nullptr) << "its value is in the task; nobody else refers to it";
}

// The arguments that have arrived and those that have not must both be let go of, whichever come first.
TEST_F(TaskManagerTest, ACancelledTaskLetsGoOfAllItsArguments) {
  for (uint64_t i = 1; i <= 3; ++i) Submit(i, {});
  Submit(4, {1, 2, 3, 2});
  for (uint64_t i = 1; i <= 4; ++i) Release(i);
  Finish(1, "x");
  EXPECT_NE(Value(1), nullptr) << "task 4 still needs it";
  tasks_.Cancel(4, false, false);
  EXPECT_EQ(Value(1), nullptr);
  Finish(2, "x");
  Finish(3, "x");
  EXPECT_EQ(store_.size(), 0u);
}

TEST_F(TaskManagerTest, ABadArgumentBetweenPendingOnesFailsAtOnce) {
  Submit(1, {});
  Submit(2, {});
  Submit(3, {});
  Fail(2);
  Submit(4, {1, 2, 3});
  EXPECT_EQ(Value(4)->status, StatusCode::kWorkerDied);
  for (uint64_t i = 1; i <= 4; ++i) Release(i);
  Finish(1, "x");
  Finish(3, "x");
  EXPECT_EQ(store_.size(), 0u);
}

TEST_F(TaskManagerTest, AttemptsAreCounted) {
  Submit(1, {}, true, 2);
  for (int attempt = 0; attempt < 3; ++attempt) Fail(1);
  const auto end = env_.Take<msg::TaskFinished>(Address::Application());
  EXPECT_EQ(end.attempts(), 3u);
  EXPECT_EQ(end.status(), static_cast<uint32_t>(StatusCode::kWorkerDied));
}

TEST_F(TaskManagerTest, ACancelledTaskIsNotRetriedWhenItsWorkerDies) {
  Submit(1, {}, true, 5);
  Push(1);
  tasks_.Cancel(1, true, false);
  EXPECT_EQ(queue_.cancelled.count(1), 1u);
  tasks_.AttemptFailed(1, {.status = StatusCode::kWorkerDied, .error = "killed"});
  EXPECT_EQ(env_.Take<msg::TaskFinished>(Address::Application()).status(),
            static_cast<uint32_t>(StatusCode::kCancelled));
}

TEST_F(TaskManagerTest, ADelayedRetryCanBeCancelled) {
  const_cast<Settings&>(core_.settings).task_retry_delay = Duration::Millis(7);
  Submit(1, {}, false, 1);
  Fail(1);
  env_.TakeTimer(TimerKind::kTaskRetry, 1, Duration::Millis(7));
  tasks_.Cancel(1, false, false);
  tasks_.OnRetryTimer(1);
  EXPECT_TRUE(queue_.queued.empty());
  EXPECT_EQ(Value(1)->status, StatusCode::kCancelled);
}

TEST_F(TaskManagerTest, ClosingEndsEveryTaskAndRefusesMore) {
  Submit(1, {}, true);
  Submit(2, {}, true);
  Submit(3, {1}, true);
  Push(2);
  tasks_.Close(StatusCode::kCancelled, "closed");
  Submit(4, {}, true);
  EXPECT_EQ(env_.TakeAll(MessageKind::kTaskFinished).size(), 4u);
  EXPECT_EQ(tasks_.size(), 0u);
  tasks_.AttemptFailed(2, {.status = StatusCode::kWorkerDied});  // its worker goes later
}

TEST_F(TaskManagerTest, TooManyUnfinishedTasksAreRefused) {
  const_cast<Settings&>(core_.settings).max_pending_tasks = 2;
  for (uint64_t i = 1; i <= 3; ++i) Submit(i, {});
  EXPECT_EQ(tasks_.size(), 2u);
  EXPECT_EQ(Value(3)->status, StatusCode::kUnavailable);
}

TEST(MemoryStore, AReleasedObjectLivesUntilItsDependentHasIt) {
  MemoryStore store;
  const ObjectId object{{kSelf, 1}, 0};
  store.AddPending(object);
  store.AddDependent(object, 7);
  store.Release(object);
  EXPECT_EQ(store.Seal(object, {}).tasks, std::vector<uint64_t>{7});
  EXPECT_NE(store.Find(object), nullptr);
  store.DropDependent(object, 7);
  EXPECT_FALSE(store.Contains(object));
}

TEST(MemoryStore, AnObjectReleasedWhilePendingEndsWithItsValue) {
  MemoryStore store;
  const ObjectId object{{kSelf, 1}, 0};
  store.AddPending(object);
  store.Release(object);
  EXPECT_TRUE(store.Contains(object)) << "its value must find where to end";
  store.Seal(object, {});
  EXPECT_EQ(store.size(), 0u);
  EXPECT_TRUE(store.Seal(object, {}).requests.empty()) << "unknown objects are ignored";
}

}  // namespace
}  // namespace orrery::test
