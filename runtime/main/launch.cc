#include "runtime/main/launch.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <fstream>
#include <sstream>

#include "runtime/transport/spawn.h"

namespace orrery {

namespace {

std::string LastLines(const std::string& path) {
  std::ifstream file(path);
  std::string line, last;
  while (std::getline(file, line)) {
    if (!line.empty()) last = line;
  }
  return last;
}

std::string LogName(const std::string& session_dir, const std::string& role) {
  const std::time_t now = std::time(nullptr);
  char stamp[32];
  std::strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", std::localtime(&now));
  return session_dir + "/logs/" + role + "-" + stamp + "-" + std::to_string(getpid()) + ".log";
}

// One line; nothing when the writer ended without a word. False when the time is over.
bool ReadLine(int fd, Duration limit, std::string* line) {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  const int64_t end = now.tv_sec * 1000 + now.tv_nsec / 1'000'000 + limit.ns / 1'000'000;
  while (line->empty() || line->back() != '\n') {
    clock_gettime(CLOCK_MONOTONIC, &now);
    const int64_t left = end - (now.tv_sec * 1000 + now.tv_nsec / 1'000'000);
    pollfd waiting{fd, POLLIN, 0};
    if (left <= 0 || poll(&waiting, 1, static_cast<int>(left)) == 0) return false;
    std::array<char, 512> buffer{};
    const ssize_t n = read(fd, buffer.data(), buffer.size());
    if (n == 0) return true;
    if (n > 0) line->append(buffer.data(), static_cast<size_t>(n));
  }
  line->pop_back();
  return true;
}

}  // namespace

std::string OwnExecutable() {
  std::array<char, 4096> path{};
  const ssize_t n = readlink("/proc/self/exe", path.data(), path.size() - 1);
  return n > 0 ? std::string(path.data(), static_cast<size_t>(n)) : "orrery";
}

std::string Beside(const std::string& name) {
  const std::string own = OwnExecutable();
  return own.substr(0, own.rfind('/') + 1) + name;
}

Result<Launched> LaunchDaemon(const std::string& role, const std::vector<std::string>& arguments,
                              const std::string& session_dir, Duration limit) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return Status(StatusCode::kInternal, std::strerror(errno));
  // A descriptor that already had the target's number would keep its close-on-exec flag.
  const int write_end = fcntl(ends[1], F_DUPFD_CLOEXEC, 10);
  close(ends[1]);
  std::vector<std::string> words = {OwnExecutable(), "daemon", role, "--session=" + session_dir,
                                    "--ready-fd=" + std::to_string(SpawnRequest::kReadyFd)};
  words.insert(words.end(), arguments.begin(), arguments.end());
  const std::string log = LogName(session_dir, role);
  Launched launched;
  const SpawnRequest spawn{.words = words,
                           .folder = session_dir,  // holds no other folder in use
                           .log = log,
                           .ready = write_end,
                           .session = true};
  const int error = Spawn(spawn, &launched.pid);
  close(write_end);
  if (error != 0) {
    close(ends[0]);
    return Status(StatusCode::kInternal, "cannot start " + words[0] + ": " + std::strerror(error));
  }
  std::string line;
  const bool in_time = ReadLine(ends[0], limit, &line);
  close(ends[0]);
  if (in_time && line.rfind("ok ", 0) == 0) {
    std::istringstream parts(line.substr(3));
    parts >> launched.address >> launched.node_name;
    return launched;
  }
  kill(launched.pid, SIGKILL);
  waitpid(launched.pid, nullptr, 0);
  if (!in_time) return Status(StatusCode::kTimedOut, "the " + role + " daemon was not ready in time; its log: " + log);
  if (line.empty()) line = "the " + role + " daemon ended at once: " + LastLines(log);
  return Status(StatusCode::kInternal, line + " (log: " + log + ")");
}

}  // namespace orrery
