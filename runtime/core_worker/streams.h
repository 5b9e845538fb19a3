// What generators among this process's tasks have yielded, until whoever reads them has taken or dropped it.
#pragma once

#include <cstdint>

#include "runtime/common/ids.h"
#include "runtime/common/lookup.h"
#include "runtime/core_worker/core_context.h"
#include "runtime/core_worker/memory_store.h"

namespace orrery {

// The items of a generator are the objects 1, 2, … of its task. The one after the last known is pending until it is
// yielded, or the generator ends: then it holds the error kEndOfStream, or first what the task failed with. So a reader
// waits for an item as for any object. The application owns a reference to each from its beginning: it has those up to
// `taken` + 1 itself, and gives up the others by dropping the stream. (Ray: ObjectRefStream in task_manager.cc.)
class Streams {
 public:
  Streams(CoreContext& core, MemoryStore& store) : core_(core), store_(store) {}

  void Begin(uint64_t task, uint32_t max_unconsumed);
  // The producer has yielded this item. True: its object waits for the value. False: it has one (the producer has begun
  // anew), or nobody wants it.
  bool Accept(uint64_t task, uint32_t item, const Address& producer, uint32_t attempt);
  // Tells the producer, which has just yielded, what was taken, if it cannot know.
  void Answer(uint64_t task, const Address& producer, uint32_t attempt);
  // `drop`: no further items are wanted, and those beyond `taken` + 1 are let go.
  void Consume(uint64_t task, uint32_t taken, bool drop);
  // The last item has been yielded. The object after it, which is to be sealed with the reason; none: it ended before.
  ObjectId End(uint64_t task);
  // After an error: one more, which says that nothing follows.
  ObjectId Extend(uint64_t task);

  size_t size() const { return streams_.size(); }

 private:
  struct Stream {
    uint32_t items = 0;  // that have, or had, values
    uint32_t taken = 0;
    uint32_t max_unconsumed = 0;
    bool dropped = false;
    bool ended = false;
    Address producer;  // of the present attempt, once it has yielded
    uint32_t attempt = 0;
  };
  ObjectId Item(uint64_t task, uint32_t item) const { return {{core_.id, task}, item}; }
  void AddPending(uint64_t task, const Stream& stream);
  void Tell(uint64_t task, const Stream& stream);

  CoreContext& core_;
  MemoryStore& store_;
  Lookup<uint64_t, Stream> streams_;
};

}  // namespace orrery
