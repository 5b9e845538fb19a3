// A random life of a few object stores, from one seed: clients that put, get, release and die, leases with arguments,
// owners that free and die, slow, small and damaged disks, broken connections, lost nodes. Then quiet, and the question
// whether everything was answered and nothing is left.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "runtime/common/settings.h"
#include "runtime/object_store/object_store.h"
#include "tests/unit/object_store/store_owner.h"
#include "tests/unit/object_store/store_world.h"

namespace orrery::test {

class StoreLife {
 public:
  // `verbose` prints every message.
  StoreLife(uint64_t seed, bool verbose);
  ~StoreLife();
  // Lives. What went wrong, one line each. Broken invariants assert.
  std::vector<std::string> Run();

  // How often things happened, to show that a campaign reached them.
  struct Counts {
    uint64_t created = 0, existed = 0, refused = 0, got = 0, lost = 0, owner_died = 0, given_up = 0;
    uint64_t leases = 0, revoked = 0, failed_leases = 0;
    uint64_t evicted = 0, spilled = 0, restored = 0, copied = 0, relayed = 0;
    uint64_t in_room = 0, reclaimed = 0, lies = 0;
    uint64_t killed_clients = 0, killed_owners = 0, killed_nodes = 0, broken = 0, damaged = 0;
    void Add(const Counts& other);
  };
  const Counts& counts() const { return counts_; }

 private:
  struct Node;
  struct Client;
  void Act(Client& client);
  void Create(Client& client, bool again);
  void Get(Client& client);
  void BeginLease(Node& node);
  void Fault();
  void KillNode(Node& node);
  void StartClient(Node& node);
  StoreOwner* OwnerOf(ObjectId object);
  StoreOwner* SomeOwner();
  ObjectId SomeObject();
  void Live(Duration span);
  void CheckAnswered();
  void CheckNothingLeft();
  void Wrong(const std::string& what) { wrong_.push_back(what); }
  bool Chance(double p) { return world_.random().Chance(p); }
  int64_t Below(int64_t n) { return static_cast<int64_t>(world_.random().Below(static_cast<uint64_t>(n))); }

  StoreWorld world_;
  Settings settings_;
  int64_t capacity_ = 0;
  bool disk_limited_ = false, faults_ = false, acting_ = true;
  double kill_ = 0;
  std::vector<std::unique_ptr<StoreOwner>> owners_;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::vector<std::unique_ptr<Client>> clients_;
  Counts counts_;
  std::vector<std::string> wrong_;
};

}  // namespace orrery::test
