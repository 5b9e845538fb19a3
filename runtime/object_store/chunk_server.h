// Chunks of this node's objects for other nodes, also of objects that are themselves still arriving.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "runtime/common/ids.h"
#include "runtime/common/status.h"
#include "runtime/messages/kinds.h"
#include "runtime/object_store/local_objects.h"
#include "runtime/object_store/pull_manager.h"
#include "runtime/object_store/store_context.h"

namespace orrery {

// A pull of another node pins the object here from the first chunk that it was promised until EndPull, or until that
// node is lost: the bytes are read from our memory without asking again. A chunk that is not here yet is promised when
// it arrives, so that a broadcast runs through a chain of nodes as through a pipe. (Ray's push_manager.cc, pulled.)
class ChunkServer {
 public:
  ChunkServer(const StoreContext& context, LocalObjects& objects, const PullManager& pulls)
      : context_(context), objects_(objects), pulls_(pulls) {}

  // Answers, or remembers the request until Progress or Refuse. True: it waits.
  bool OnPullChunk(const Address& from, const msg::PullChunk& request);
  // The object these ended for, in case nothing else keeps it now; 0 when unknown.
  ObjectId OnEndPull(const Address& from, const msg::EndPull& notice);
  std::vector<ObjectId> OnPeerLost(const Address& peer);
  std::vector<ObjectId> OnNodeDied(NodeId node);
  // More of the object, or all of it, is in memory.
  void Progress(LocalObject& object);
  // Requests that wait for this object get this answer (NotFound, DiskFull, StoreFull): another copy has to serve them.
  void Refuse(ObjectId object, StatusCode status);
  bool Awaited(ObjectId object) const { return waiting_.count(object) != 0; }

  size_t size() const { return servings_.size(); }
  void CheckInvariants() const;

 private:
  using Key = std::pair<Address, uint64_t>;  // the asker, and its number for the pull
  struct Request {
    uint32_t chunk = 0;
    int64_t begin = 0, length = 0;  // bytes
  };
  struct Serving {
    ObjectId object;
    NodeId node;
    bool pinned = false;
    std::vector<Request> waiting;
  };
  using Servings = std::map<Key, Serving>;
  bool Here(const LocalObject& object, const Request& request) const;
  void Promise(const Key& key, Serving& serving, LocalObject& object, const Request& request);
  void Send(const Key& key, ObjectId object, uint32_t chunk, StatusCode status, const LocalObject* local,
            int64_t begin);
  Servings::iterator End(Servings::iterator serving, std::vector<ObjectId>& ended);
  void Forget(const Key& key, ObjectId object);

  const StoreContext& context_;
  LocalObjects& objects_;
  const PullManager& pulls_;
  Servings servings_;
  std::map<ObjectId, std::set<Key>> waiting_;  // servings with requests that wait
};

}  // namespace orrery
