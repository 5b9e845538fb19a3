// Large values, refs inside values, and looks into shared memory: what the API asks of the core worker, and what it
// makes of the answers.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <numeric>

#include "runtime/api/executor.h"
#include "runtime/api/orrery.h"
#include "tests/unit/api/store_backend.h"

namespace app {

struct Point {
  double x = 0, y = 0;
  bool operator==(const Point&) const = default;
};
struct Pair {
  orrery::Ref<std::vector<double>> left, right;
  std::string name;
};
struct Chain {
  int value = 0;
  orrery::Ref<Chain> next;
};
const void* seen = nullptr;
double Sum(orrery::View<double> values) {
  seen = values.data();
  return std::accumulate(values.begin(), values.end(), 0.0);
}
double SumCopy(const std::vector<double>& values) {
  seen = values.data();
  return std::accumulate(values.begin(), values.end(), 0.0);
}
std::vector<int> Many(int n) { return std::vector<int>(static_cast<size_t>(n), 7); }
orrery::Ref<int> Hide(orrery::Ref<int> ref) { return ref; }
int Takes(const Pair&) { return 0; }

}  // namespace app

namespace orrery {
namespace {

using app::Point;
using test::StoreBackend;

// ---- what is what ----

static_assert(internal::kInPlace<std::vector<double>> && internal::kInPlace<std::string> &&
              internal::kInPlace<std::vector<Point>> && internal::kInPlace<std::vector<std::array<int, 4>>>);
static_assert(!internal::kInPlace<std::vector<bool>> && !internal::kInPlace<std::vector<std::string>> &&
              !internal::kInPlace<std::map<int, int>> && !internal::kInPlace<std::vector<Ref<int>>>);
static_assert(Encodable<Ref<int>> && Encodable<std::vector<Ref<int>>> && Encodable<app::Chain> && Encodable<Ref<void>>);
static_assert(internal::TypeTag<std::vector<int>>() != internal::TypeTag<std::vector<unsigned>>());
static_assert(internal::TypeTag<std::vector<int>>() != internal::TypeTag<std::deque<int>>(), "laid out differently");
static_assert(internal::TypeTag<View<int>>() == internal::TypeTag<std::vector<int>>());

template <auto kFunction, class... As>
concept Callable = requires(As... args) { remote<kFunction>(args...); };
static_assert(Callable<&app::Sum, Ref<std::vector<double>>> && Callable<&app::Sum, std::vector<double>>);
static_assert(!Callable<&app::Sum, Ref<std::vector<float>>> && !Callable<&app::Sum, std::vector<float>>);
static_assert(Callable<&app::Hide, Ref<int>> && Callable<&app::Hide, Ref<Ref<int>>> && !Callable<&app::Hide, int>);

std::vector<double> Numbers(size_t n) {
  std::vector<double> numbers(n);
  std::iota(numbers.begin(), numbers.end(), 0.5);
  return numbers;
}

// ---- put and get ----

TEST(Put, SmallValuesTouchNoSharedMemory) {
  StoreBackend store;
  EXPECT_EQ(put(Numbers(100)).get(), Numbers(100));
  EXPECT_EQ(put(std::string(900, 'x')).get(), std::string(900, 'x'));
  EXPECT_EQ(store.count(MessageKind::kAllocateObject), 0);
  EXPECT_EQ(store.opened(), 0) << "nor is it mapped";
}

TEST(Put, LargeValuesAreWrittenOnceAndMappedOnce) {
  StoreBackend store;
  const auto numbers = Numbers(10'000);
  const auto first = put(numbers);
  EXPECT_EQ(store.value(first.id()).size, 64 + 80'000);
  EXPECT_TRUE(store.value(first.id()).bytes.empty());
  EXPECT_EQ(first.get(), numbers);
  EXPECT_EQ(store.views(first.id()), 0) << "get has let it go";
  const auto second = put(std::span<const double>(numbers).subspan(10));
  static_assert(std::is_same_v<decltype(second), const Ref<std::vector<double>>>);
  EXPECT_EQ(second.get()[0], numbers[10]);
  EXPECT_EQ(store.opened(), 1);
}

TEST(Put, AnyTypeMayBeLarge) {
  StoreBackend store;
  std::map<std::string, std::vector<Point>> value;
  for (int i = 0; i < 100; ++i) value["key " + std::to_string(i)] = {{1.0 * i, 2}, {3, 4}};
  const auto ref = put(value);
  EXPECT_GT(store.value(ref.id()).size, 1000);
  EXPECT_EQ(ref.get(), value);
  EXPECT_EQ(get(std::vector{ref, ref})[1], value);
  EXPECT_EQ(store.views(ref.id()), 0);
  const std::vector<Point> points(1000, Point{1, 2});
  EXPECT_EQ(put(points).get(), points);
  const std::deque<int> queue(1000, 5);
  EXPECT_EQ(put(queue).get(), queue);
}

TEST(Put, InARoomThatWasGivenAheadAsksNobody) {
  StoreBackend store;
  const int64_t first = store.GiveRooms(8100, 3);
  const auto numbers = Numbers(1000);
  const auto ref = put(numbers);
  EXPECT_EQ(store.count(MessageKind::kAllocateObject), 0);
  EXPECT_EQ(store.value(ref.id()).offset, first);
  EXPECT_EQ(ref.get(), numbers);
  put(Numbers(100'000));
  EXPECT_EQ(store.count(MessageKind::kAllocateObject), 1) << "too large for it";
  put(Numbers(500));
  EXPECT_EQ(store.count(MessageKind::kAllocateObject), 2) << "would waste most of it";
  store.ReclaimRooms();
  EXPECT_EQ(store.returned().size(), 2U);
  store.ReclaimRooms();
  EXPECT_EQ(store.returned().size(), 2U);
  EXPECT_EQ(store.count(MessageKind::kReturnRooms), 1);
  put(numbers);
  EXPECT_EQ(store.count(MessageKind::kAllocateObject), 3);
}

TEST(Put, TheLimitIsExact) {
  StoreBackend store(1, 1000);
  put(std::string(998, 'x'));  // a length of two bytes
  EXPECT_EQ(store.count(MessageKind::kAllocateObject), 0);
  const auto ref = put(std::string(999, 'x'));
  EXPECT_EQ(store.count(MessageKind::kAllocateObject), 1);
  EXPECT_EQ(ref.get().size(), 999U);
}

TEST(Put, RefusalsAreErrorsOfTheirKind) {
  StoreBackend store;
  store.Refuse(StatusCode::kStoreFull);
  EXPECT_THROW(put(Numbers(1000)), StoreFullError);
  store.Refuse(StatusCode::kDiskFull);
  EXPECT_THROW(put(Numbers(1000)), DiskFullError);
  store.Refuse(StatusCode::kTooLarge);
  EXPECT_THROW(put(Numbers(1000)), TooLargeError);
  EXPECT_EQ(store.count(MessageKind::kPutObject), 0);
}

struct Moody {
  int bytes = 0;
  mutable int encoded = 0;
};

}  // namespace

// Takes more bytes, or fails, when encoded again.
template <>
struct Codec<Moody> {
  static void Encode(const Moody& value, Writer& out) {
    ++value.encoded;
    if (value.bytes < 0 && value.encoded > 1) throw std::runtime_error("changed its mind");
    const std::string bytes(static_cast<size_t>(std::abs(value.bytes) + value.encoded), 'x');
    out.Bytes(bytes.data(), bytes.size());
  }
  static Moody Decode(Reader& in) {
    in.View(in.remaining());
    return {};
  }
};

namespace {

TEST(Put, AValueThatCannotBeWrittenGivesItsMemoryBack) {
  StoreBackend store;
  EXPECT_THROW(put(Moody{5000}), MalformedError);
  EXPECT_THROW(put(Moody{-5000}), std::runtime_error);
  EXPECT_EQ(store.count(MessageKind::kAbandonObject), 2);
  EXPECT_EQ(store.count(MessageKind::kPutObject), 0);
}

TEST(Put, AValueThatCannotBeWrittenLeavesItsRoomToTheNext) {
  StoreBackend store;
  const int64_t room = store.GiveRooms(5070, 1);
  EXPECT_THROW(put(Moody{-5000}), std::runtime_error);
  EXPECT_EQ(store.count(MessageKind::kAbandonObject), 0);
  EXPECT_EQ(store.value(put(std::string(5000, 'x')).id()).offset, room);
}

// ---- views ----

TEST(ViewTest, ShowsSharedMemoryAndKeepsItUntilTheLastCopyIsGone) {
  StoreBackend store;
  auto ref = put(Numbers(10'000));
  const ObjectId id = ref.id();
  {
    View<double> copy;
    {
      const View<double> view = ref.view();
      EXPECT_EQ(reinterpret_cast<const char*>(view.data()), store.arena().Read(store.value(id).offset + 64));
      EXPECT_EQ(reinterpret_cast<uintptr_t>(view.data()) % 64, 0U);
      copy = view;
      ref = {};
    }
    EXPECT_EQ(store.views(id), 1);
    EXPECT_EQ(copy[9'999], 9'999.5);
    EXPECT_EQ(copy.span().size(), 10'000U);
  }
  EXPECT_EQ(store.views(id), 0);
}

TEST(ViewTest, SmallValuesHaveOneToo) {
  StoreBackend store;
  const View<char> text = put(std::string("hello")).view();
  EXPECT_EQ(text.text(), "hello");
  EXPECT_EQ(reinterpret_cast<uintptr_t>(text.data()) % 64, 0U);
  EXPECT_TRUE(put(std::vector<int>{}).view().empty());
}

TEST(ViewTest, OutlivesTheSession) {
  View<double> view;
  {
    StoreBackend store;
    view = put(Numbers(1000)).view();
  }
  EXPECT_EQ(view[999], 999.5);
}

// ---- types ----

TEST(Types, ARefOfAnotherTypeIsAClearError) {
  StoreBackend store;
  const auto numbers = put(Numbers(1000));
  EXPECT_THROW(Ref<std::vector<float>>{ObjectRef(numbers)}, MalformedError);
  EXPECT_EQ(Ref<std::vector<double>>(ObjectRef(numbers)).get(), Numbers(1000));
}

TEST(Types, AStoredValueSaysWhatItIs) {
  StoreBackend store;
  const auto numbers = put(Numbers(1000));
  // As if the type had been lost on the way.
  const ObjectRef untyped(internal::NewObjectState(numbers.id(), &store.client()));
  try {
    Ref<std::vector<float>>(untyped).get();
    FAIL() << "did not throw";
  } catch (const MalformedError& error) {
    EXPECT_NE(std::string(error.what()).find("double"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("float"), std::string::npos) << error.what();
  }
  EXPECT_EQ(store.views(numbers.id()), 0) << "also when decoding fails";
}

TEST(Types, DamagedStoredValuesAreErrors) {
  StoreBackend store;
  const auto numbers = put(Numbers(1000));
  char* bytes = store.arena().Write(store.value(numbers.id()).offset, 64).value();
  for (const size_t at : {0, 8, 16, 24}) {
    bytes[at] = static_cast<char>(bytes[at] ^ 1);
    EXPECT_THROW(numbers.get(), MalformedError) << at;
    EXPECT_THROW(numbers.view(), MalformedError) << at;
    bytes[at] = static_cast<char>(bytes[at] ^ 1);
  }
  EXPECT_EQ(numbers.get(), Numbers(1000));
  EXPECT_EQ(store.views(numbers.id()), 0);
}

// ---- refs inside values ----

TEST(RefsInside, AreTakenAlongAndHeldByWhoReadsThem) {
  StoreBackend store;
  const auto left = put(Numbers(10)), right = put(Numbers(2000));
  const auto pair = put(app::Pair{left, right, "both"});
  ASSERT_EQ(store.value(pair.id()).refs.size(), 2U);
  EXPECT_EQ(store.value(pair.id()).refs[0], (ObjectReference{left.id(), store.client().identity().self}));
  {
    const app::Pair again = pair.get();
    EXPECT_EQ(again.left, left);
    EXPECT_EQ(again.right.get(), Numbers(2000));
    EXPECT_EQ(store.borrowed().size(), 2U);
  }
  store.client().FlushReleased();
  EXPECT_EQ(store.released(), (std::vector{right.id(), left.id()})) << "each let go as often as it was borrowed";
}

TEST(RefsInside, LargeValuesListEachRefOnce) {
  StoreBackend store;
  std::vector<Ref<int>> refs;
  for (int i = 0; i < 100; ++i) refs.push_back(put(i));
  const auto all = put(refs);
  EXPECT_GT(store.value(all.id()).size, 1000);
  EXPECT_EQ(store.value(all.id()).refs.size(), 100U) << "though it is encoded twice";
  EXPECT_EQ(get(all.get())[99], 99);
}

TEST(RefsInside, ChainsAndEmptyOnes) {
  StoreBackend store;
  app::Chain chain{1, {}};
  for (int i = 2; i < 5; ++i) chain = {i, put(chain)};
  int length = 0;
  for (const app::Chain* at = &chain; at != nullptr; ++length) {
    if (!at->next) break;
    chain = at->next.get();
    at = &chain;
  }
  EXPECT_EQ(length, 3);
}

TEST(RefsInside, OtherTypesClustersAndSessionsAreRefused) {
  std::string bytes;
  Ref<int> old;
  {
    StoreBackend store(1);
    old = put(5);
    EncodeTo(old, bytes);
    EXPECT_THROW(DecodeFrom<Ref<long>>(bytes), MalformedError);
    EXPECT_EQ(DecodeFrom<Ref<int>>(bytes), old);
    for (size_t size = 0; size < bytes.size(); ++size)
      EXPECT_THROW(DecodeFrom<Ref<int>>(std::string_view(bytes).substr(0, size)), MalformedError);
  }
  StoreBackend other(2);
  try {
    DecodeFrom<Ref<int>>(bytes);
    FAIL() << "did not throw";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("another cluster"), std::string::npos) << error.what();
  }
  for (const auto& use : std::vector<std::function<void()>>{
           [&] { old.get(); }, [&] { put(std::vector{old}); }, [&] { remote<&app::Hide>(old); },
           [&] { wait(std::vector{old}); }, [&] { cancel(old); }, [&] { remote<&app::Many>(old); }}) {
    try {
      use();
      FAIL() << "did not throw";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), StatusCode::kInvalidArgument);
      EXPECT_NE(std::string(error.what()).find("session that has ended"), std::string::npos) << error.what();
    }
  }
}

// ---- arguments and results ----

TEST(Arguments, LargeOnesBecomeObjects) {
  StoreBackend store;
  remote<&app::SumCopy>(Numbers(1000));
  ASSERT_EQ(store.submitted().size(), 1U);
  const msg::TaskArg& arg = store.submitted()[0].As<msg::SubmitTask>().spec().args(0);
  EXPECT_TRUE(arg.value().empty());
  EXPECT_TRUE(store.has({{WorkerId{arg.object_owner()}, arg.object_task()}, arg.object_index()}));
  const auto inner = put(Numbers(1));
  remote<&app::Takes>(app::Pair{inner, {}, "one"});
  EXPECT_EQ(store.submitted()[1].As<msg::SubmitTask>().spec().args(0).refs_size(), 1);
}

TEST(Arguments, BorrowedOnesNameTheirOwner) {
  StoreBackend store;
  const ObjectReference elsewhere{{{WorkerId{99}, 7}, 0}, Address{0x7f00000999, 3}};
  const Ref<std::vector<double>> borrowed(store.client().Borrow(elsewhere));
  remote<&app::SumCopy>(borrowed);
  const msg::TaskArg& arg = store.submitted()[0].As<msg::SubmitTask>().spec().args(0);
  EXPECT_EQ(FromProto(arg.owner_address()), elsewhere.owner);
  remote<&app::SumCopy>(put(Numbers(1)));
  EXPECT_FALSE(store.submitted()[1].As<msg::SubmitTask>().spec().args(0).has_owner_address());
}

template <auto kFunction>
internal::Executed RunTask(StoreBackend& store, std::vector<msg::TaskArg> args) {
  Draft<msg::ExecuteTask> execute;
  msg::TaskSpec& spec = *execute->mutable_spec();
  spec.set_function(internal::InfoFor<kFunction>().id);
  spec.set_owner(77);
  spec.set_index(8);
  spec.set_num_returns(1);
  for (msg::TaskArg& arg : args) *spec.add_args() = std::move(arg);
  internal::RunningTask running;
  running.task = {WorkerId{77}, 8};
  return internal::ExecuteNow(std::move(execute), running, store.client());
}

msg::TaskArg StoredArg(const StoreBackend::Value& value) {
  msg::TaskArg arg;
  arg.set_size(value.size);
  arg.set_offset(value.offset);
  return arg;
}
template <class T>
msg::TaskArg InlineArg(const T& value) {
  msg::TaskArg arg;
  EncodeTo(value, *arg.mutable_value());
  return arg;
}

TEST(Execute, StoredArgumentsAreReadWhereTheyLie) {
  StoreBackend store;
  const auto numbers = put(Numbers(1000));
  const auto& value = store.value(numbers.id());
  const auto viewed = RunTask<&app::Sum>(store, {StoredArg(value)});
  EXPECT_EQ(app::seen, store.arena().Read(value.offset + 64)) << "without a copy";
  EXPECT_EQ(DecodeFrom<double>(viewed.message.As<msg::TaskExecuted>().returns(0)), 500'000);
  RunTask<&app::SumCopy>(store, {StoredArg(value)});
  EXPECT_NE(app::seen, store.arena().Read(value.offset + 64));
  const auto inlined = RunTask<&app::Sum>(store, {InlineArg(Numbers(3))});
  EXPECT_EQ(DecodeFrom<double>(inlined.message.As<msg::TaskExecuted>().returns(0)), 4.5);
}

TEST(Execute, LargeResultsGoStraightIntoTheStore) {
  StoreBackend store;
  const auto executed = RunTask<&app::Many>(store, {InlineArg(5000)});
  const auto& result = executed.message.As<msg::TaskExecuted>();
  ASSERT_EQ(result.stored_size(), 1);
  EXPECT_EQ(result.stored(0).size(), 64 + 20'000);
  EXPECT_TRUE(result.returns(0).empty());
  const auto& value = store.value({{WorkerId{77}, 8}, 0});
  const std::string_view stored(store.arena().Read(value.offset), static_cast<size_t>(value.size));
  EXPECT_EQ(internal::DecodeIncoming<std::vector<int>>({stored, true}), std::vector<int>(5000, 7));
  EXPECT_EQ(store.count(MessageKind::kAbandonObject), 0);
}

// The first small, the second large, the third empty.
void MakeThree(const std::vector<internal::Incoming>&, internal::Outgoing& first) {
  first.Encode(std::string("small"));
  ASSERT_NE(first.next(), nullptr);
  first.next()->Encode(std::vector<int>(5000, 7));
  ASSERT_NE(first.next()->next(), nullptr);
  EXPECT_EQ(first.next()->next()->next(), nullptr);
}

TEST(Execute, ATaskMayHaveSeveralResults) {
  static const internal::FunctionInfo info{"three", 4711, internal::kAnyArity, &MakeThree};
  internal::RegisterFunction(&info);
  StoreBackend store;
  Draft<msg::ExecuteTask> execute;
  execute->mutable_spec()->set_function(info.id);
  execute->mutable_spec()->set_owner(77);
  execute->mutable_spec()->set_index(8);
  execute->mutable_spec()->set_num_returns(3);
  internal::RunningTask running;
  running.task = {WorkerId{77}, 8};
  const auto executed = internal::ExecuteNow(std::move(execute), running, store.client());
  const auto& result = executed.message.As<msg::TaskExecuted>();
  ASSERT_EQ(result.status(), 0U);
  ASSERT_EQ(result.returns_size(), 3);
  EXPECT_EQ(DecodeFrom<std::string>(result.returns(0)), "small");
  EXPECT_TRUE(result.returns(2).empty());
  ASSERT_EQ(result.stored_size(), 1);
  EXPECT_EQ(result.stored(0).position(), 1U);
  EXPECT_EQ(result.stored(0).size(), 64 + 20'000);
  EXPECT_TRUE(store.has({{WorkerId{77}, 8}, 1}));
  EXPECT_EQ(store.count(MessageKind::kAbandonObject), 0);
}

TEST(Execute, ARetriedTaskWritesNothingTwice) {
  StoreBackend store;
  store.Refuse(StatusCode::kAlreadyExists);
  const auto executed = RunTask<&app::Many>(store, {InlineArg(5000)});
  EXPECT_EQ(executed.message.As<msg::TaskExecuted>().status(), 0U);
  EXPECT_EQ(executed.message.As<msg::TaskExecuted>().stored(0).size(), 64 + 20'000);
}

TEST(Execute, NoRoomForTheResultIsTheTasksError) {
  StoreBackend store;
  store.Refuse(StatusCode::kStoreFull);
  const auto executed = RunTask<&app::Many>(store, {InlineArg(5000)});
  const auto& result = executed.message.As<msg::TaskExecuted>();
  EXPECT_EQ(result.status(), static_cast<uint32_t>(StatusCode::kStoreFull));
  EXPECT_NE(result.error().find("app::Many"), std::string::npos) << result.error();
  EXPECT_EQ(result.returns_size() + result.stored_size(), 0);
}

TEST(Execute, RefsInResultsAreHeldUntilTheCoreWorkerKnows) {
  StoreBackend store;
  msg::TaskArg arg;
  EncodeTo(put(3), *arg.mutable_value());
  store.client().FlushReleased();
  const size_t before = store.released().size();
  auto executed = RunTask<&app::Hide>(store, {std::move(arg)});
  EXPECT_EQ(executed.message.As<msg::TaskExecuted>().stored(0).refs_size(), 1);
  store.client().FlushReleased();
  EXPECT_EQ(store.released().size(), before);
  executed.refs.clear();
  store.client().FlushReleased();
  EXPECT_EQ(store.released().size(), before + 1);
}

}  // namespace
}  // namespace orrery
