#include "runtime/api/concurrent_calls.h"

#include <algorithm>
#include <utility>

#include "runtime/api/guest.h"
#include "runtime/messages/orrery.pb.h"

namespace orrery::internal {

ConcurrentCalls::~ConcurrentCalls() {
  {
    std::lock_guard lock(mutex_);
    closing_ = true;
    for (auto& [number, group] : groups_) group.wanted.notify_all();
  }
  for (auto& [number, group] : groups_) {
    for (std::thread& thread : group.threads) thread.join();
  }
}

void ConcurrentCalls::SetActor(Client& client, bool asyncio, RunsIn in) {
  client_ = &client;
  asyncio_ = asyncio;
  in_ = std::move(in);
}

void ConcurrentCalls::Start(Message execute) {
  if (asyncio_) return StartLater(std::move(execute));
  std::lock_guard lock(mutex_);
  Group& group = groups_[execute.As<msg::ExecuteTask>().thread_group()];
  group.waiting.push_back(std::move(execute));
  if (group.waiting.size() <= group.idle) return group.wanted.notify_one();
  ++group.idle;
  group.threads.emplace_back([this, &group] { Serve(group); });
}

void ConcurrentCalls::Serve(Group& group) {
  RunningTask task;
  task.in = in_;
  std::unique_lock lock(mutex_);
  while (true) {
    group.wanted.wait(lock, [&] { return closing_ || !group.waiting.empty(); });
    if (closing_) return;
    --group.idle;
    const Message execute = std::move(group.waiting.front());
    group.waiting.pop_front();
    PrepareTask(execute, task);
    running_.push_back(&task);
    lock.unlock();
    RunOnThread(group, execute, task);
    lock.lock();
  }
}

void ConcurrentCalls::RunOnThread(Group& group, const Message& execute, RunningTask& task) {
  const Time start = env_.Now();
  Executed executed = ExecuteNow(execute, task, *client_);
  {
    // Before the result is posted: what the core worker sends next finds this thread.
    std::lock_guard lock(mutex_);
    std::erase(running_, &task);
    ++group.idle;
  }
  Post(std::move(executed), start);
}

// What the call has put, borrowed and let go comes before its end; the refs inside the result end after it.
void ConcurrentCalls::Post(Executed executed, Time start) {
  auto& result = executed.message.As<msg::TaskExecuted>();
  result.set_start_ns(start.ns);
  result.set_finish_ns(env_.Now().ns);
  client_->FlushReleased();
  env_.Post(Address::Executor(), std::move(executed.message));
  if (executed.refs.empty()) return;
  executed.refs.clear();
  client_->FlushReleased();
}

void ConcurrentCalls::StartLater(Message execute) {
  const Time start = env_.Now();
  auto call = std::make_shared<LaterCall>(std::move(execute), *client_, [this, start](LaterCall& ended, Executed done) {
    {
      std::lock_guard lock(mutex_);
      later_.erase(ended.task().task);
    }
    Post(std::move(done), start);
  });
  call->task().in = in_;
  {
    std::lock_guard lock(mutex_);
    later_[call->task().task] = call;
  }
  Guest* const guest = CurrentGuest();
  if (guest != nullptr) return guest->Start(call);
  call->End([](auto) { throw Error(StatusCode::kInvalidArgument, "an asyncio actor needs a language that has it"); });
}

bool ConcurrentCalls::Interrupt(TaskId task) {
  std::lock_guard lock(mutex_);
  if (const auto it = later_.find(task); it != later_.end()) {
    it->second->task().cancelled.store(true);
    client_->InterruptTask(it->second->task());
    return true;
  }
  const auto it =
      std::find_if(running_.begin(), running_.end(), [&](const auto* other) { return other->task == task; });
  if (it == running_.end()) return false;
  (*it)->cancelled.store(true);
  client_->InterruptTask(**it);
  return false;
}

void ConcurrentCalls::Cancel(TaskId task) {
  std::shared_ptr<LaterCall> call;
  {
    std::lock_guard lock(mutex_);
    if (const auto it = later_.find(task); it != later_.end()) call = it->second;
  }
  Guest* const guest = CurrentGuest();
  if (call != nullptr && guest != nullptr) guest->Cancel(task);
}

bool ConcurrentCalls::busy() const {
  std::lock_guard lock(mutex_);
  return !running_.empty() || !later_.empty();
}

}  // namespace orrery::internal
