// What is written comes back, and what was not written does not.
#include "runtime/transport/spill_files.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>

namespace orrery {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kSize = 300'000;
ObjectId Object(uint64_t task) { return {{WorkerId::Of(NodeId{1}, 2), task}, 3}; }

class SpillFilesTest : public testing::Test {
 protected:
  SpillFilesTest() {
    char folder[] = "/tmp/orrery-spill-test-XXXXXX";
    folder_ = mkdtemp(folder);
    arena_ = ArenaMap::Create(4 << 20).value();
    for (int64_t i = 0; i < 4; ++i)
      std::memset(arena_->Write(i * kSize, kSize).value(), 'a' + static_cast<int>(i), kSize);
  }
  ~SpillFilesTest() override { fs::remove_all(folder_); }

  static std::vector<SpillEntry> Four() {
    std::vector<SpillEntry> entries;
    for (int64_t i = 0; i < 4; ++i) entries.push_back({Object(static_cast<uint64_t>(i)), i * kSize, kSize, i * kSize});
    return entries;
  }
  std::vector<std::string> Files() const {
    std::vector<std::string> found;
    for (const auto& entry : fs::recursive_directory_iterator(folder_)) {
      if (entry.is_regular_file()) found.push_back(entry.path().string());
    }
    return found;
  }
  void Wipe() { std::memset(arena_->Write(0, 4 << 20).value(), 0, 4 << 20); }
  // Changes one byte of the only file.
  void Damage(int64_t at) {
    std::fstream file(Files().at(0), std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(at);
    const char was = static_cast<char>(file.get());
    file.seekp(at);
    file.put(static_cast<char>(was ^ 1));
  }

  std::string folder_;
  std::shared_ptr<ArenaMap> arena_;
};

TEST_F(SpillFilesTest, EveryObjectComesBackInAnyOrderToAnyPlace) {
  SpillFiles files({folder_ + "/spill/own"});
  ASSERT_TRUE(files.Write(7, Four(), *arena_).ok());
  Wipe();
  for (int64_t i : {2, 0, 3, 1}) {
    SpillEntry entry = Four()[static_cast<size_t>(i)];
    entry.offset = (3 - i) * kSize;
    ASSERT_TRUE(files.Read(7, entry, *arena_).ok());
    EXPECT_EQ(std::string(arena_->Read(entry.offset), kSize), std::string(kSize, static_cast<char>('a' + i)));
  }
  EXPECT_EQ(arena_->Read(4 * kSize)[0], 0) << "nothing behind";
}

TEST_F(SpillFilesTest, FoldersTakeTurnsAndAreRemovedAtTheEnd) {
  {
    SpillFiles files({folder_ + "/a/own", folder_ + "/b/own"});
    for (uint64_t number = 1; number <= 4; ++number) ASSERT_TRUE(files.Write(number, Four(), *arena_).ok());
    EXPECT_EQ(std::distance(fs::directory_iterator(folder_ + "/a/own"), {}), 2);
    EXPECT_EQ(std::distance(fs::directory_iterator(folder_ + "/b/own"), {}), 2);
    files.Delete(2);
    EXPECT_EQ(Files().size(), 3U);
    files.Delete(2);
    EXPECT_EQ(files.Read(2, Four()[0], *arena_).code(), StatusCode::kNotFound);
  }
  EXPECT_TRUE(fs::is_empty(folder_));
}

TEST_F(SpillFilesTest, ATruncatedFileIsAnErrorAtEveryLength) {
  SpillFiles files({folder_ + "/own"});
  const auto last = Four()[3];
  for (const int64_t size : {int64_t{0}, int64_t{15}, int64_t{16}, int64_t{100}, int64_t{4} * kSize}) {
    ASSERT_TRUE(files.Write(1, Four(), *arena_).ok());
    fs::resize_file(Files().at(0), static_cast<uint64_t>(size));
    const Status status = files.Read(1, last, *arena_);
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << size;
    EXPECT_NE(status.message().find("too short"), std::string::npos) << status.message();
    files.Delete(1);
  }
}

TEST_F(SpillFilesTest, AChangedByteIsAnErrorWhereverItIs) {
  SpillFiles files({folder_ + "/own"});
  ASSERT_TRUE(files.Write(1, Four(), *arena_).ok());
  for (const int64_t at : {0, 9, 14, 30, 60, 16 + 4 * 48 + 2, 16 + 4 * 48 + 4 + 17}) {
    Damage(at);
    EXPECT_EQ(files.Read(1, Four()[0], *arena_).code(), StatusCode::kInvalidArgument) << at;
    Damage(at);
    EXPECT_TRUE(files.Read(1, Four()[0], *arena_).ok());
  }
  EXPECT_EQ(files.Read(1, {Object(99), 0, kSize, 0}, *arena_).code(), StatusCode::kInvalidArgument) << "not in it";
}

TEST_F(SpillFilesTest, AFullDiskLeavesNothingAndTheNextFolderIsTried) {
  SpillFiles files({folder_ + "/own"});
  signal(SIGXFSZ, SIG_IGN);
  rlimit limit{}, small{};
  getrlimit(RLIMIT_FSIZE, &limit);
  small = {2 * kSize, limit.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  const Status status = files.Write(1, Four(), *arena_);
  setrlimit(RLIMIT_FSIZE, &limit);
  EXPECT_EQ(status.code(), StatusCode::kDiskFull);
  EXPECT_NE(status.message().find(folder_), std::string::npos) << "names the place: " << status.message();
  EXPECT_TRUE(Files().empty());
  std::ofstream(folder_ + "/file") << "not a folder";
  SpillFiles both({folder_ + "/file/own", folder_ + "/good/own"});
  EXPECT_TRUE(both.Write(2, Four(), *arena_).ok());
  EXPECT_EQ(SpillFiles({}).Write(3, Four(), *arena_).code(), StatusCode::kDiskFull);
}

TEST_F(SpillFilesTest, WhatDeadProcessesLeftIsSwept) {
  const std::string parent = folder_ + "/spill";
  fs::create_directories(parent + "/999999-5");
  std::ofstream(parent + "/999999-5/1.spill") << "left over";
  const std::string own = SpillFolders({parent}).at(0);
  EXPECT_FALSE(fs::exists(parent)) << "nothing else was there";
  SpillFiles files({own});
  ASSERT_TRUE(files.Write(1, Four(), *arena_).ok());
  SweepSpillFolder(parent);
  EXPECT_TRUE(files.Read(1, Four()[1], *arena_).ok()) << "the living keep theirs";
}

}  // namespace
}  // namespace orrery
