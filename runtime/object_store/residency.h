// Decides which objects are in this node's memory: who needs one, where it is brought from, and what makes room for it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/common/ids.h"
#include "runtime/common/status.h"
#include "runtime/object_store/local_objects.h"
#include "runtime/object_store/owner_table.h"
#include "runtime/object_store/pull_manager.h"
#include "runtime/object_store/spill_manager.h"
#include "runtime/object_store/store_context.h"

namespace orrery {

// A client's question for room, or its word that it has written a value where it had some.
struct Creation {
  Address client;
  ObjectReference ref;
  int64_t size = 0;
  bool ahead = false;  // it would take further rooms of this size
  int64_t room = -1;  // reserved room that the value lies in; -1: it asks for room
  std::optional<Time> waits_since = {};  // for what only clients can give back
  bool in_room() const { return room >= 0; }
};

class ResidencyListener {
 public:
  virtual ~ResidencyListener() = default;
  // What the waiter asked for is in memory; it stays there if it is pinned during the call.
  virtual void OnPresent(LocalObject& object, const ObjectWaiter& waiter) = 0;
  virtual void OnAbsent(ObjectId object, const ObjectWaiter& waiter, const Status& status) = 0;
  // `object` is nullptr when there will be no room; `status` says why.
  virtual void OnCreated(const Creation& creation, LocalObject* object, const Status& status) = 0;
  // A chunk of an object that is still arriving.
  virtual void OnChunkHere(LocalObject& object) = 0;
  // No more of this object will come here than what is here, for now: who waits for chunks should go elsewhere.
  virtual void OnNoMore(ObjectId object) = 0;
  // Room is needed for something more urgent than arguments of leases that have not begun: takes from the last of them
  // what it has. Only from leases behind `first`, unless that is 0. False: there is none.
  virtual bool OnSuspendArguments(LeaseId first) = 0;
  // How many pins of each object could be dropped that way.
  virtual std::map<ObjectId, uint32_t> ArgumentsInTheWay(LeaseId first) const = 0;
  // The first lease that waits for arguments, or 0: those behind it may have to give way to it.
  virtual LeaseId FirstFetching() const = 0;
  // It has this one, and keeps it while it waits for the rest.
  virtual bool Keeps(LeaseId lease, ObjectId object) const = 0;
  // `client` has a view of the object.
  virtual bool Views(const Address& client, ObjectId object) const = 0;
  // Room is wanted that is not free.
  virtual void OnRoomShort() = 0;
  // There can be no room for the rest beside what it keeps: the lease gives up its wants.
  virtual void OnNoRoomBeside(LeaseId lease, const Status& status) = 0;
};

// All needs of room stand in one queue: gets, then creations, then waits, then arguments; first come, first served
// within each. Room is made by evicting copies that are elsewhere or on disk (least recently used first), then by
// writing primary copies to disk, then by suspending waits and arguments. A need for which room is on its way holds up
// those behind it, so that they do not take it away; one that only a client's release can serve does not, because that
// release may depend on those behind it; after object_create_timeout without any release, a creation or a get is
// refused (waits and arguments of leases stay: nobody is stopped by them). (Ray: create_request_queue.cc and
// pull_manager.cc, which are two queues; it gives what finds no room a place outside of the store instead.)
class Residency final : public PullListener {
 public:
  Residency(const StoreContext& context, LocalObjects& objects, OwnerTable& owners, ResidencyListener& listener);

  // kInvalidArgument for a ref that cannot be one of this cluster.
  Status Meet(const ObjectReference& ref) { return owners_.Meet(ref); }
  // The object if it can be used now; otherwise nullptr, and OnPresent or OnAbsent follows, unless GiveUp comes first.
  // `size` as far as the caller knows, or 0.
  LocalObject* Bring(const ObjectReference& ref, int64_t size, Urgency urgency, const ObjectWaiter& waiter);
  void GiveUp(ObjectId object, const ObjectWaiter& waiter);
  bool Wanted(ObjectId object) const { return wants_.count(object) != 0; }
  bool Arriving(ObjectId object) const;
  // Somebody wants, or wants to make, an object of this owner.
  bool WantsOf(WorkerId owner) const;

  // Why an object of this size can never be in this store, or Ok.
  Status CheckSize(ObjectId object, int64_t size) const;
  // OnCreated follows: from Settle; for what lies in a room already at once, if nothing of the object is in the way.
  // The room belongs to the creation.
  void Create(Creation creation);
  void CancelCreation(const Address& client, ObjectId object);
  void Sealed(LocalObject& object);
  void Aborted(LocalObject& object);

  // Nobody refers to the object any more: it goes when its last pin goes. Whoever waits for it gets `status`.
  void Free(ObjectId object, const Status& status);
  void OwnerDead(WorkerId owner);
  // A pin was dropped.
  void Released(LocalObject& object) {
    if (object.doomed && !object.pinned()) RemoveIfUnused(object);
  }

