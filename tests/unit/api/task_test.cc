// The public API end to end, in one process: what a program writes and what it gets.
#include <gtest/gtest.h>

#include <stdexcept>

#include "runtime/api/orrery.h"
#include "tests/unit/api/loopback.h"

namespace app {

int Add(int a, int b) { return a + b; }
double Half(double x) { return x / 2; }
std::string Join(const std::vector<std::string>& parts, std::string separator) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : separator) + part;
  return text;
}
std::unique_ptr<int> Box(int x) { return std::make_unique<int>(x); }
int Unbox(std::unique_ptr<int> box) { return *box; }
void Nothing() {}
struct Oops : std::logic_error {
  using std::logic_error::logic_error;
};
int Throws(int x) { throw Oops("x is " + std::to_string(x)); }
int ThrowsNumber() { throw 42; }
int FailsTwice() {
  if (orrery::context().attempt < 2) throw std::runtime_error("not yet");
  return 7;
}
uint64_t OwnIndex() { return orrery::context().task.index; }

}  // namespace app

namespace orrery {
namespace {

using test::Loopback;
using namespace std::chrono_literals;

// ---- what compiles, and what does not ----

template <auto kFunction, class... As>
concept Callable = requires(As... args) { remote<kFunction>(args...); };

static_assert(Callable<&app::Add, int, int> && Callable<&app::Add, Ref<int>, short> &&
              Callable<&app::Add, Ref<int>, Ref<int>>);
static_assert(Callable<&app::Join, std::vector<std::string>, const char*>, "what converts to the parameter");
static_assert(!Callable<&app::Add, int> && !Callable<&app::Add, int, int, int> && !Callable<&app::Nothing, int>);
static_assert(!Callable<&app::Add, int, std::string> && !Callable<&app::Add, int, const char*>);
static_assert(!Callable<&app::Add, int, Ref<long>> && !Callable<&app::Add, int, Ref<std::string>>,
              "a Ref is of the very type");
static_assert(std::is_same_v<decltype(remote<&app::Add>(1, 2)), Ref<int>>);
static_assert(std::is_same_v<decltype(remote<&app::Nothing>()), Ref<void>>);

// ---- names ----

int Local(int x) { return x; }

TEST(FunctionTable, NamesAreThoseOfTheSourceOnEveryCompiler) {
  EXPECT_EQ(internal::InfoFor<&app::Add>().name, "app::Add");
  EXPECT_EQ(internal::InfoFor<&Local>().name, "orrery::(anonymous namespace)::Local");
  EXPECT_EQ(internal::InfoFor<&app::Add>().id, 0x43de15d92369ba2c) << "fixed: the same on every compiler and platform";
  EXPECT_NE(internal::InfoFor<&app::Add>().id, internal::InfoFor<&app::Half>().id);
}

TEST(FunctionTable, AnUnknownFunctionIsAClearError) {
  const auto found = internal::FindFunction(0x1234);
  ASSERT_FALSE(found.ok());
  EXPECT_NE(found.status().message().find("0000000000001234"), std::string::npos) << found.status().message();
}

TEST(FunctionTable, TwoFunctionsOfOneNameAreRefused) {
  static const internal::FunctionInfo first{"f", 99, 0, internal::Registered<&app::Nothing>::kInfo.thunk};
  static const internal::FunctionInfo second{"f", 99, 2, internal::Registered<&app::Add>::kInfo.thunk};
  internal::RegisterFunction(&first);
  EXPECT_TRUE(internal::FindFunction(99).ok());
  internal::RegisterFunction(&second);
  EXPECT_EQ(internal::FindFunction(99).status().code(), StatusCode::kAlreadyExists);
}

// ---- calls ----

TEST(Task, ReturnsWhatTheFunctionReturns) {
  Loopback world;
  EXPECT_EQ(remote<&app::Add>(2, 3).get(), 5);
  EXPECT_EQ(remote<&app::Join>(std::vector<std::string>{"a", "b"}, ", ").get(), "a, b");
  EXPECT_EQ(remote<&app::Half>(3).get(), 1.5) << "an int is converted before it travels";
  remote<&app::Nothing>().get();
  EXPECT_EQ(remote<&app::Unbox>(remote<&app::Box>(9)).get(), 9) << "move-only types";
}

TEST(Task, ARefStandsForItsValue) {
  Loopback world;
  const Ref<int> three = put(3);
  const Ref<int> seven = remote<&app::Add>(three, 4);
  EXPECT_EQ(remote<&app::Add>(seven, seven).get(), 14);
  EXPECT_EQ(three.get(), 3);
}

TEST(Task, SeveralValuesAtOnce) {
  Loopback world;
  std::vector<Ref<int>> refs;
  for (int i = 0; i < 100; ++i) refs.push_back(remote<&app::Add>(i, i));
  const std::vector<int> values = get(refs);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(values[static_cast<size_t>(i)], 2 * i);
  const auto [number, text] = get(refs[1], remote<&app::Join>(std::vector<std::string>{"x"}, ""));
  EXPECT_EQ(number, 2);
  EXPECT_EQ(text, "x");
  EXPECT_TRUE(get(std::vector<Ref<int>>{}).empty());
}

TEST(Task, ExceptionsArriveWithTypeMessageAndPlace) {
  Loopback world;
  try {
    remote<&app::Throws>(5).get();
    FAIL() << "did not throw";
  } catch (const TaskError& error) {
    EXPECT_STREQ(error.what(), "app::Oops: x is 5");
    EXPECT_EQ(error.type_name(), "app::Oops");
    EXPECT_NE(error.stack().find("in app::Throws"), std::string::npos) << error.stack();
    EXPECT_NE(error.stack().find("#0 "), std::string::npos) << error.stack();
  }
  try {
    remote<&app::ThrowsNumber>().get();
    FAIL() << "did not throw";
  } catch (const TaskError& error) {
    EXPECT_EQ(error.type_name(), "int");
  }
}

TEST(Task, AnErrorPassesThroughTasksThatTakeIt) {
  Loopback world;
  const int before = world.executed();
  const Ref<int> bad = remote<&app::Throws>(1);
  try {
    remote<&app::Add>(bad, 1).get();
    FAIL() << "did not throw";
  } catch (const TaskError& error) {
    EXPECT_EQ(error.type_name(), "app::Oops");
    EXPECT_NE(std::string(error.what()).find("x is 1"), std::string::npos);
  }
  EXPECT_EQ(world.executed(), before + 1) << "the second task never ran";
}

TEST(Task, RetriesOnExceptionsOnlyWhenAsked) {
  Loopback world;
  EXPECT_THROW(remote<&app::FailsTwice>().get(), TaskError);
  EXPECT_EQ(task<&app::FailsTwice>({.max_retries = 2, .retry_exceptions = true})().get(), 7);
  EXPECT_THROW(task<&app::FailsTwice>({.max_retries = 1, .retry_exceptions = true})().get(), TaskError);
}

TEST(Task, InfeasibleAndSenselessRequestsAreErrors) {
  Loopback world;
  EXPECT_THROW(task<&app::Nothing>({.strategy = NodeAffinity(NodeId{99})})().get(), InfeasibleError);
  EXPECT_THROW(task<&app::Nothing>({.num_gpus = 1.5}), Error);
  EXPECT_THROW(task<&app::Nothing>({.num_cpus = -1}), Error);
}

TEST(Task, EqualOptionsShareAClass) {
  EXPECT_EQ(internal::ClassFor(1, {}), internal::ClassFor(1, {.name = "other"}));
  EXPECT_NE(internal::ClassFor(1, {}), internal::ClassFor(2, {}));
  EXPECT_NE(internal::ClassFor(1, {}), internal::ClassFor(1, {.resources = {{"licence", 1}}}));
  Loopback world;
  for (int i = 0; i < 10; ++i) task<&app::Nothing>({.num_cpus = 2})().get();
  const int defined = world.posted(MessageKind::kDefineClass);
  task<&app::Nothing>({.num_cpus = 2})().get();
  EXPECT_EQ(world.posted(MessageKind::kDefineClass), defined);
}

// ---- waiting ----

TEST(Wait, ReturnsWhenEnoughAreReady) {
  Loopback world;
  const Ref<int> first = remote<&app::Add>(1, 1);
  first.get();
  world.HangTasks(true);
  std::vector<Ref<int>> refs{remote<&app::Add>(2, 2), first, remote<&app::Add>(3, 3)};
  const auto [ready, unready] = wait(refs, 1);
  ASSERT_EQ(ready.size(), 1U);
  EXPECT_EQ(ready[0], first);
  EXPECT_EQ(unready.size(), 2U);
  EXPECT_EQ(wait(refs, 3, 10ms).ready.size(), 1U) << "the time passed";
  EXPECT_EQ(wait(refs, 3, 0ms).ready.size(), 1U);
  EXPECT_THROW(get(refs, 10ms), TimeoutError);
  EXPECT_THROW(refs[0].get(10ms), TimeoutError);
  EXPECT_EQ(first.get(0ms), 2);
}

TEST(Cancel, EndsQueuedAndRunningTasks) {
  Loopback world(1);
  world.HangTasks(true);
  const Ref<int> running = remote<&app::Add>(1, 1);
  EXPECT_TRUE(wait(std::vector{running}, 1, 50ms).ready.empty());
  const Ref<int> queued = remote<&app::Add>(2, 2);
  cancel(queued);
  EXPECT_THROW(queued.get(), CancelledError);
  cancel(running);
  EXPECT_THROW(running.get(), CancelledError);
  const Ref<int> stubborn = remote<&app::Add>(3, 3);
  EXPECT_TRUE(wait(std::vector{stubborn}, 1, 50ms).ready.empty());
  cancel(stubborn, {.force = true});
  EXPECT_THROW(stubborn.get(), CancelledError);
}

TEST(Task, SurvivesTheDeathOfItsWorker) {
  Loopback world;
  world.HangTasks(true);
  const auto run_until_started = [&](const Ref<int>& ref) {
    while (world.cluster().WorkerRunning(ref.task()) == test::kNoProcess) wait(std::vector{ref}, 1, 1ms);
    return world.cluster().WorkerRunning(ref.task());
  };
  const Ref<int> retried = remote<&app::Add>(1, 1);
  world.cluster().Kill(run_until_started(retried));
  EXPECT_EQ(retried.get(), 2) << "the second attempt does not hang";
  const Ref<int> single = task<&app::Add>({.max_retries = 0})(1, 1);
  world.cluster().Kill(run_until_started(single));
  EXPECT_THROW(single.get(), WorkerDiedError);
}

// ---- references ----

TEST(Refs, TheLastCopyReleasesTheValue) {
  Loopback world;
  const auto objects = [&] { return world.cluster().core(world.driver())->store().size(); };
  {
    Ref<int> ref = remote<&app::Add>(1, 2);
    const Ref<int> copy = ref;
    ref = Ref<int>();
    EXPECT_EQ(copy.get(), 3);
    EXPECT_EQ(objects(), 1U);
  }
  // Releases travel in batches: at the next get at the latest.
  const Ref<int> other = remote<&app::Add>(1, 1);
  EXPECT_EQ(other.get(), 2);
  EXPECT_EQ(objects(), 1U);
  EXPECT_EQ(world.posted(MessageKind::kReleaseObjects), 1);
  for (int i = 0; i < 1000; ++i) put(i);
  EXPECT_EQ(world.posted(MessageKind::kReleaseObjects), 8);
}

TEST(Refs, AnArgumentOutlivesItsRef) {
  Loopback world;
  Ref<int> sum = remote<&app::Add>(1, 1);
  for (int i = 0; i < 100; ++i) sum = remote<&app::Add>(sum, 1);
  EXPECT_EQ(sum.get(), 102);
}

TEST(Refs, EmptyOnesAreErrorsAndOutliveTheSession) {
  Ref<int> kept;
  {
    Loopback world;
    EXPECT_THROW(Ref<int>().get(), Error);
    EXPECT_THROW(remote<&app::Add>(Ref<int>(), 1), Error);
    kept = remote<&app::Add>(1, 1);
  }
  EXPECT_THROW(kept.get(), UnavailableError);
  EXPECT_THROW(remote<&app::Nothing>(), UnavailableError);
  EXPECT_THROW(context(), UnavailableError);
}

TEST(BackPressure, SubmissionWaitsForRoomAndLosesNothing) {
  Loopback world(4, {.max_pending_tasks = 64});
  std::vector<Ref<int>> refs;
  for (int i = 0; i < 1000; ++i) {
    refs.push_back(remote<&app::Add>(i, 0));
    EXPECT_LE(world.client().unfinished(), 64U);
  }
  const std::vector<int> values = get(refs);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(values[static_cast<size_t>(i)], i);
}

TEST(ContextTest, TellsTheTask) {
  Loopback world;
  const Ref<uint64_t> index = remote<&app::OwnIndex>();
  EXPECT_EQ(index.get(), index.task().index);
  EXPECT_FALSE(context().task);
  EXPECT_FALSE(cancelled());
}

}  // namespace
}  // namespace orrery
