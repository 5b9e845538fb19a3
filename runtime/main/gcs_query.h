// One question to a GCS, from a process that is not a daemon.
#pragma once

#include <string>

#include "runtime/common/status.h"
#include "runtime/common/time.h"
#include "runtime/env/address.h"
#include "runtime/messages/message.h"
#include "runtime/transport/session.h"

namespace orrery {

// Where the cluster is: `address` ("HOST:PORT"), else $ORRERY_ADDRESS, else the one whose daemons run in this session.
// kNotFound when there is none.
Result<Address> FindGcs(const Session& session, const std::string& address);

// Sends `request` and returns the first message that comes back; with `wait_for_reply` false: returns when the message
// has been taken, with an empty message. kUnavailable: nobody there; kTimedOut; kPermissionDenied: wrong token or
// version.
Result<Message> Ask(const Session& session, const std::string& token_file, const Address& target, Message request,
                    Duration limit, bool wait_for_reply = true);

}  // namespace orrery