  void OnSpillWritten(const msg::SpillWritten& written);
  void OnSpillRead(const msg::SpillRead& read);
  void OnSpillTimer() { timer_ = false; }
  void OnCreateTimer() { create_timer_ = false; }
  // Gives out what room there is, and makes more. After every event.
  void Settle();

  PullManager& pulls() { return pulls_; }
  const PullManager& pulls() const { return pulls_; }
  const SpillManager& spills() const { return spills_; }
  // Reserved rooms of creations that wait.
  size_t rooms() const;
  bool idle() const { return wants_.empty() && creations_.empty(); }
  void CheckInvariants() const;

  LocalObject* OnPullNeedsRoom(const ObjectReference& ref, int64_t size) override;
  void OnPullWaits(ObjectId object) override;
  void OnChunkHere(ObjectId object) override;
  void OnPulled(ObjectId object) override;
  void OnPullFailed(ObjectId object, const Status& status) override;
  void OnPullStopping(ObjectId object) override;
  void OnPullStopped(ObjectId object) override;

 private:
  // kQueued: for room. kPulling, kRestoring: under way. Only pulls wait for other nodes, so only they count against
  // object_pulls_in_flight: two nodes that need what the other has on disk must not wait for each other. kIdle:
  // something else ends the wait: a client's seal, the owner's answer to a pull without room, the last pin of a copy
  // that is given up.
  enum class Stage : uint8_t { kIdle, kQueued, kPulling, kRestoring };
  struct Want {
    ObjectReference ref;
    int64_t size = 0;
    std::vector<std::pair<ObjectWaiter, Urgency>> waiters;
    Stage stage = Stage::kIdle;
    Urgency urgency = Urgency::kArgument;
    uint64_t ticket = 0;
    bool pull = false;  // kQueued: it is not on our disk
    std::optional<Time> waits_since = {};  // as Creation's
  };
  enum class Outcome : uint8_t { kDone, kComing, kPass, kNoSlot };
  enum class Room : uint8_t { kFree, kComing, kWait, kNever };
  // In the queue. Pulls behind the rest of their class: when there is no slot for one, there is none for the others.
  struct Place {
    Urgency urgency = Urgency::kGet;
    bool pull = false;
    uint64_t ticket = 0;
    auto operator<=>(const Place&) const = default;
  };

  void SetStage(Want& want, Stage stage);
  void SetUrgency(Want& want);
  // Puts the want where it belongs after its object came, changed or went.
  void Pursue(ObjectId object);
  std::vector<std::pair<ObjectWaiter, Urgency>> TakeWant(ObjectId object);
  void Present(LocalObject& object);
  void Fail(ObjectId object, const Status& status);
  void RemoveIfUnused(LocalObject& object);
  void GiveUpCopy(LocalObject& object);
  void StopPull(ObjectId object);
  void Traced(TraceKind kind, const LocalObject& object) const;

  void Serve();
  Outcome TryBring(Want& want);
  Outcome TryCreate(Creation& creation);
  Outcome AwaitClients(Creation& creation);
  Outcome AwaitClients(Want& want);
  bool WaitedTooLong(std::optional<Time>& since);
  Status Held(const Address& asker, ObjectId object, int64_t size) const;
  bool SlotFor(Urgency urgency) const;
  bool CreationWaits(ObjectId object) const;
  // For a want of the first lease that waits (0: for something more urgent, or nothing).
  Room MakeRoom(int64_t size, Urgency urgency, LeaseId first);
  LeaseId FirstLeaseOf(const Want& want) const;
  bool EvictUntilFits(int64_t size);
  void Evict(LocalObject& object);
  bool SuspendOne(LeaseId first);
  bool SuspendingHelps(int64_t size, LeaseId first) const;
  int64_t SpillStep() const;
  Status NoRoom(ObjectId object, int64_t size) const;

  const StoreContext& context_;
  LocalObjects& objects_;
  OwnerTable& owners_;
  ResidencyListener& listener_;
  PullManager pulls_;
  SpillManager spills_;
  std::map<ObjectId, Want> wants_;
  std::map<Place, ObjectId> queue_;  // of wants, and of creations with Urgency::kCreate
  std::map<uint64_t, Creation> creations_;  // by ticket
  int64_t pulling_[4] = {};  // wants, by urgency
  uint64_t tickets_ = 0;
  int64_t too_much_ = INT64_MAX;  // during Serve: the least size for which there was no room
  Time progress_;  // when room was last given or on its way
  bool timer_ = false;  // kSpill is set
  bool create_timer_ = false;  // kCreateTimeout is set
};

}  // namespace orrery
