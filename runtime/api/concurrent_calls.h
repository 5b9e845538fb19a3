// Runs the calls of a concurrent actor beside one another. Internal.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "runtime/api/executor.h"
#include "runtime/messages/message.h"
#include "runtime/transport/live_env.h"

namespace orrery::internal {

// Calls run on threads, each concurrency group on its own, or (asyncio) as coroutines of the guest. How many run at
// once is the core worker's decision: a group has as many threads as it ever had calls at once, and a group of one
// always has the same thread. Results are posted to the core worker.
class ConcurrentCalls {
 public:
  explicit ConcurrentCalls(LiveEnv& env) : env_(env) {}
  // Waits for the threads: none may run a call.
  ~ConcurrentCalls();
  ConcurrentCalls(const ConcurrentCalls&) = delete;

  // The actor is there: what its constructor's ExecuteTask said, and where it ran.
  void SetActor(Client& client, bool asyncio, RunsIn in);
  // Calls are coroutines: Start waits for the guest.
  bool asyncio() const { return asyncio_; }
  // Runs an ExecuteTask with a thread group. By the main thread, not holding the token if it is for the guest.
  void Start(Message execute);
  // Ends the blocked calls of a running one and lets it know. Holding the token. True: Cancel is to follow.
  bool Interrupt(TaskId task);
  // Asks the guest to end the call's coroutine. By the main thread, not holding the token: may wait for the guest.
  void Cancel(TaskId task);
  // Some call runs. Any thread.
  bool busy() const;

 private:
  struct Group {
    std::deque<Message> waiting;
    size_t idle = 0;  // threads that wait, or are about to
    std::condition_variable wanted;
    std::vector<std::thread> threads;
  };
  void Serve(Group& group);
  void RunOnThread(Group& group, const Message& execute, RunningTask& task);
  void Post(Executed executed, Time start);
  void StartLater(Message execute);

  LiveEnv& env_;
  Client* client_ = nullptr;
  bool asyncio_ = false;
  RunsIn in_;

  mutable std::mutex mutex_;
  bool closing_ = false;  // under mutex_, as all that follows
  std::map<uint32_t, Group> groups_;  // by ExecuteTask.thread_group
  std::vector<RunningTask*> running_;  // on threads
  std::map<TaskId, std::shared_ptr<LaterCall>> later_;  // coroutines
};

}  // namespace orrery::internal
