// This process's dealings with its node's object store: room for new values, and views of those that are there.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "runtime/common/lookup.h"
#include "runtime/core_worker/core_context.h"
#include "runtime/env/object_reference.h"

namespace orrery {

// Where an object lies in the arena of this node's store.
struct ObjectView {
  Status status;  // why it cannot be had here
  int64_t offset = 0;
  int64_t size = 0;
};

// The node manager pins an object once per process, however many views of it the process has: repeated gets cost no
// message. (Ray's plasma client.) Both ends are on one machine: nothing between them is lost unless one of them ends.
class StoreClient {
 public:
  explicit StoreClient(CoreContext& core) : core_(core) {}

  // ---- new values ----
  enum class Purpose : uint8_t { kApplication, kPut, kResult };
  // How an attempt to get room ended.
  struct Created {
    Purpose purpose = Purpose::kApplication;
    ObjectId object;
    uint64_t request = 0;  // of the AllocateObject
    Status status;         // AlreadyExists: a retried task's result; nothing is to be written
    int64_t offset = 0;
  };
  // Asks for room; with `ahead`, the application keeps further rooms that may come with it. For kPut and kResult
// (modelled work: nobody writes) the object is sealed as soon as there is some.
  void Create(const ObjectReference& object, int64_t size, Purpose purpose, uint64_t request = 0, bool ahead = false);
  // nullopt: the application has given it up meanwhile.
  std::optional<Created> OnCreated(const msg::ObjectCreated& reply);
  // The application has written a new object in a room that was given ahead.
  void SealInRoom(const ObjectReference& object, int64_t size, int64_t offset);
  // The bytes are written. False when no room was asked for.
  bool Seal(ObjectId object);
  void Abandon(ObjectId object);
  // All results of a task that were allocated and not sealed.
  void AbandonTask(TaskId task);
  bool Allocated(ObjectId object) const { return creations_.count(object) != 0; }

  // ---- views ----
  // Who waits for a view: a get of the application by its number, or the arguments of the task to be run.
  static constexpr uint64_t kArguments = 0;
  // Holds the object here until Drop. True when it is here (or cannot be had) already; else `request` is told later.
  bool Acquire(const ObjectReference& object, int64_t size, uint64_t request);
  // Acquired, and it is known what became of it.
  bool Settled(ObjectId object) const;
  // One hold more of what is settled.
  void Hold(ObjectId object) { ++pins_.Find(object)->holds; }
  // What became of it; the object must be held and settled.
  const ObjectView& Find(ObjectId object) const;
  // One hold less; unknown objects are ignored.
  void Drop(ObjectId object);
  // Returns who waited, in order.
  std::vector<uint64_t> OnLocal(const msg::ObjectLocal& reply);

  // No view will come any more: those that are waited for are failures now. Returns who waited, in order.
  std::vector<uint64_t> FailAll(const Status& status);

  // Neither views nor values in the making.
  bool idle() const { return pins_.empty() && creations_.empty(); }
  size_t pins() const { return pins_.size(); }
  size_t creations() const { return creations_.size(); }
  uint32_t HoldsOf(ObjectId object) const;

 private:
  enum class Room : uint8_t { kAsked, kAllocated, kExists, kAbandoned };
  struct Creation {
    ObjectReference object;
    Purpose purpose{};
    Room room = Room::kAsked;
    uint64_t request = 0;
  };
  struct Pin {
    ObjectReference object;
    uint64_t number = 0;
    bool settled = false;
    uint32_t holds = 0;
    ObjectView view;
    std::vector<uint64_t> waiting;
  };
  void SendSeal(const ObjectReference& object);
  void SendAbort(const ObjectReference& object);
  void MaybeRelease(ObjectId object, const Pin& pin);

  CoreContext& core_;
  std::map<ObjectId, Creation> creations_;
  Lookup<ObjectId, Pin> pins_;
  uint64_t last_pin_ = 0;
};

}  // namespace orrery
