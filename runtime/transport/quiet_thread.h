// Threads of the transport take no signals: a daemon reads its own with signalfd, a program's handlers run where it
// expects them.
#pragma once

#include <signal.h>

#include <thread>
#include <utility>

namespace orrery {

// A thread that has every signal blocked from its first instruction on.
template <class Function>
std::thread QuietThread(Function function) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread thread(std::move(function));
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return thread;
}

}  // namespace orrery
