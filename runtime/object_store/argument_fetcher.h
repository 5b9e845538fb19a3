// What a lease manager asks of the node's object store: that a lease's large arguments are there before it begins.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/common/ids.h"
#include "runtime/common/status.h"
#include "runtime/env/object_reference.h"

namespace orrery {

struct LeaseArgument {
  ObjectReference ref;
  int64_t size = 0;  // bytes, as the owner said
};

class ArgumentListener {
 public:
  virtual ~ArgumentListener() = default;
  // Every argument is in memory, or (`status`) one cannot be had and the lease is forgotten. Never called within a call
  // of ArgumentFetcher.
  virtual void OnArguments(LeaseId lease, const Status& status) = 0;
};

class ArgumentFetcher {
 public:
  virtual ~ArgumentFetcher() = default;
  // Brings the arguments here and keeps them for the lease. True: they are here. False: OnArguments follows. An error:
  // they can never be here all at once. Asking again while that lasts is harmless.
  virtual Result<bool> Fetch(LeaseId lease, const std::vector<LeaseArgument>& arguments) = 0;
  // Bytes of an argument that is not here yet are on their way, from another node or from disk.
  virtual bool Arriving(LeaseId lease) const = 0;
  // The lease begins: from now on its arguments stay whatever else needs room. False when more urgent needs have taken
  // some of them away since Fetch: OnArguments follows again.
  virtual bool Hold(LeaseId lease) = 0;
  // Its task waits for other objects: what it holds does not count against the room for arguments meanwhile.
  virtual void SetBlocked(LeaseId lease, bool blocked) = 0;
  // The lease ended, or goes elsewhere. Unknown leases are ignored.
  virtual void Drop(LeaseId lease) = 0;
};

}  // namespace orrery
