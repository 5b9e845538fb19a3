// forked_program WAY [WORD]: what a worker's program may do around ServeForks. It prints "begun by PID as WORKER of
// PARENT", of which PID is the process that was started, not copied.
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "runtime/transport/fork_server.h"

namespace {

void* Sleep(void*) {
  pause();
  return nullptr;
}

}  // namespace

int main(int, char** argv) {
  const char* way = argv[1];
  const int begun = getpid();
  if (std::strcmp(way, "dies") == 0) return 9;
  pthread_t thread{};
  if (std::strcmp(way, "threads") == 0) pthread_create(&thread, nullptr, Sleep, nullptr);
  orrery::ServeForks();
  std::printf("begun by %d as %s of %d; %s\n", begun, getenv("ORRERY_WORKER_ID"), getppid(),
              getenv(orrery::kForkServerVariable) == nullptr ? "no more forks" : "forks");
  std::fflush(stdout);
  if (std::strcmp(way, "stays") == 0) pause();
  if (std::strcmp(way, "orphans") == 0 && fork() == 0) {
    setsid();
    if (fork() == 0) execlp("true", "true", nullptr);
    _exit(0);
  }
  return 7;
}
