// One question to a daemon or driver, from a process that takes no other part in the cluster.
#pragma once

#include <string>

#include "runtime/common/status.h"
#include "runtime/common/time.h"
#include "runtime/env/address.h"
#include "runtime/messages/message.h"

namespace orrery {

struct AskOptions {
  std::string socket_dir{};
  std::string token{};
  Duration limit = Duration::Seconds(10);
  bool wait_for_reply = true;  // false: return when the message has been taken, with an empty message
};

// Sends `request` and returns the first message that comes back. Blocks. kUnavailable: nobody there; kTimedOut;
// kPermissionDenied: wrong token or version.
Result<Message> AskOnce(const AskOptions& options, const Address& target, Message request);

}  // namespace orrery
