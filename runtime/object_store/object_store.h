// A node's object store: what its clients, the owners, other nodes and the lease manager ask of it.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "runtime/common/ids.h"
#include "runtime/common/settings.h"
#include "runtime/common/status.h"
#include "runtime/env/env.h"
#include "runtime/messages/message.h"
#include "runtime/object_store/argument_fetcher.h"
#include "runtime/object_store/chunk_server.h"
#include "runtime/object_store/lease_arguments.h"
#include "runtime/object_store/local_objects.h"
#include "runtime/object_store/owner_table.h"
#include "runtime/object_store/residency.h"
#include "runtime/object_store/rooms_ahead.h"
#include "runtime/object_store/store_context.h"

namespace orrery {

struct ObjectStoreOptions {
  Address self;    // of the node manager
  Address memory;  // the bulk endpoint to advertise; none: others are refused
  int64_t capacity = 0;  // bytes; 0: every object is refused
};

// Knows where in the shared memory each object lies and who uses it; never touches a byte. What its clients have to
// know:
//   * CreateObject keeps the room for its sender until SealObject or AbortObject. A sealed object is not pinned by its
//     maker: it may be written to disk, but not lost. It is a primary copy.
//   * With the room for one object may come further rooms of its size (RoomsAhead), for objects that are announced when
//     they are written, by SealInRoom.
//   * GetLocal pins for its sender, however often it is sent, until one ReleaseLocal with the same `pin`, which also
//   ends
//     the waiting.
//   * The loss of the connection to a client ends its pins, its waiting, its unsealed objects and its rooms.
class ObjectStore final : private ResidencyListener, private OwnerListener {
 public:
  ObjectStore(Env& env, const Settings& settings, const ObjectStoreOptions& options);

  // After registration, before the first message.
  void SetNode(NodeId node) { context_.node = node; }
  // `listener` outlives the store.
  void SetArgumentListener(ArgumentListener* listener) { listener_ = listener; }
  ArgumentFetcher& arguments() { return arguments_; }

  static bool Handles(MessageKind kind);
  void OnMessage(const Address& from, const Message& message);
  void OnTimer(TimerKind kind, uint64_t id);
  void OnPeerLost(const Address& peer);
  void OnNodeDied(NodeId node);
  // A worker or driver of this node has ended.
  void OnProcessDead(WorkerId process);
  // Ends every event of the node manager, also those that only used `arguments()`: gives out room, tells owners and the
  // lease manager. Costs nothing when the store was not touched.
  void Settle() {
    if (touched_ || !arguments_.quiet()) SettleAll();
  }
  // Adds this store's rows and totals.
  void Fill(msg::ObjectTable& table) const;

  const LocalObjects& objects() const { return objects_; }
  const Residency& residency() const { return residency_; }
  const RoomsAhead& rooms() const { return rooms_; }
  const LeaseArguments& lease_arguments() const { return arguments_; }
  // Nobody uses or wants anything, and nothing is under way.
  bool idle() const;
  void CheckInvariants(bool full) const;

 private:
  struct Wait {
    ObjectReference ref;
    uint64_t pin = 0;
  };
  struct Client {
    std::map<ObjectId, uint64_t> pinned;  // the client's number for each pin
    std::map<ObjectId, Wait> waiting;
    std::set<ObjectId> creating;
    uint64_t last_pin = 0;  // numbers grow: what is not above it and not known any more is a late copy
    bool empty() const { return pinned.empty() && waiting.empty() && creating.empty(); }
  };
  void OnCreateObject(const Address& from, const msg::CreateObject& request);
  void OnSealObject(const Address& from, const msg::SealObject& request);
  void OnSealInRoom(const Address& from, const msg::SealInRoom& request);
  void OnAbortObject(const Address& from, const msg::AbortObject& request);
  void OnGetLocal(const Address& from, const msg::GetLocal& request);
  void OnReleaseLocal(const Address& from, const msg::ReleaseLocal& request);
  void OnFreeObjects(const Address& from, const msg::FreeObjects& request);
  void OnObjectCopiesReply(const Address& from, const msg::ObjectCopiesReply& reply);
  void OnPullChunk(const Address& from, const msg::PullChunk& request);
  void OnPullsEnded(const std::vector<ObjectId>& objects);
  void OnClientLost(const Address& client);
  void Free(const Address& owner, ObjectId object);
  // Takes from `client` what it has, or waits for, under this number (0: under any).
  void Release(const Address& client, ObjectId object, uint64_t pin);
  void Give(const Address& client, LocalObject& object, uint64_t pin);
  void SendAbsent(const Address& client, const ObjectReference& ref, uint64_t pin, const Status& status);
  void SendCreated(const Address& client, const ObjectReference& ref, const Status& status, int64_t offset);
  void SettleAll();

  void OnPresent(LocalObject& object, const ObjectWaiter& waiter) override;
  void OnAbsent(ObjectId object, const ObjectWaiter& waiter, const Status& status) override;
  void OnCreated(const Creation& creation, LocalObject* object, const Status& status) override;
  void OnChunkHere(LocalObject& object) override { server_.Progress(object); }
  void OnNoMore(ObjectId object) override { server_.Refuse(object, StatusCode::kNotFound); }
  bool OnSuspendArguments(LeaseId first) override { return arguments_.SuspendLast(first); }
  LeaseId FirstFetching() const override { return arguments_.FirstFetching(); }
  void OnNoRoomBeside(LeaseId lease, const Status& status) override { arguments_.OnNoRoomBeside(lease, status); }
  bool Keeps(LeaseId lease, ObjectId object) const override { return arguments_.Keeps(lease, object); }
  bool Views(const Address& client, ObjectId object) const override;
  void OnRoomShort() override { rooms_.Reclaim(); }
  std::map<ObjectId, uint32_t> ArgumentsInTheWay(LeaseId first) const override {
    return arguments_.PinsToSuspend(first);
  }
  void OnOwnerDead(WorkerId owner) override;
  void OnOwnerAsked(const Address& owner) override { residency_.pulls().AskAgain(owner); }

  StoreContext context_;
  LocalObjects objects_;
  OwnerTable owners_;
  RoomsAhead rooms_;
  Residency residency_;
  ChunkServer server_;
  LeaseArguments arguments_;
  ArgumentListener* listener_ = nullptr;
  std::map<Address, Client> clients_;
  bool touched_ = false;
};

}  // namespace orrery
