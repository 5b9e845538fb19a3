// SimGrid can be set up once per operating system process, so tests with flows run in forked children.
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>

namespace orrery {

// Runs `body` in a child, which prints its failures; returns body's result, or 0 when it failed or crashed.
template <class Body>
uint64_t InChild(Body body) {
  int pipe_ends[2];
  if (pipe(pipe_ends) != 0) {
    ADD_FAILURE() << "no pipe";
    return 0;
  }
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    const uint64_t result = body();
    const bool told = write(pipe_ends[1], &result, sizeof result) == sizeof result;
    std::fflush(nullptr);
    _exit(testing::Test::HasFailure() || !told ? 1 : 0);
  }
  close(pipe_ends[1]);
  uint64_t result = 0;
  const bool heard = read(pipe_ends[0], &result, sizeof result) == sizeof result;
  close(pipe_ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(heard && WIFEXITED(status) && WEXITSTATUS(status) == 0) << "the child failed, status " << status;
  return heard ? result : 0;
}

}  // namespace orrery
