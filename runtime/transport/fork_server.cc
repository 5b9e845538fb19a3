#include "runtime/transport/fork_server.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "runtime/transport/host.h"
#include "runtime/transport/spawn.h"

namespace orrery {

namespace {

constexpr int kSocket = SpawnRequest::kReadyFd;

// ThreadSanitizer has a thread of its own, and ends a copy that starts another.
#if defined(__SANITIZE_THREAD__)
constexpr bool kThreadSanitizer = true;
#elif defined(__has_feature)
constexpr bool kThreadSanitizer = __has_feature(thread_sanitizer);
#else
constexpr bool kThreadSanitizer = false;
#endif

bool HasThreads() {
  if (kThreadSanitizer) return true;
  std::error_code error;
  int threads = 0;
  for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task", error)) {
    (void)thread;
    ++threads;
  }
  return error || threads != 1;
}

void Reply(uint64_t worker, int64_t pid) {
  const ForkReply reply{worker, pid};
  while (send(kSocket, &reply, sizeof reply, MSG_NOSIGNAL) < 0 && errno == EINTR) {
  }
}

// In the worker: all that posix_spawn would have made its own.
void Become(const ForkRequest& request, pid_t between, int host) {
  const timespec moment{0, 50'000};
  while (getppid() == between) nanosleep(&moment, nullptr);
  if (getppid() != host) _exit(1);  // which died meanwhile
  close(kSocket);
  const int log = open(request.log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (log < 0) _exit(126);
  std::fflush(nullptr);
  dup2(log, 1);
  dup2(log, 2);
  close(log);
  setenv("ORRERY_WORKER_ID", std::to_string(request.worker).c_str(), 1);
}

// Returns true in the new worker. The process between shares our memory, and we wait until it has ended (vfork): pages
// are set up for a copy once, not twice.
bool Fork(const ForkRequest& request, int host, const ForkHooks& hooks) {
  volatile int64_t made = -EAGAIN;
  if (hooks.before != nullptr) hooks.before();
  const pid_t between = vfork();
  if (between == 0) {
    const pid_t self = getpid(), worker = fork();
    if (worker != 0) {
      if (worker > 0) setpgid(worker, worker);  // before anybody knows it, and could kill its group
      made = worker > 0 ? worker : -errno;
      _exit(0);
    }
    Become(request, self, host);
    if (hooks.in_child != nullptr) hooks.in_child();
    return true;
  }
  if (between < 0) made = -errno;
  if (hooks.in_parent != nullptr) hooks.in_parent();
  while (between > 0 && waitpid(between, nullptr, 0) < 0 && errno == EINTR) {
  }
  Reply(request.worker, made);
  return false;
}

}  // namespace

void ServeForks(const ForkHooks& hooks) {
  const char* asked = getenv(kForkServerVariable);
  if (asked == nullptr) return;
  const bool serve = std::string(asked) == "serve";
  unsetenv(kForkServerVariable);  // it is not for the processes that a task starts
  if (!serve) return;
  auto environment = WorkerEnvironment::FromProcess();
  if (!environment.ok() || !environment.value()) return;
  const int host = (*environment)->parent_pid;
  if (HasThreads()) {
    Reply((*environment)->worker.value, 0);
    close(kSocket);
    return;
  }
  DieWithParent(host);
  // Up to here its output was in the first worker's log. (And who looks for a worker's process goes by its log.)
  const int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
  dup2(null, 1);
  dup2(null, 2);
  close(null);
  for (;;) {
    ForkRequest request;
    const ssize_t size = recv(kSocket, &request, sizeof request, 0);
    if (size < 0 && errno == EINTR) continue;
    if (size <= static_cast<ssize_t>(offsetof(ForkRequest, log))) _exit(0);  // the host needs no more of them
    request.log[sizeof request.log - 1] = '\0';
    if (Fork(request, host, hooks)) return;
  }
}

}  // namespace orrery
