// What `orrery memory` prints.
#pragma once

#include <string>
#include <vector>

#include "runtime/messages/message.h"

namespace orrery {

// ObjectTables: of the nodes' stores (worker 0), and of the processes that own objects.
std::string MemoryText(const std::vector<Message>& tables);
std::string MemoryJson(const std::vector<Message>& tables);

}  // namespace orrery
