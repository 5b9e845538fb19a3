#include "runtime/transport/session.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

namespace orrery {
namespace {

struct SessionTest : ::testing::Test {
  std::string base = [] {
    char name[] = "/tmp/orrery-session-XXXXXX";
    return std::string(mkdtemp(name));
  }();
  ~SessionTest() override { (void)system(("rm -r " + base).c_str()); }
  static unsigned Mode(const std::string& path) {
    struct stat info {};
    EXPECT_EQ(stat(path.c_str(), &info), 0) << path;
    return info.st_mode & 0777;
  }
};

TEST_F(SessionTest, FoldersAndTokenArePrivate) {
  const Session session = Session::Open(base + "/s").value();
  const std::string token = session.CreateToken().value();
  EXPECT_EQ(token.size(), 64u);
  EXPECT_EQ(session.CreateToken().value(), token) << "made once";
  EXPECT_EQ(ReadTokenFile(session.token_file()).value(), token);
  EXPECT_EQ(Mode(session.folder()), 0700u);
  EXPECT_EQ(Mode(session.socket_dir()), 0700u);
  EXPECT_EQ(Mode(session.token_file()), 0600u);
}

TEST_F(SessionTest, OpenFolderOrTokenIsRefused) {
  ASSERT_EQ(mkdir((base + "/open").c_str(), 0700), 0);
  ASSERT_EQ(chmod((base + "/open").c_str(), 0755), 0);
  EXPECT_EQ(Session::Open(base + "/open").status().code(), StatusCode::kPermissionDenied);
  const Session session = Session::Open(base + "/s").value();
  ASSERT_TRUE(session.CreateToken().ok());
  chmod(session.token_file().c_str(), 0644);
  EXPECT_EQ(ReadTokenFile(session.token_file()).status().code(), StatusCode::kPermissionDenied);
  EXPECT_EQ(ReadTokenFile(base + "/none").status().code(), StatusCode::kNotFound);
}

TEST_F(SessionTest, RecordsOfTheDeadAreRemoved) {
  const Session session = Session::Open(base + "/s").value();
  ASSERT_TRUE(
      session
          .WriteRecord(
              {.role = "gcs", .node_name = "", .address = "127.0.0.1:1/2", .gcs_address = "127.0.0.1:1", .head = true})
          .ok());
  const pid_t child = fork();
  if (child == 0) {
    (void)session.WriteRecord({.role = "node_manager", .node_name = "n"});
    _exit(0);
  }
  siginfo_t info{};
  waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT);  // dead, but still a zombie
  EXPECT_EQ(access((session.folder() + "/records/" + std::to_string(child) + ".json").c_str(), F_OK), 0);
  std::vector<DaemonRecord> records = session.Records();
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].pid, getpid());
  EXPECT_EQ(records[0].role, "gcs");
  EXPECT_EQ(records[0].address, "127.0.0.1:1/2");
  EXPECT_TRUE(records[0].head);
  EXPECT_NE(access((session.folder() + "/records/" + std::to_string(child) + ".json").c_str(), F_OK), 0);
  waitpid(child, nullptr, 0);
  session.RemoveRecord(getpid());
  EXPECT_TRUE(session.Records().empty());
}

TEST_F(SessionTest, ReusedPidIsNotTheDaemon) {
  const Session session = Session::Open(base + "/s").value();
  ASSERT_TRUE(session.WriteRecord({.role = "gcs"}).ok());
  DaemonRecord record = session.Records().at(0);
  EXPECT_TRUE(IsAlive(record));
  record.start_time += 1;
  EXPECT_FALSE(IsAlive(record));
}

TEST_F(SessionTest, GarbledRecordIsDropped) {
  const Session session = Session::Open(base + "/s").value();
  std::ofstream(session.folder() + "/records/12.json") << "{\"pid\": \"twelve\"";
  std::ofstream(session.folder() + "/records/13.json") << "{\"pid\": \"thirteen\"}";
  EXPECT_TRUE(session.Records().empty());
}

TEST_F(SessionTest, FolderIsChosenByTheEnvironment) {
  setenv("ORRERY_SESSION_DIR", "/chosen", 1);
  EXPECT_EQ(Session::DefaultFolder(), "/chosen");
  unsetenv("ORRERY_SESSION_DIR");
  setenv("XDG_RUNTIME_DIR", base.c_str(), 1);
  EXPECT_EQ(Session::DefaultFolder(), base + "/orrery");
  setenv("XDG_RUNTIME_DIR", "/does/not/exist", 1);
  EXPECT_EQ(Session::DefaultFolder(), "/tmp/orrery-" + std::to_string(geteuid()));
  unsetenv("XDG_RUNTIME_DIR");
}

}  // namespace
}  // namespace orrery
