// The owners of the objects on this node: what they are told about their copies, and whether they are still there.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "runtime/common/ids.h"
#include "runtime/common/status.h"
#include "runtime/messages/kinds.h"
#include "runtime/object_store/local_objects.h"
#include "runtime/object_store/store_context.h"

namespace orrery {

class OwnerListener {
 public:
  virtual ~OwnerListener() = default;
  // Nothing of what this owner has here is of use to anybody.
  virtual void OnOwnerDead(WorkerId owner) = 0;
  // The connection may be there again: questions that were under way have to be asked again.
  virtual void OnOwnerAsked(const Address& owner) = 0;
};

// Changes are collected during one event and told with Flush. A connection that breaks is made again by telling
// everything, after pauses that double from kFirstPause; an owner that does not answer between kLossesToDeath losses in
// a row is dead. The ownership protocol is that of "Ownership: A Distributed Futures System for Fine-Grained Tasks"
// (NSDI 2021); versions and full reports stand in for its long-lived subscriptions.
class OwnerTable {
 public:
  static constexpr Duration kFirstPause = Duration::Millis(5);
  static constexpr int kLossesToDeath = 5;

  OwnerTable(const StoreContext& context, const LocalObjects& objects, OwnerListener& listener)
      : context_(context), objects_(objects), listener_(listener) {}

  // Something of this owner is wanted or comes to be here. kInvalidArgument when its id is known to belong to another
  // address: a ref of another cluster, or of an earlier process.
  Status Meet(const ObjectReference& ref);
  void Added(const LocalObject& object) { Note(object.ref, Change::kAdded); }
  void Spilled(const LocalObject& object) { Note(object.ref, Change::kSpilled); }
  // The copy is gone, or is no longer being received.
  void Removed(const ObjectReference& ref) { Note(ref, Change::kRemoved); }
  // Tells what has changed. Before a question to the owner, so that it answers by what is so.
  void Flush(const Address& owner);
  void Flush();

  void OnObjectCopiesReply(const Address& from) {
    if (Owner* owner = Find(from)) owner->losses = 0;
  }
  // `in_use`: something is wanted of it; its objects here are known.
  void OnPeerLost(const Address& peer, bool in_use);
  void OnTimer(uint64_t index);
  void OnProcessDead(WorkerId owner);
  void OnNodeDied(NodeId node);
  // Forgets an owner that was declared dead.
  void Forget(WorkerId owner);

  bool Knows(const Address& address) const { return by_address_.count(address) != 0; }
  WorkerId IdOf(const Address& address) const {
    const auto it = by_address_.find(address);
    return it == by_address_.end() ? WorkerId{} : it->second;
  }
  size_t size() const { return owners_.size(); }
  bool settled() const { return changed_.empty(); }

 private:
  enum class Change : uint8_t { kAdded, kSpilled, kRemoved };
  struct Owner {
    Address address;
    std::map<ObjectId, Change> changes;
    int losses = 0;  // since it last answered
    uint64_t timer = 0;  // kOwnerCheck that is set while the connection is known to be broken
  };
  void Note(const ObjectReference& ref, Change change);
  Owner* Find(const Address& address);
  bool HasObjects(WorkerId owner) const;
  void Tell(WorkerId id, Owner& owner, bool full);

  const StoreContext& context_;
  const LocalObjects& objects_;
  OwnerListener& listener_;
  std::map<WorkerId, Owner> owners_;
  std::map<Address, WorkerId> by_address_;
  std::map<uint64_t, WorkerId> timers_;
  std::vector<WorkerId> changed_;
  uint64_t next_timer_ = 1;
  uint64_t version_ =
      0;  // of the last report to anybody: what an owner gets grows, also when it was forgotten meanwhile
};

}  // namespace orrery
