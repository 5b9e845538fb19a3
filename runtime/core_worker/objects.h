// The object side of a core worker: its parts, in the order in which they build on one another.
#pragma once

#include "runtime/core_worker/borrowing.h"
#include "runtime/core_worker/core_context.h"
#include "runtime/core_worker/lineage.h"
#include "runtime/core_worker/memory_store.h"
#include "runtime/core_worker/object_directory.h"
#include "runtime/core_worker/object_status.h"
#include "runtime/core_worker/peer_watch.h"
#include "runtime/core_worker/reference_counter.h"
#include "runtime/core_worker/store_client.h"

namespace orrery {

struct Objects {
  explicit Objects(CoreContext& context)
      : core(context),
        client(core),
        borrowing(core, store),
        directory(core, store),
        lineage(core, store),
        references(core, store, borrowing, directory, lineage),
        status(core, store, directory, references),
        peers(core) {}

  // How to ask for an object in the table.
  ObjectReference RefOf(ObjectId object, const ObjectRecord& record) const {
    return record.foreign() ? ObjectReference{object, record.extra->owner} : core.Own(object);
  }
  // A value in stores of which no copy is left.
  bool Lost(ObjectId object, const ObjectRecord& record) const {
    return record.ready != 0 && record.stored() && !record.foreign() && !directory.HasCopy(object);
  }
  // The value of an object that others know of is there.
  void OnSealed(ObjectId object, const std::vector<Address>& askers) {
    status.Answer(object, askers);
    directory.Serve(object);
  }
  // Nothing of other processes' business is left: this one may end without harm.
  bool idle() const { return store.size() == 0 && client.idle() && borrowing.idle(); }
  // Own objects that lie in stores or that others know of, and what refers to them; for people. (The others are small
  // values that the application alone refers to.)
  void Fill(msg::ObjectTable& table) const;
  // Counts agree with what they count. Walks through every object.
  void CheckInvariants() const;
  // This process ends, and all it owns with it.
  void Close() {
    directory.Forget();
    borrowing.Forget();
    lineage.Forget();
    peers.Clear();
  }

  CoreContext& core;
  MemoryStore store;
  StoreClient client;
  Borrowing borrowing;
  ObjectDirectory directory;
  Lineage lineage;
  ReferenceCounter references;
  ObjectStatusExchange status;
  PeerWatch peers;
};

}  // namespace orrery
