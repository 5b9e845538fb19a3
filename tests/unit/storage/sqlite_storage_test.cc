// What was answered is there for the next process, whatever became of this one; nothing else is.
#include "runtime/storage/sqlite_storage.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "runtime/messages/message.h"
#include "runtime/messages/orrery.pb.h"

namespace orrery {
namespace {

namespace fs = std::filesystem;

struct Inbox final : StateMachine {
  uint64_t stored = 0;
  Status status;
  void OnMessage(const Address& from, Message message) override {
    ASSERT_EQ(from, Address::Storage());
    const auto& answer = message.As<msg::StateStored>();
    ASSERT_EQ(answer.batch(), stored + 1) << "in order, each once";
    stored = answer.batch();
    status = {static_cast<StatusCode>(answer.status()), answer.message()};
  }
  void OnTimer(TimerKind, uint64_t) override {}
  void OnPeerLost(const Address&) override {}
};

class SqliteStorageTest : public testing::Test {
 protected:
  SqliteStorageTest() {
    char folder[] = "/tmp/orrery-storage-XXXXXX";
    folder_ = mkdtemp(folder);
    path_ = folder_ + "/state.sqlite";
  }
  ~SqliteStorageTest() override { fs::remove_all(folder_); }

  // Writes in this process, waits for the answer.
  Status Write(std::vector<std::pair<std::string, std::string>> rows, bool erase = false) {
    Draft<msg::StoreState> batch;
    batch->set_batch(++batches_);
    for (auto& [key, value] : rows) {
      msg::StateChange* change = batch->add_changes();
      change->set_table(6);
      change->set_key(key);
      change->set_value(value);
      change->set_erased(erase);
    }
    env_->Send(Address::Storage(), std::move(batch));
    while (inbox_.stored < batches_) env_->RunOne(Duration::Millis(100));
    return inbox_.status;
  }
  std::unique_ptr<SqliteStorage> Serve() {
    auto storage = std::move(SqliteStorage::Open(path_, false)).value();
    env_ = std::move(LiveEnv::Create({.socket_dir = "", .token = "token"})).value();
    env_->SetStateMachine(&inbox_);
    storage->Serve(*env_);
    env_->SetLocalEndpoint(Address::Storage(), storage.get());
    env_->Acquire();
    return storage;
  }
  std::map<std::string, std::string> Rows() {
    auto storage = SqliteStorage::Open(path_, false);
    EXPECT_TRUE(storage.ok()) << storage.status().message();
    std::map<std::string, std::string> rows;
    for (const StoredRow& row : (*storage)->Load().value()) rows[row.key] = row.value;
    return rows;
  }

  std::string folder_, path_;
  Inbox inbox_;
  std::unique_ptr<LiveEnv> env_;
  uint64_t batches_ = 0;
};

TEST_F(SqliteStorageTest, RowsAreReplacedErasedAndFoundAgain) {
  const std::string bytes("a\0b\xff", 4);
  {
    auto storage = Serve();
    ASSERT_TRUE(Write({{"x", "1"}, {bytes, bytes}, {"gone", "2"}}).ok());
    ASSERT_TRUE(Write({{"x", "3"}}).ok());
    ASSERT_TRUE(Write({{"gone", ""}}, true).ok());
    ASSERT_TRUE(storage->SetNote("port", 6379).ok());
    env_->Release();
    env_.reset();
  }
  EXPECT_EQ(Rows(), (std::map<std::string, std::string>{{"x", "3"}, {bytes, bytes}}));
  EXPECT_EQ(SqliteStorage::Open(path_, false).value()->Note("port"), 6379);
  struct stat info {};
  stat(path_.c_str(), &info);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
}

TEST_F(SqliteStorageTest, WhatWasAnsweredOutlivesAKilledProcess) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    auto storage = Serve();
    for (int i = 0;; ++i) {
      if (!Write({{"last", std::to_string(i)}, {"row" + std::to_string(i), "x"}}).ok()) _exit(1);
      if (write(ends[1], &i, sizeof i) != sizeof i) _exit(1);
    }
  }
  close(ends[1]);
  int answered = -1;
  while (answered < 200) ASSERT_EQ(read(ends[0], &answered, sizeof answered), static_cast<ssize_t>(sizeof answered));
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  while (read(ends[0], &answered, sizeof answered) == static_cast<ssize_t>(sizeof answered)) {
  }
  const auto rows = Rows();
  const int last = std::stoi(rows.at("last"));
  EXPECT_GE(last, answered);
  EXPECT_LE(last, answered + 1) << "at most the batch that was under way";
  EXPECT_EQ(rows.size(), static_cast<size_t>(last) + 2) << "whole batches";
}

TEST_F(SqliteStorageTest, OneWriterAtATime) {
  auto first = SqliteStorage::Open(path_, false);
  ASSERT_TRUE(first.ok());
  const pid_t child = fork();
  if (child == 0) _exit(SqliteStorage::Open(path_, false).status().code() == StatusCode::kUnavailable ? 0 : 1);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

TEST_F(SqliteStorageTest, OtherFilesAreRefusedAndRemoveLeavesNothing) {
  std::ofstream(path_) << std::string(4096, 'x');
  EXPECT_EQ(SqliteStorage::Open(path_, false).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(SqliteStorage::Open(folder_ + "/no/such", false).status().code(), StatusCode::kUnavailable);
  fs::remove(path_);
  auto storage = std::move(SqliteStorage::Open(path_, true)).value();
  storage->Remove();
  EXPECT_TRUE(fs::is_empty(folder_));
}

}  // namespace
}  // namespace orrery
