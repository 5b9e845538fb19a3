// An object and where its owner is: all that a process needs in order to ask for it. (Ray's rpc::ObjectReference.)
#pragma once

#include <compare>

#include "runtime/common/ids.h"
#include "runtime/env/address.h"

namespace orrery {

struct ObjectReference {
  ObjectId id;
  Address owner;  // of the core worker that owns it, with incarnation
  constexpr auto operator<=>(const ObjectReference&) const = default;
};

}  // namespace orrery
