#include "runtime/api/spawn_daemon.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "runtime/api/local_cluster.h"
#include "runtime/transport/spawn.h"

namespace orrery::internal {

namespace fs = std::filesystem;

namespace {

constexpr int kReadyLimitMs = 30'000;

// One line, without its end; "" when the writer ended without a word. nullopt-like false when the time is over.
bool ReadLine(int fd, std::string* line) {
  std::array<char, 512> buffer{};
  while (line->empty() || line->back() != '\n') {
    pollfd waiting{fd, POLLIN, 0};
    if (poll(&waiting, 1, kReadyLimitMs) == 0) return false;
    const ssize_t n = read(fd, buffer.data(), buffer.size());
    if (n == 0) return true;
    if (n > 0) line->append(buffer.data(), static_cast<size_t>(n));
  }
  line->pop_back();
  return true;
}

bool Executable(const std::string& path) { return access(path.c_str(), X_OK) == 0; }

}  // namespace

std::string FindOrreryCommand() {
  if (const char* home = std::getenv("ORRERY_HOME"); home != nullptr && Executable(std::string(home) + "/bin/orrery")) {
    return std::string(home) + "/bin/orrery";
  }
  std::error_code ignored;
  const fs::path own = fs::read_symlink("/proc/self/exe", ignored);
  if (const std::string beside = own.parent_path() / "orrery"; Executable(beside)) return beside;
  const char* path = std::getenv("PATH");
  const std::string folders = path == nullptr ? "" : path;
  for (size_t begin = 0; begin < folders.size();) {
    const size_t end = std::min(folders.find(':', begin), folders.size());
    if (const std::string found = folders.substr(begin, end - begin) + "/orrery"; Executable(found)) return found;
    begin = end + 1;
  }
  return "";
}

std::map<WorkerId, int> WorkersOf(int pid) {
  std::map<WorkerId, int> workers;
  std::error_code ignored;
  for (const fs::directory_entry& thread : fs::directory_iterator("/proc/" + std::to_string(pid) + "/task", ignored)) {
    std::ifstream file(thread.path() / "children");
    for (int child = 0; file >> child;) {
      const fs::path log = fs::read_symlink("/proc/" + std::to_string(child) + "/fd/1", ignored);
      uint32_t node = 0, index = 0;
      if (std::sscanf(log.filename().c_str(), "worker-%u.%u.log", &node, &index) == 2)
        workers[WorkerId::Of({node}, index)] = child;
    }
  }
  return workers;
}

Result<StartedDaemon> SpawnDaemon(const std::string& role, const std::vector<std::string>& words,
                                  const std::map<std::string, std::string>& environment,
                                  const std::string& session_dir) {
  const std::string command = FindOrreryCommand();
  if (command.empty()) {
    return Status(StatusCode::kNotFound,
                  "the orrery command is neither in $ORRERY_HOME/bin, nor beside this program, nor on PATH");
  }
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0)
    return Status(StatusCode::kUnavailable, std::string("pipe: ") + std::strerror(errno));
  // A descriptor that already had the number of the target would keep its close-on-exec flag.
  const int write_end = fcntl(ends[1], F_DUPFD_CLOEXEC, 10);
  close(ends[1]);
  std::vector<std::string> all = {command, "daemon", role, "--ready-fd=" + std::to_string(SpawnRequest::kReadyFd)};
  all.insert(all.end(), words.begin(), words.end());
  static int started = 0;
  const std::string log = session_dir + "/logs/" + role + "-" + std::to_string(++started) + ".log";
  StartedDaemon daemon;
  const int error =
      Spawn({.words = std::move(all), .environment = environment, .log = log, .ready = write_end}, &daemon.pid);
  close(write_end);
  std::string line;
  const bool in_time = error != 0 || ReadLine(ends[0], &line);
  close(ends[0]);
  if (error != 0) return Status(StatusCode::kUnavailable, "cannot start " + command + ": " + std::strerror(error));
  if (in_time && line.starts_with("ok ")) {
    daemon.address = line.substr(3, line.find(' ', 3) - 3);
    return daemon;
  }
  kill(daemon.pid, SIGKILL);
  waitpid(daemon.pid, nullptr, 0);
  if (!in_time)
    return Status(StatusCode::kTimedOut, "the " + role + " daemon was not ready within 30 s (log: " + log + ")");
  return Status(StatusCode::kUnavailable,
                line.empty() ? "the " + role + " daemon ended at once (log: " + log + ")" : line);
}

}  // namespace orrery::internal
