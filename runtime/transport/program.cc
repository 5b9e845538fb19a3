#include "runtime/transport/program.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <deque>
#include <map>
#include <utility>

#include "runtime/transport/live_env_internal.h"
#include "runtime/transport/spawn.h"

namespace orrery {

namespace {

constexpr uint64_t kFirstTimer = uint64_t{1} << 32;  // apart from those of other endpoints
constexpr size_t kLastWords = 2000;                  // bytes of standard error that are kept

// What is written beforehand needs nobody to feed it: the program reads a file that has no name. -1 when there is none.
int InputFile(const std::string& input) {
  const int fd = memfd_create("input", MFD_CLOEXEC);
  if (fd < 0) return -1;
  if (write(fd, input.data(), input.size()) == static_cast<ssize_t>(input.size()) && lseek(fd, 0, SEEK_SET) == 0)
    return fd;
  close(fd);
  return -1;
}

std::string LastLine(std::string text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0) text.pop_back();
  const size_t line = text.rfind('\n');
  return line == std::string::npos ? text : text.substr(line + 1);
}

}  // namespace

class Programs::Impl {
 public:
  Impl(LiveEnv& env, size_t most) : env_(env), most_(most) {}
  ~Impl() {
    for (auto& [serial, running] : running_) {
      kill(-running.pid, SIGKILL);
      waitpid(running.pid, nullptr, 0);
      Forget(serial, running);
    }
  }
  void Run(ProgramCall call, std::function<void(ProgramEnd)> done) {
    waiting_.push_back({std::move(call), std::move(done)});
    StartNext();
  }

 private:
  struct Wanted {
    ProgramCall call;
    std::function<void(ProgramEnd)> done;
  };
  struct Running {
    Wanted wanted;
    pid_t pid = 0;
    int pidfd = -1, output_fd = -1, errors_fd = -1;  // ours, watched while they are open
    std::string output, errors;
    Status killed;  // why we ended it
  };

  void StartNext();
  Status Start(Running& running);
  void Watch(uint64_t serial, int fd);
  void OnReadable(uint64_t serial, int fd);
  // False when nothing more can come from it.
  bool Read(Running& running, int fd);
  void Kill(Running& running, Status why);
  void OnExit(uint64_t serial);
  Status EndOf(const Running& running, int status) const;
  void Forget(uint64_t serial, Running& running);

  LiveEnv& env_;
  const size_t most_;
  std::deque<Wanted> waiting_;
  std::map<uint64_t, Running> running_;
  uint64_t serial_ = kFirstTimer;
};

void Programs::Impl::StartNext() {
  while (!waiting_.empty() && running_.size() < most_) {
    const uint64_t serial = ++serial_;
    Running& running = running_[serial];
    running.wanted = std::move(waiting_.front());
    waiting_.pop_front();
    Status status = Start(running);
    if (!status.ok()) {
      auto done = std::move(running.wanted.done);
      running_.erase(serial);
      env_.PostCall([done = std::move(done), status] { done({status, ""}); });
      continue;
    }
    for (int fd : {running.pidfd, running.output_fd, running.errors_fd}) Watch(serial, fd);
    env_.impl().CallLater(serial, running.wanted.call.limit, [this, serial] {
      const auto found = running_.find(serial);
      if (found == running_.end()) return;
      const int64_t limit_ms = found->second.wanted.call.limit.ns / 1'000'000;
      Kill(found->second, {StatusCode::kTimedOut, "did not end in " + std::to_string(limit_ms) + " ms and was killed"});
    });
  }
}

Status Programs::Impl::Start(Running& running) {
  const auto failed = [&](int error) {
    return Status(StatusCode::kUnavailable,
                  "cannot run '" + running.wanted.call.words.front() + "': " + std::strerror(error));
  };
  const int input = InputFile(running.wanted.call.input);
  int output[2] = {-1, -1}, errors[2] = {-1, -1};
  int error = input < 0 || pipe2(output, O_CLOEXEC) != 0 || pipe2(errors, O_CLOEXEC) != 0 ? errno : 0;
  if (error == 0) {
    const ProgramCall& call = running.wanted.call;
    error =
        Spawn({.words = call.words, .folder = call.folder, .input = input, .output = output[1], .errors = errors[1]},
              &running.pid);
  }
  for (int fd : {input, output[1], errors[1]}) {
    if (fd >= 0) close(fd);
  }
  if (error != 0) {
    for (int fd : {output[0], errors[0]}) {
      if (fd >= 0) close(fd);
    }
    return failed(error);
  }
  running.output_fd = output[0];
  running.errors_fd = errors[0];
  for (int fd : {output[0], errors[0]}) fcntl(fd, F_SETFL, O_NONBLOCK);
  running.pidfd = static_cast<int>(syscall(SYS_pidfd_open, running.pid, 0));
  ORRERY_ASSERT_MSG(running.pidfd >= 0, "pidfd_open needs Linux 5.3 or newer");
  return Status::Ok();
}

