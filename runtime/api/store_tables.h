// What lies in the object stores of the node managers on this machine. Internal: for tests and orrery-live.
#pragma once

#include <string>
#include <vector>

#include "runtime/common/status.h"
#include "runtime/messages/message.h"

namespace orrery::internal {

// ObjectTable of every living node manager of the session, in no order of importance. Blocks. kUnavailable when one did
// not answer.
Result<std::vector<Message>> StoreTables(const std::string& session_dir);
// Objects in them, in whatever state: 0 when nothing is left.
size_t CountRows(const std::vector<Message>& tables);

}  // namespace orrery::internal
