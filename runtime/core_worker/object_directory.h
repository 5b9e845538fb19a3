// The owner's view: which nodes have copies of its objects in stores, which are receiving one, and from whom.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "runtime/common/lookup.h"
#include "runtime/core_worker/core_context.h"
#include "runtime/core_worker/memory_store.h"

namespace orrery {

// Answers LocateObject so that a broadcast becomes a tree of relays: a node that is still receiving is a source, too. A
// source costs an asker its depth (chunks it is behind the first copy) and the length of the object for each node it
// serves already, because those share its link; the cheapest below `object_fanout` is named. (Ray names a random copy.)
class ObjectDirectory {
 public:
  ObjectDirectory(CoreContext& core, MemoryStore& store) : core_(core), store_(store) {}

  // The object was sealed on that node, as a task's reply or our own seal says; ObjectCopies will confirm it.
  void AddCopy(ObjectId object, NodeId node, const Address& node_manager);
  bool HasCopy(ObjectId object) const;
  // One node that has it in memory if there is such, else on disk; none: 0.
  std::pair<NodeId, Address> Holder(ObjectId object) const;
  bool HasCopyOn(ObjectId object, NodeId node) const;
  // Nodes with a copy and their node managers; in order, spilled ones included.
  std::vector<std::pair<NodeId, Address>> Holders(ObjectId object) const;
  std::vector<NodeId> Copies(ObjectId object, bool spilled_only = false) const;

  void OnObjectCopies(const Address& from, const msg::ObjectCopies& news);
  void OnLocateObject(const Address& from, const msg::LocateObject& question);
  // The object got a value, or copies: who asked may be answered.
  void Serve(ObjectId object);
  // No copy is of use any more: out of scope, or its value is not in stores after all.
  void Free(ObjectId object);
  // Sends what was gathered in this turn. Cheap when there is nothing.
  void Flush() {
    if (!to_free_.empty()) SendFrees();
  }
  void OnObjectsFreed(const msg::ObjectsFreed& reply);
  void OnNodeDied(NodeId node);
  void Forget();

  bool Dead(NodeId node) const { return dead_.count(node) != 0; }

  // Objects with copies, receivers or questions.
  size_t size() const { return entries_.size(); }

 private:
  // A node that has a copy (`from` is 0) or is receiving one from another.
  struct Source {
    Address node_manager;
    NodeId from;
    uint32_t serves = 0;
    int64_t depth = 0;
    int64_t cost = 0;  // as in by_cost
    bool spilled = false;
    bool confirmed = false;  // by ObjectCopies
    std::optional<Time> doubted;  // not confirmed, and somebody did not find it there: since when
  };
  struct Question {
    Address from;
    NodeId node;
    uint32_t round = 0;
    std::vector<uint32_t> failed;
    bool again = false;  // it was asked a second time while it waited
  };
  struct Entry {
    std::map<NodeId, Source> sources;
    std::set<std::pair<int64_t, NodeId>> by_cost;
    std::vector<Question> questions;
    std::set<NodeId> gone;  // had a copy, and lost it before the task's reply told of it
    NodeId primary;
    size_t copies = 0;
  };
  struct Node {
    Address address;
    uint64_t version = 0;
  };

  Entry* Find(ObjectId object);
  const Entry* Find(ObjectId object) const { return const_cast<ObjectDirectory*>(this)->Find(object); }
  Entry& Ensure(ObjectId object);
  int64_t Chunks(ObjectId object) const;
  int64_t Cost(ObjectId object, const Source& source) const;
  template <class Change>
  void Update(ObjectId object, Entry& entry, NodeId node, Change change);
  void SetCopy(ObjectId object, Entry& entry, NodeId node, const Address& address, bool confirmed);
  void Detach(ObjectId object, Entry& entry, Source& receiver);
  void RemoveNode(ObjectId object, Entry& entry, NodeId node);
  void AfterRemoval(ObjectId object);
  void Doubt(ObjectId object, NodeId node);
  bool Behind(const Entry& entry, NodeId node, NodeId asker) const;
  NodeId Choose(const Entry& entry, const Question& question) const;
  bool TryAnswer(ObjectId object, Entry& entry, const Question& question);
  void Refuse(ObjectId object, const Question& question, StatusCode status, const std::string& reason);
  void RefuseAll(ObjectId object, Entry& entry);
  void ApplyNews(const msg::ObjectCopies& news, const Address& address);
  void ApplyFull(const msg::ObjectCopies& news);
  void SendFrees();
  std::vector<ObjectId> SortedKeys() const;

  CoreContext& core_;
  MemoryStore& store_;
  Lookup<ObjectId, std::unique_ptr<Entry>> entries_;
  std::map<NodeId, Node> nodes_;
  std::map<NodeId, std::vector<ObjectId>> to_free_;
  std::set<NodeId> dead_;
  uint64_t last_free_ = 0;
};

}  // namespace orrery
