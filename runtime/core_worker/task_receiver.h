// The worker's side of tasks: takes what owners push, runs one at a time, replies in order. (Ray's task_receiver.cc.)
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "runtime/common/ids.h"
#include "runtime/common/lookup.h"
#include "runtime/core_worker/core_context.h"

namespace orrery {

class TaskReceiver {
 public:
  explicit TaskReceiver(CoreContext& core) : core_(core) {}

  void OnPushTask(const Address& from, Message message);
  void OnTaskExecuted(msg::TaskExecuted& result);
  // True when the task is running here, so that its children can be cancelled too.
  bool OnCancelRunning(const Address& from, const msg::CancelRunning& request);
  void OnOwnerLost(const Address& owner);
  // The running task waits in get (or does so no more). While it waits, tasks behind it go back to their owners: what
  // it waits for may be among them.
  void SetBlocked(bool blocked);

  bool idle() const { return !running_ && queue_.empty(); }

 private:
  struct Received {
    Address from;
    Message push;
  };
  void StartNext();
  void Refuse(const Received& received, bool requeue);
  void TellNodeManager(bool blocked);

  CoreContext& core_;
  std::deque<Received> queue_;
  std::optional<Received> running_;
  Lookup<Address, uint64_t, AddressHash> last_sequence_;  // by owner
  bool blocked_ = false;
  bool owner_gone_ = false;  // of the running task: nobody wants its result
};

}  // namespace orrery
