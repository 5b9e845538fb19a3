// Large values on a healthy cluster: in shared memory, between nodes, inside one another, and beyond the memory there
// is.
#include <gtest/gtest.h>

#include <numeric>
#include <thread>

#include "tests/live/objects/support.h"

namespace orrery::test {
namespace {

// ---- tasks ----

Numbers MakeNumbers(int64_t size, int64_t seed) { return Make(size, seed); }
int64_t Check(View<int64_t> numbers, int64_t seed) {
  return IsMade(numbers, seed) ? static_cast<int64_t>(numbers.size()) : -1;
}
int64_t CheckCopy(const Numbers& numbers, int64_t seed) {
  return IsMade(numbers, seed) ? static_cast<int64_t>(numbers.size()) : -1;
}
uint32_t WhereAmI(View<int64_t>) { return context().node.value; }

struct Parcel {
  std::string name;
  std::vector<Ref<Numbers>> parts;
};
int64_t CheckParcel(const Parcel& parcel) {
  int64_t good = 0;
  for (size_t i = 0; i < parcel.parts.size(); ++i)
    good += IsMade(parcel.parts[i].view(), static_cast<int64_t>(i)) ? 1 : 0;
  return good;
}
Parcel MakeParcel(int parts, int64_t size) {
  Parcel parcel{"made by a task", {}};
  for (int i = 0; i < parts; ++i) parcel.parts.push_back(put(Make(size, i)));
  return parcel;
}
Ref<Numbers> MakeElsewhere(int64_t size, int64_t seed, int node) { return task<&MakeNumbers>(On(node))(size, seed); }
int64_t CheckRef(Ref<Numbers> ref, int64_t seed) { return Check(ref.view(), seed); }
int64_t PassOn(Ref<Numbers> ref, int64_t seed, int depth) {
  if (depth == 0) return CheckRef(ref, seed);
  return remote<&PassOn>(ref, seed, depth - 1).get();
}

// ---- one node ----

TEST(Objects, PutGetAndViewOnOneNode) {
  LiveCluster cluster(Nodes(1));
  Program program;
  const auto ref = put(Make(kMiB, 1));
  EXPECT_EQ(ref.get(), Make(kMiB, 1));
  const View<int64_t> view = ref.view();
  EXPECT_TRUE(IsMade(view, 1));
  EXPECT_EQ(reinterpret_cast<uintptr_t>(view.data()) % 64, 0U);
  EXPECT_EQ(ref.view().data(), view.data()) << "the same bytes";
}

TEST(Objects, ArgumentsAndResultsOfTasks) {
  LiveCluster cluster(Nodes(1));
  Program program;
  const auto made = remote<&MakeNumbers>(kMiB, int64_t{2});
  EXPECT_EQ(remote<&Check>(made, int64_t{2}).get(), kMiB);
  EXPECT_EQ(remote<&CheckCopy>(made, int64_t{2}).get(), kMiB);
  EXPECT_TRUE(IsMade(made.view(), 2));
  EXPECT_EQ(remote<&CheckCopy>(Make(kMiB, 3), int64_t{3}).get(), kMiB) << "given by value";
}

TEST(Objects, MemoryIsUsedAgainAndAgain) {
  LiveCluster cluster(Nodes(1, 64 * kMiB), {{"spill_directories", "none"}});
  Program program;
  for (int64_t i = 0; i < 40; ++i) {
    const auto ref = put(Make(kMiB, i));  // 8 MiB: five times the store in all
    ASSERT_TRUE(IsMade(ref.view(), i)) << i;
  }
}

TEST(Objects, AViewOutlivesItsRefAndItsSession) {
  LiveCluster cluster(Nodes(1, 64 * kMiB), {{"spill_directories", "none"}});
  View<int64_t> view;
  {
    Program program;
    view = put(Make(kMiB, 9)).view();
    for (int64_t i = 0; i < 20; ++i) put(Make(kMiB, i));
    EXPECT_TRUE(IsMade(view, 9)) << "its memory is not given to others";
  }
  EXPECT_TRUE(IsMade(view, 9));
}

// ---- several nodes ----

TEST(Objects, TravelBetweenNodes) {
  LiveCluster cluster(Nodes(3));
  Program program;
  const auto made = task<&MakeNumbers>(On(1))(4 * kMiB, int64_t{4});  // 32 MiB: several chunks
  EXPECT_EQ(task<&Check>(On(2))(made, int64_t{4}).get(), 4 * kMiB);
  EXPECT_TRUE(IsMade(made.view(), 4)) << "and to the driver's node";
  const auto own = put(Make(kMiB, 5));
  EXPECT_EQ(task<&Check>(On(1))(own, int64_t{5}).get(), kMiB);
}

TEST(Objects, TasksGoWhereTheirArgumentsAre) {
  LiveCluster cluster(Nodes(3));
  Program program;
  const auto made = task<&MakeNumbers>(On(2))(kMiB, int64_t{6});
  wait(std::vector{made});
  EXPECT_EQ(remote<&WhereAmI>(made).get(), 3U);
}

TEST(Objects, RefsInsideValuesArgumentsAndResults) {
  LiveCluster cluster(Nodes(2, 256 * kMiB, 2));
  Program program;
  Parcel parcel{"from the driver", {}};
  for (int64_t i = 0; i < 4; ++i) parcel.parts.push_back(put(Make(i % 2 == 0 ? 10 : kMiB, i)));
  EXPECT_EQ(remote<&CheckParcel>(parcel).get(), 4) << "by value";
  const auto ref = put(parcel);
  parcel.parts.clear();  // now only the value holds them
  EXPECT_EQ(task<&CheckParcel>(On(1))(ref).get(), 4);
  const auto made = task<&MakeParcel>(On(1))(3, kMiB);
  EXPECT_EQ(CheckParcel(made.get()), 3);
  EXPECT_EQ(task<&CheckParcel>(On(0))(made).get(), 3);
  const Ref<Ref<Numbers>> twice = task<&MakeElsewhere>(On(0))(kMiB, int64_t{8}, 1);
  EXPECT_TRUE(IsMade(twice.get().view(), 8));
}

TEST(Objects, ARefMayPassThroughManyHands) {
  LiveCluster cluster(Nodes(2, 256 * kMiB, 3));
  Program program;
  EXPECT_EQ(remote<&PassOn>(put(Make(kMiB, 1)), int64_t{1}, 4).get(), kMiB);
  EXPECT_EQ(remote<&PassOn>(put(Make(3, 1)), int64_t{1}, 4).get(), 3) << "an inline value, too";
}

TEST(Objects, ManyThreadsPutAndGetAtOnce) {
  LiveCluster cluster(Nodes(1));
  Program program;
  std::vector<std::thread> threads;
  std::atomic<int> good{0};
  for (int64_t t = 0; t < 4; ++t) {
    threads.emplace_back([t, &good] {
      for (int64_t i = 0; i < 25; ++i) {
        const auto ref = put(Make(50'000, 100 * t + i));
        good += IsMade(ref.view(), 100 * t + i) && IsMade(ref.get(), 100 * t + i) ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, 100);
}

// ---- pressure ----

TEST(Pressure, MoreThanTheStoreHoldsGoesToDiskAndComesBack) {
  LiveCluster cluster(Nodes(1, 64 * kMiB));
  Program program;
  std::vector<Ref<Numbers>> refs;
  for (int64_t i = 0; i < 30; ++i) refs.push_back(put(Make(kMiB, i)));  // 240 MiB
  for (int64_t i = 0; i < 30; ++i) ASSERT_TRUE(IsMade(refs[static_cast<size_t>(i)].view(), i)) << i;
  for (int64_t i = 29; i >= 0; i -= 3) ASSERT_EQ(remote<&Check>(refs[static_cast<size_t>(i)], i).get(), kMiB) << i;
}

TEST(Pressure, TooLargeForTheStoreIsSaidAtOnce) {
  LiveCluster cluster(Nodes(1, 16 * kMiB));
  Program program;
  EXPECT_THROW(put(Make(3 * kMiB, 1)), TooLargeError);
  EXPECT_THROW(remote<&MakeNumbers>(3 * kMiB, int64_t{1}).get(), TooLargeError);
  EXPECT_TRUE(IsMade(put(Make(kMiB, 1)).view(), 1)) << "and others fit";
}

TEST(Pressure, ViewsThatStayAreAnErrorAfterATime) {
  LiveCluster cluster(Nodes(1, 8 * kMiB), {{"object_create_timeout", "200ms"}});
  {
    Program program;
    const auto large = put(Make(6 * kMiB / 8, 1));
    {
      const auto view = large.view();
      EXPECT_THROW(put(Make(4 * kMiB / 8, 2)), StoreFullError);
      EXPECT_TRUE(IsMade(view, 1));
    }
    const auto other = put(Make(4 * kMiB / 8, 3));
    {
      const auto view = large.view();
      EXPECT_THROW(other.view(), StoreFullError) << "it is on disk now, and finds no way back";
      EXPECT_TRUE(IsMade(view, 1));
    }
    EXPECT_TRUE(IsMade(other.view(), 3));
    EXPECT_TRUE(IsMade(put(Make(4 * kMiB / 8, 2)).view(), 2)) << "the store writes the other to disk now";
  }
  ExpectNothingLeft(cluster);
}

TEST(Pressure, RoomAheadOfAQuietProgramComesBack) {
  LiveCluster cluster(Nodes(1), {{"object_room_idle", "50ms"}});
  {
    Program program;
    for (int i = 0; i < 20; ++i) put(Make(kMiB / 16, i));
    const auto ahead = [&] {
      return internal::StoreTables(cluster.session_dir()).value()[0].As<msg::ObjectTable>().ahead();
    };
    Eventually([&] { return ahead() == 0; }, "no room is ahead");
    EXPECT_TRUE(IsMade(put(Make(kMiB / 16, 7)).view(), 7));
  }
  ExpectNothingLeft(cluster);
}

TEST(Pressure, WithoutADiskAFullStoreIsAnError) {
  LiveCluster cluster(Nodes(1, 32 * kMiB), {{"spill_directories", "none"}});
  Program program;
  std::vector<Ref<Numbers>> refs;
  for (int64_t i = 0; i < 3; ++i) refs.push_back(put(Make(kMiB, i)));
  EXPECT_THROW(put(Make(kMiB, 1)), StoreFullError);
  for (int64_t i = 0; i < 3; ++i) EXPECT_TRUE(IsMade(refs[static_cast<size_t>(i)].view(), i)) << "nothing is lost";
  refs.clear();
  EXPECT_TRUE(IsMade(put(Make(kMiB, 7)).view(), 7));
}

}  // namespace
}  // namespace orrery::test
