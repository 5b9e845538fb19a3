// What goes wrong without anybody dying: damaged and missing disks, wrong types. And what `orrery memory` says.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "tests/live/objects/support.h"

namespace orrery::test {
namespace {

namespace fs = std::filesystem;

// ---- tasks ----

Numbers MakeAny(int64_t size, int64_t seed) { return Make(size, seed); }
int64_t WaitFor(const std::string& path) {
  while (!fs::exists(path)) usleep(1000);
  return 1;
}

void TruncateSpillFiles(const LiveCluster& cluster) {
  for (const auto& entry : fs::recursive_directory_iterator(cluster.session_dir() + "/spill")) {
    if (entry.is_regular_file()) fs::resize_file(entry.path(), fs::file_size(entry.path()) / 2);
  }
}

// ---- disks ----

TEST(Trouble, ATruncatedSpillFileLosesPutsAndMakesResultsAgain) {
  LiveCluster cluster(Nodes(1, 32 * kMiB));
  {
    Program program;
    const auto put_one = put(Make(kMiB, 1));  // the oldest go first
    const auto made = remote<&MakeAny>(kMiB, int64_t{2});
    wait(std::vector{made});
    std::vector<Ref<Numbers>> later;
    for (int64_t i = 3; i < 8; ++i) later.push_back(put(Make(kMiB, i)));
    Eventually([&] { return SpillFiles(cluster) > 1; }, "the first two are on disk");
    TruncateSpillFiles(cluster);
    EXPECT_THROW(put_one.view(), ObjectLostError);
    later.clear();
    EXPECT_TRUE(IsMade(made.view(), 2)) << "its task has run once more";
  }
  ExpectNothingLeft(cluster);
}

TEST(Trouble, ADiskThatTakesNothingIsAnErrorAndNothingIsLost) {
  const std::string disk = fs::temp_directory_path() / ("orrery-disk-" + std::to_string(getpid()));
  fs::create_directory(disk);
  LiveCluster cluster(Nodes(1, 32 * kMiB), {{"spill_directories", disk}});
  fs::remove_all(disk);
  std::ofstream(disk) << "no folder any more";
  {
    Program program;
    std::vector<Ref<Numbers>> refs;
    for (int64_t i = 0; i < 3; ++i) refs.push_back(put(Make(kMiB, i)));
    try {
      put(Make(kMiB, 3));
      ADD_FAILURE() << "there was no room";
    } catch (const Error& error) {
      EXPECT_TRUE(error.code() == StatusCode::kDiskFull || error.code() == StatusCode::kStoreFull) << error.what();
      EXPECT_NE(std::string(error.what()).find(disk), std::string::npos) << error.what();
    }
    for (int64_t i = 0; i < 3; ++i) EXPECT_TRUE(IsMade(refs[static_cast<size_t>(i)].view(), i)) << "nothing is lost";
    refs.clear();
    EXPECT_TRUE(IsMade(put(Make(kMiB, 4)).view(), 4));
  }
  ExpectNothingLeft(cluster);
  fs::remove(disk);
}

// ---- types ----

TEST(Trouble, AValueOfAnotherTypeIsSaidByName) {
  LiveCluster cluster(Nodes(1));
  {
    Program program;
    const auto numbers = put(Make(kMiB, 1));
    EXPECT_THROW((Ref<std::vector<double>>(static_cast<const ObjectRef&>(numbers))), MalformedError);
    // A forged ref, whose type nobody knows until the value is read.
    auto* state = internal::NewObjectState(numbers.id(), numbers.state()->client);
    const Ref<std::vector<double>> forged(state);
    const auto kept = numbers;
    try {
      forged.get();
      ADD_FAILURE() << "int64_t is not double";
    } catch (const MalformedError& error) {
      EXPECT_NE(std::string(error.what()).find("vector<"), std::string::npos) << error.what();
    }
    EXPECT_TRUE(IsMade(kept.view(), 1)) << "the value is as it was";
  }
}

// ---- orrery memory ----

nlohmann::json Memory() {
  const std::string command = internal::FindOrreryCommand() + " memory --format json";
  std::FILE* pipe = popen(command.c_str(), "r");
  std::string text;
  char buffer[4096];
  for (size_t n = 0; (n = fread(buffer, 1, sizeof buffer, pipe)) > 0;) text.append(buffer, n);
  EXPECT_EQ(pclose(pipe), 0) << text;
  return nlohmann::json::parse(text);
}

TEST(Memory, NamesEveryLargeObjectItsOwnerPlaceAndReason) {
  LiveCluster cluster(Nodes(2, 64 * kMiB));
  {
    Program program;
    const auto own = put(Make(kMiB, 1));
    const auto made = task<&MakeAny>(On(1))(kMiB, int64_t{2});
    wait(std::vector{made});
    // Whether the owner is blocked in a get (of a thread) or just busy, it answers.
    const std::string gate = cluster.notes() + "/gate";
    const auto slow = remote<&WaitFor>(gate);
    std::thread blocked([&] { slow.get(); });
    const nlohmann::json memory = Memory();
    std::ofstream(gate) << "open";
    blocked.join();
    ASSERT_EQ(memory["nodes"].size(), 2U) << memory.dump(2);
    EXPECT_EQ(memory["nodes"][0]["capacity_bytes"], 64 * kMiB);
    ASSERT_EQ(memory["objects"].size(), 2U) << memory.dump(2);
    for (const auto& object : memory["objects"]) {
      EXPECT_EQ(object["size_bytes"], 8 * kMiB + 64);
      EXPECT_EQ(object["owner_answered"], true) << memory.dump(2);
      EXPECT_EQ(object["references"]["local"], 1);
      EXPECT_NE(object["alive_because_of"].get<std::string>().find("1 refs of its owner"), std::string::npos);
      const bool is_own = object["object"] == ToString(own.id());
      EXPECT_EQ(object["in_memory"], nlohmann::json::array({is_own ? 1 : 2})) << memory.dump(2);
      EXPECT_EQ(object["references"]["lineage"], is_own ? 0 : 1);
    }
  }
  ExpectNothingLeft(cluster);
  EXPECT_EQ(Memory()["objects"].size(), 0U);
}

}  // namespace
}  // namespace orrery::test