void Programs::Impl::Watch(uint64_t serial, int fd) {
  env_.impl().WatchReadable(fd, [this, serial, fd] { OnReadable(serial, fd); });
}

void Programs::Impl::OnReadable(uint64_t serial, int fd) {
  Running& running = running_.at(serial);
  if (fd == running.pidfd) return OnExit(serial);
  if (Read(running, fd)) Watch(serial, fd);
}

bool Programs::Impl::Read(Running& running, int fd) {
  std::array<char, 16384> buffer{};
  const ssize_t n = read(fd, buffer.data(), buffer.size());
  if (n < 0) return errno == EAGAIN || errno == EINTR;
  if (n == 0) return false;
  if (fd == running.output_fd) {
    const size_t most = running.wanted.call.max_output;
    if (running.output.size() + static_cast<size_t>(n) > most)
      Kill(running, {StatusCode::kTooLarge, "wrote more than " + std::to_string(most) + " bytes and was killed"});
    else
      running.output.append(buffer.data(), static_cast<size_t>(n));
  } else {
    running.errors.append(buffer.data(), static_cast<size_t>(n));
    if (running.errors.size() > kLastWords) running.errors.erase(0, running.errors.size() - kLastWords);
  }
  return true;
}

void Programs::Impl::Kill(Running& running, Status why) {
  if (running.killed.ok()) running.killed = std::move(why);
  kill(-running.pid, SIGKILL);
}

void Programs::Impl::OnExit(uint64_t serial) {
  Running& running = running_.at(serial);
  // What it has left behind goes with it. Its pid cannot be in use again before it is reaped.
  kill(-running.pid, SIGKILL);
  int status = 0;
  waitpid(running.pid, &status, 0);
  // What it wrote last; a pipe holds no more than this.
  for (int fd : {running.output_fd, running.errors_fd}) {
    for (int i = 0; i < 64 && running.killed.ok(); ++i) {
      const size_t before = running.output.size() + running.errors.size();
      if (!Read(running, fd) || running.output.size() + running.errors.size() == before) break;
    }
  }
  ProgramEnd end{EndOf(running, status), std::move(running.output)};
  auto done = std::move(running.wanted.done);
  Forget(serial, running);
  running_.erase(serial);
  StartNext();
  done(std::move(end));
}

Status Programs::Impl::EndOf(const Running& running, int status) const {
  const std::string name = "'" + running.wanted.call.words.front() + "' ";
  const std::string words = LastLine(running.errors);
  const std::string last = words.empty() ? "" : ": " + words;
  if (!running.killed.ok()) return {running.killed.code(), name + running.killed.message() + last};
  if (WIFSIGNALED(status))
    return {StatusCode::kUnavailable, name + "was killed by signal " + std::to_string(WTERMSIG(status)) + last};
  if (WEXITSTATUS(status) != 0)
    return {StatusCode::kUnavailable, name + "ended with exit code " + std::to_string(WEXITSTATUS(status)) + last};
  return Status::Ok();
}

void Programs::Impl::Forget(uint64_t serial, Running& running) {
  env_.impl().CancelCall(serial);
  for (int* fd : {&running.pidfd, &running.output_fd, &running.errors_fd}) {
    env_.impl().Unwatch(*fd);
    close(*fd);
    *fd = -1;
  }
}

Programs::Programs(LiveEnv& env, size_t most) : impl_(std::make_unique<Impl>(env, most)) {}
Programs::~Programs() = default;
void Programs::Run(ProgramCall call, std::function<void(ProgramEnd)> done) {
  impl_->Run(std::move(call), std::move(done));
}

}  // namespace orrery
