// Who refers to whose objects: this process to others', and others to ours.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>

#include "runtime/core_worker/core_context.h"
#include "runtime/core_worker/memory_store.h"

namespace orrery {

// The ownership paper (NSDI'21) and Ray let borrowers report the borrowers below them, and owners merge what they hear.
// Here whoever keeps a ref registers itself with the owner, under one rule: a process lets go of anything that may keep
// a ref alive (its own borrowing, a task's arguments, a result it was given) only after every registration that it has
// begun is answered.
class Borrowing {
 public:
  Borrowing(CoreContext& core, MemoryStore& store) : core_(core), store_(store) {}

  // ---- this process as a borrower ----
  // The object has just come into the table. `guarded`: an argument of the running task, which keeps it alive.
  void Enter(const ObjectReference& object, bool guarded);
  // Nothing here refers to it any more.
  void Leave(ObjectId object, const ObjectExtra& extra);
  // The running task ends: what it brought and is still referred to must stand on its own.
  void RegisterGuarded();
  // Sends a message that lets go of something.
  void SendAfterRegistrations(const Address& to, Message message);
  void OnBorrowerAdded(const msg::BorrowerAdded& reply);
  void OnBorrowerRemoved(const msg::BorrowerRemoved& reply);

  // ---- this process as an owner ----
  void OnAddBorrower(const Address& from, const msg::AddBorrower& request);
  void OnRemoveBorrower(const Address& from, const msg::RemoveBorrower& request);

  // ---- both ----
  // There is something between that process and this one: its end matters.
  bool Knows(const Address& peer) const;
  // The process is gone for good: its objects read as OwnerDied, its borrowing has ended.
  void OnPeerDead(const Address& peer, const std::string& reason);
  void OnNodeDied(NodeId node);
  // This process ends: nobody is told.
  void Forget();

  // Nothing that a task's reply would have to wait for.
  bool quiet() const { return guarded_.empty() && unanswered_.empty(); }
  // No message that lets go of something is held back.
  bool idle() const { return unanswered_.empty() && held_back_.empty() && removing_.empty(); }
  size_t lenders() const { return lenders_.size(); }
  size_t borrowers() const { return borrowers_.size(); }

 private:
  struct LettingGo {
    uint64_t barrier;  // the last registration that must be answered before
    RequestKey key;  // of a request; kNone: a plain message
    Address to;
    Message message;
  };
  struct Peer {
    WorkerId worker;
    std::set<ObjectId> objects;
  };
  void Register(ObjectId object, ObjectExtra& extra);
  void Answered(uint64_t sequence);
  void LetGo(LettingGo action);
  void Fail(ObjectId object, StatusCode status, const std::string& reason);
  static void ErasePeer(std::map<Address, Peer>& peers, const Address& address, ObjectId object);

  CoreContext& core_;
  MemoryStore& store_;
  std::set<ObjectId> guarded_;
  std::map<uint64_t, ObjectReference> unanswered_;  // AddBorrowers by sequence
  std::map<uint64_t, ObjectReference> removing_;  // RemoveBorrowers by sequence, held back or unanswered
  std::deque<LettingGo> held_back_;
  std::map<Address, Peer> lenders_;  // owners of what we refer to
  std::map<Address, Peer> borrowers_;  // who refers to ours
  std::set<NodeId> dead_nodes_;
  uint64_t sequence_ = 0;
  bool closed_ = false;
};

}  // namespace orrery
