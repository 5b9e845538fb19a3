// What programs ask about placement groups: passed on to the GCS, which knows; answers are passed back.
#pragma once

#include <cstdint>
#include <map>

#include "runtime/core_worker/core_context.h"
#include "runtime/messages/message.h"

namespace orrery {

class GroupClient {
 public:
  explicit GroupClient(CoreContext& core) : core_(core) {}

  // Create-, Await-, Find- and RemovePlacementGroup, from the application. True: a task blocks until the answer.
  bool Ask(Message question);
  // The timeout of an AwaitPlacementGroup is over: whatever the GCS knows now is the answer.
  void OnTimeout(uint64_t request);
  // True: the task that blocked for it goes on.
  bool OnReply(Message reply);
  // A running task has ended: nothing of it waits any more. How many questions it had left behind.
  int ForgetTask(uint32_t execution);

 private:
  static uint64_t RequestOf(const Message& question);

  CoreContext& core_;
  struct Wait {
    uint32_t from_task = 0;  // the running task that waits (GetObjects); 0: none does
    Message give_up;
  };
  std::map<uint64_t, MessageKind> asked_;  // by request
  std::map<uint64_t, Wait> waits_;         // those of them that may take long
};

}  // namespace orrery
