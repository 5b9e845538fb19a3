// What a provider program has answered, checked. Internal to runtime/providers.
#pragma once

#include <string>
#include <vector>

#include "runtime/common/status.h"
#include "runtime/messages/kinds.h"
#include "runtime/messages/message.h"

namespace orrery {

// Fills the answer from the program's text (exec_provider.h says how it looks). kInvalidArgument names the first thing
// that is wrong; kUnavailable has the program's own error. `events` get InstanceEvents.
Status ReadListAnswer(const std::string& text, msg::InstanceList& list, std::vector<Message>& events);
Status ReadLaunchAnswer(const std::string& text, msg::InstancesLaunched& launched);
Status ReadTerminateAnswer(const std::string& text, msg::InstancesTerminated& terminated);

}  // namespace orrery
