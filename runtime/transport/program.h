// Programs of others, run beside the event loop and never waited for.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "runtime/common/status.h"
#include "runtime/common/time.h"
#include "runtime/transport/live_env.h"

namespace orrery {

struct ProgramCall {
  std::vector<std::string> words;  // the program, found on PATH where it has no '/', and its arguments
  std::string input{};             // its whole standard input
  std::string folder{};            // its working directory; "": ours
  Duration limit;                  // then it gets SIGKILL, and with it what it has started
  size_t max_output = size_t{1} << 20;  // bytes; more: SIGKILL
};

struct ProgramEnd {
  // ok: exit code 0 in time. Else kUnavailable (cannot be started, exit code, signal; with its last words on standard
  // error), kTimedOut, kTooLarge.
  Status status;
  std::string output;  // what it wrote to standard output
};

// Calls beyond `most` at a time wait for their turn, in order.
class Programs {
 public:
  // `env` outlives this.
  explicit Programs(LiveEnv& env, size_t most = 8);
  // Kills what runs; nobody hears of it.
  ~Programs();
  // `done` is called by the driving thread, between handlers.
  void Run(ProgramCall call, std::function<void(ProgramEnd)> done);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace orrery
