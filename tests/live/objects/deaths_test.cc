// SIGKILL at the worst moments: the outcome is the documented one, and nothing is left behind.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/live/objects/support.h"

namespace orrery::test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

// ---- tasks ----

Numbers MakeOn(int64_t size, int64_t seed) { return Make(size, seed); }
int64_t CheckOn(View<int64_t> numbers, int64_t seed) {
  return IsMade(numbers, seed) ? static_cast<int64_t>(numbers.size()) : -1;
}

// Kills its own process while the result is being encoded: after it was allocated, before it is sealed.
struct Bomb {
  std::string notes;
};

}  // namespace
}  // namespace orrery::test

template <>
struct orrery::Codec<orrery::test::Bomb> {
  static void Encode(const test::Bomb& value, Writer& out) {
    const std::string big(300'000, 'x');
    Codec<std::string>::Encode(big, out);
    const std::string mark = value.notes + "/encoded";
    // The second time it is written into shared memory. Only the first attempt dies.
    if (!std::filesystem::exists(mark)) {
      std::ofstream(mark) << "once";
    } else if (!std::filesystem::exists(mark + " twice")) {
      std::ofstream(mark + " twice") << "twice";
      kill(getpid(), SIGKILL);
    }
  }
  static test::Bomb Decode(Reader& in) {
    Codec<std::string>::Decode(in);
    return {"arrived"};
  }
};

namespace orrery::test {
namespace {

Bomb MakeBomb(const std::string& notes) { return {notes}; }

// A ref to a put of this worker; the worker then waits for the end.
struct Held {
  Ref<Numbers> ref;
  int pid = 0;
};
Held PutHere(int64_t size) { return {put(Make(size, 1)), getpid()}; }

// Keeps a ref of another's object, and says so, until it is killed.
struct Borrowing {
  Ref<Numbers> ref;
  std::string notes;
};
void KeepUntilKilled(const Borrowing& borrowing) {
  const Numbers numbers = borrowing.ref.get();
  std::ofstream(borrowing.notes + "/borrower") << getpid();
  pause();
}
int64_t ReadIt(const Borrowing& borrowing) { return static_cast<int64_t>(borrowing.ref.get().size()); }

int PidIn(const std::string& path) {
  int pid = 0;
  std::ifstream(path) >> pid;
  return pid;
}

int64_t BytesAhead(const LiveCluster& cluster) {
  auto tables = internal::StoreTables(cluster.session_dir());
  return tables.ok() && !tables->empty() ? (*tables)[0].As<msg::ObjectTable>().ahead() : 0;
}
// Puts values one after the other, so that it has room ahead, until it is killed.
void PutUntilKilled(const std::string& notes) {
  for (int i = 0; i < 20; ++i) put(Make(kMiB / 16, i));
  std::ofstream(notes + "/putter") << getpid();
  pause();
}

// ---- tests ----
//
// Each runs a program in a scope of its own, and then looks at what the living cluster still has.

TEST(Deaths, AWorkerKilledBeforeItsResultIsSealed) {
  LiveCluster cluster(Nodes(1, 4 * kMiB), {{"spill_directories", "none"}});
  {
    Program program;
    EXPECT_EQ(remote<&MakeBomb>(cluster.notes()).get().notes, "arrived") << "the second attempt";
    EXPECT_TRUE(fs::exists(cluster.notes() + "/encoded twice"));
    // The half-written result takes no room: nearly all of the store can be had.
    EXPECT_TRUE(IsMade(put(Make(3 * kMiB / 8, 1)).view(), 1));
  }
  ExpectNothingLeft(cluster);
}

TEST(Deaths, AWorkerKilledWithRoomAhead) {
  LiveCluster cluster(Nodes(1), {{"object_room_idle", "1h"}});
  {
    Program program;
    const auto task = orrery::task<&PutUntilKilled>({.max_retries = 0})(cluster.notes());
    Eventually([&] { return PidIn(cluster.notes() + "/putter") > 0 && BytesAhead(cluster) > 0; }, "it has room ahead");
    ASSERT_EQ(kill(PidIn(cluster.notes() + "/putter"), SIGKILL), 0);
    EXPECT_THROW(task.get(), WorkerDiedError);
    Eventually([&] { return BytesAhead(cluster) == 0; }, "its room is free");
  }
  ExpectNothingLeft(cluster);
}

TEST(Deaths, TheOnlyCopysNodeDiesAndTheTaskRunsAgain) {
  LiveCluster cluster(Nodes(2));
  cluster.processes().AddNode(Nodes(2)[1]).value();
  {
    Program program;
    const auto made = task<&MakeOn>(On(1))(kMiB, int64_t{1});
    wait(std::vector{made});
    cluster.processes().KillNode(1);
    cluster.processes().KillNode(2);
    cluster.processes().AddNode(Nodes(2)[1]).value();
    EXPECT_TRUE(IsMade(made.view(), 1));
  }
  ExpectNothingLeft(cluster);
}

TEST(Deaths, WithoutRetriesTheOnlyCopysDeathIsAnError) {
  LiveCluster cluster(Nodes(2));
  {
    Program program;
    const auto made = task<&MakeOn>(On(1, 0))(kMiB, int64_t{1});
    wait(std::vector{made});
    cluster.processes().KillNode(1);
    EXPECT_THROW(made.view(), ObjectLostError);
    EXPECT_THROW(remote<&CheckOn>(made, int64_t{1}).get(), Error);
  }
  ExpectNothingLeft(cluster);
}

TEST(Deaths, WhatWasPutOnADeadNodeIsLost) {
  LiveCluster cluster(Nodes(2));
  {
    Program program;
    const auto held = task<&PutHere>(On(1))(kMiB).get();
    cluster.processes().KillNode(1);  // owner and only copy
    EXPECT_THROW(held.ref.view(), OwnerDiedError);
  }
  ExpectNothingLeft(cluster);
}

TEST(Deaths, AnOwnersDeathIsABorrowersError) {
  LiveCluster cluster(Nodes(1));
  {
    Program program;
    const auto large = remote<&PutHere>(kMiB).get();
    const auto small = remote<&PutHere>(int64_t{3}).get();
    EXPECT_TRUE(IsMade(small.ref.view(), 1));
    ASSERT_EQ(kill(large.pid, SIGKILL), 0);
    kill(small.pid, SIGKILL);  // perhaps the same
    EXPECT_THROW(large.ref.view(), OwnerDiedError);
    EXPECT_THROW(remote<&CheckOn>(large.ref, int64_t{1}).get(), OwnerDiedError);
  }
  ExpectNothingLeft(cluster);
}

TEST(Deaths, ABorrowersDeathEndsItsBorrowing) {
  LiveCluster cluster(Nodes(2));
  {
    Program program;
    const auto borrower = [&] {
      Borrowing borrowing{put(Make(kMiB, 1)), cluster.notes()};
      return task<&KeepUntilKilled>(On(1, 0))(borrowing);
    }();  // now only the worker, and the task's arguments, keep the object
    Eventually([&] { return PidIn(cluster.notes() + "/borrower") != 0; }, "the worker has the value");
    ASSERT_EQ(kill(PidIn(cluster.notes() + "/borrower"), SIGKILL), 0);
    EXPECT_THROW(borrower.get(), WorkerDiedError);
    Eventually(
        [&] {
          auto tables = internal::StoreTables(cluster.session_dir());
          return tables.ok() && internal::CountRows(*tables) == 0;
        },
        "the object goes, while its owner lives on");
    // Others that borrow it lose nothing by a death.
    const Borrowing shared{put(Make(kMiB, 2)), cluster.notes()};
    fs::remove(cluster.notes() + "/borrower");
    const auto second = task<&KeepUntilKilled>(On(1, 0))(shared);
    Eventually([&] { return PidIn(cluster.notes() + "/borrower") != 0; }, "a second worker has the value");
    ASSERT_EQ(kill(PidIn(cluster.notes() + "/borrower"), SIGKILL), 0);
    EXPECT_THROW(second.get(), WorkerDiedError);
    EXPECT_EQ(task<&ReadIt>(On(1))(shared).get(), kMiB);
  }
  ExpectNothingLeft(cluster);
}

TEST(Deaths, ANodeManagerKilledDuringTransfers) {
  LiveCluster cluster(Nodes(3));
  {
    Program program;
    std::vector<Ref<Numbers>> made;
    for (int64_t i = 0; i < 4; ++i) made.push_back(task<&MakeOn>(On(1, -1))(2 * kMiB, i));
    wait(made, 4);
    std::vector<Ref<int64_t>> checked;
    for (int64_t i = 0; i < 4; ++i) checked.push_back(task<&CheckOn>(On(2, -1))(made[static_cast<size_t>(i)], i));
    std::this_thread::sleep_for(20ms);  // whatever moment this is, the outcome is the same
    cluster.processes().KillNode(1);
    cluster.processes().AddNode(Nodes(2)[1]).value();
    for (const auto& ref : checked) EXPECT_EQ(ref.get(), 2 * kMiB);
  }
  ExpectNothingLeft(cluster);
}

TEST(Deaths, TheReceiversNodeManagerKilledDuringTransfers) {
  LiveCluster cluster(Nodes(3));
  {
    Program program;
    std::vector<Ref<Numbers>> made;
    for (int64_t i = 0; i < 4; ++i) made.push_back(task<&MakeOn>(On(1, -1))(2 * kMiB, i));
    wait(made, 4);
    std::vector<Ref<int64_t>> checked;
    for (int64_t i = 0; i < 4; ++i) checked.push_back(task<&CheckOn>(On(2, -1))(made[static_cast<size_t>(i)], i));
    std::this_thread::sleep_for(20ms);
    cluster.processes().KillNode(2);
    cluster.processes().AddNode(Nodes(3)[2]).value();
    for (const auto& ref : checked) EXPECT_EQ(ref.get(), 2 * kMiB);
  }
  ExpectNothingLeft(cluster);
}

TEST(Deaths, ANodeManagerKilledWhileItSpills) {
  LiveCluster cluster(Nodes(2, 64 * kMiB));
  {
    Program program;
    std::vector<Ref<Numbers>> made;
    for (int64_t i = 0; i < 20; ++i) made.push_back(task<&MakeOn>(On(1, -1))(kMiB, i));
    Eventually([&] { return SpillFiles(cluster) > 0; }, "something is spilled");
    cluster.processes().KillNode(1);
    cluster.processes().AddNode(Nodes(2, 64 * kMiB)[1]).value();
    for (int64_t i = 0; i < 20; ++i)
      EXPECT_EQ(task<&CheckOn>(On(1, -1))(made[static_cast<size_t>(i)], i).get(), kMiB) << i;
  }
  ExpectNothingLeft(cluster);
}

TEST(Deaths, ANodeManagerKilledWhileItRestores) {
  LiveCluster cluster(Nodes(2, 64 * kMiB));
  {
    Program program;
    std::vector<Ref<Numbers>> made;
    for (int64_t i = 0; i < 20; ++i) made.push_back(task<&MakeOn>(On(1, -1))(kMiB, i));
    wait(made, made.size());  // most of them lie on disk now
    ASSERT_GT(SpillFiles(cluster), 0U);
    std::vector<Ref<int64_t>> checked;  // the oldest first: each has to be restored
    for (int64_t i = 0; i < 20; ++i) checked.push_back(task<&CheckOn>(On(1, -1))(made[static_cast<size_t>(i)], i));
    checked.front().get();  // so restoring has begun, and goes on
    cluster.processes().KillNode(1);
    cluster.processes().AddNode(Nodes(2, 64 * kMiB)[1]).value();
    for (const auto& ref : checked) EXPECT_EQ(ref.get(), kMiB);
  }
  ExpectNothingLeft(cluster);
}

TEST(Deaths, ADriverKilledLeavesNothing) {
  LiveCluster cluster(Nodes(1, 32 * kMiB), {{"spill_directories", "none"}});
  const pid_t child = fork();
  if (child == 0) {
    Program program;
    const auto kept = put(Make(3 * kMiB, 1));  // 24 of 32 MiB
    std::ofstream(cluster.notes() + "/put") << "done";
    pause();
  }
  Eventually([&] { return fs::exists(cluster.notes() + "/put"); }, "the driver has put its object");
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  ExpectNothingLeft(cluster);
  Program program;
  EXPECT_TRUE(IsMade(put(Make(3 * kMiB, 2)).view(), 2)) << "the dead driver's memory is free again";
}

}  // namespace
}  // namespace orrery::test
