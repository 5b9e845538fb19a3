// Message bodies of the kinds that travel once per task or call, kept for reuse: making one costs a malloc per field
// otherwise.
#pragma once

#include "runtime/messages/kinds.h"

namespace google::protobuf {
class Message;
}

namespace orrery {

// One pool per thread, without locks; what one thread frees another may not reuse. Bodies that hold much memory are
// freed, so a pool holds at most a few MiB.
class BodyPool {
 public:
  // An empty body, or nullptr when there is none of this kind.
  static google::protobuf::Message* Take(MessageKind kind);
  // True when the pool has taken the body, cleared; false: the caller frees it.
  static bool Keep(MessageKind kind, google::protobuf::Message* body);
};

}  // namespace orrery
