// An owner as object stores see one: it knows where copies are, answers who asks, frees, and can die.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "runtime/common/ids.h"
#include "tests/unit/object_store/store_world.h"

namespace orrery::test {

class StoreOwner final : public Actor {
 public:
  StoreOwner(StoreWorld& world, WorkerId id, const Address& self) : world_(world), id_(id), self_(self) {}

  // A new object of `size` bytes, of which there is no copy yet.
  ObjectId Make(int64_t size);
  // Nobody needs it any more.
  void Free(ObjectId object);
  void FreeAll();
  void OnNodeDied(NodeId node);

  WorkerId id() const { return id_; }
  const Address& address() const { return self_; }
  int64_t SizeOf(ObjectId object) const { return objects_.at(object).size; }
  bool Freed(ObjectId object) const { return objects_.at(object).freed; }
  bool Lost(ObjectId object) const { return objects_.at(object).lost; }
  // Objects that somebody may get.
  std::vector<ObjectId> Living() const;
  // How often a node was sent to one that was itself still receiving.
  uint64_t relayed() const { return relayed_; }
  bool BelievesIn(ObjectId object, NodeId node) const;

  void OnMessage(const Address& from, const Message& message) override;

 private:
  struct Question {
    Address from;
    NodeId node;
    uint32_t round = 0;
    std::set<uint32_t> failed;
  };
  struct Object {
    int64_t size = 0;
    bool made = false, freed = false, lost = false;
    std::set<NodeId> copies;
    std::map<NodeId, NodeId> receiving;  // from whom
    std::vector<Question> questions;
  };
  void OnObjectCopies(const Address& from, const msg::ObjectCopies& news);
  void OnLocateObject(const Address& from, const msg::LocateObject& question);
  void Answer(ObjectId object);
  bool TryAnswer(ObjectId id, Object& object, const Question& question);
  void Removed(ObjectId id, NodeId node);

  StoreWorld& world_;
  const WorkerId id_;
  const Address self_;
  std::map<ObjectId, Object> objects_;
  std::map<NodeId, Address> nodes_;
  std::map<NodeId, uint64_t> versions_;
  std::set<NodeId> dead_;
  uint64_t made_ = 0, frees_ = 0, relayed_ = 0;
};

}  // namespace orrery::test
