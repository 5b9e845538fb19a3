// Copies of objects from other nodes: asks the owner where one is, then that node for chunks, then our memory for
// bytes.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "runtime/common/ids.h"
#include "runtime/common/lookup.h"
#include "runtime/common/status.h"
#include "runtime/messages/kinds.h"
#include "runtime/object_store/local_objects.h"
#include "runtime/object_store/owner_table.h"
#include "runtime/object_store/store_context.h"

namespace orrery {

// What the pulls tell the one who decides what is pulled.
class PullListener {
 public:
  virtual ~PullListener() = default;
  // A source is known, but the pull has no room. Gives it room for `size` bytes, or returns nullptr: the pull has
  // ended.
  virtual LocalObject* OnPullNeedsRoom(const ObjectReference& ref, int64_t size) = 0;
  // The owner has not answered for a while: the pull gives its room back, and goes on asking without.
  virtual void OnPullWaits(ObjectId object) = 0;
  virtual void OnChunkHere(ObjectId object) = 0;
  // Every byte is there; the pull has ended.
  virtual void OnPulled(ObjectId object) = 0;
  // The owner says that there is nothing to be had; the pull has ended.
  virtual void OnPullFailed(ObjectId object, const Status& status) = 0;
  // The pull was stopped, and waits for what is still being written to its room.
  virtual void OnPullStopping(ObjectId object) = 0;
  // The pull that was stopped has ended: nothing is written to its room any more.
  virtual void OnPullStopped(ObjectId object) = 0;
};

// At most object_chunks_in_flight chunks per pull. One source at a time, named by the owner; when it does not deliver,
// the owner is asked again. What a former source's transfer leaves in the room does not count, and is awaited before
// the same chunk is fetched again. (Ray's pull_manager.cc and object_buffer_pool.cc.)
class PullManager {
 public:
  PullManager(const StoreContext& context, OwnerTable& owners, PullListener& listener)
      : context_(context), owners_(owners), listener_(listener) {}

  // `object`: kPulling, with room; or nullptr when the size is not known yet.
  void Begin(const ObjectReference& ref, LocalObject* object);
  // Ends the pull: OnPullStopped follows, at once or when our memory has answered what is under way.
  void Stop(ObjectId object);
  bool Pulling(ObjectId object) const { return pulls_.count(object) != 0; }
  bool Stopping(ObjectId object) const;
  // A source is known and delivers, as far as we know.
  bool Transferring(ObjectId object) const;
  // Pulls that wait for our memory's last answers before their room is free.
  size_t stopping() const { return stopping_; }
  // The bytes [begin, end) have arrived.
  bool Has(ObjectId object, int64_t begin, int64_t end) const;

  void OnObjectLocation(const Address& from, const msg::ObjectLocation& location);
  void OnChunkReady(const Address& from, const msg::ChunkReady& ready);
  void OnChunkFetched(const msg::ChunkFetched& fetched);
  void OnTimer(uint64_t number);
  void OnPeerLost(const Address& peer);
  void OnNodeDied(NodeId node);
  // The connection to this owner was made again.
  void AskAgain(const Address& owner);
  // Somebody still waits for an answer of this owner, or may have to.
  bool AnyOf(WorkerId owner) const;

  size_t size() const { return pulls_.size(); }
  size_t fetches() const { return fetches_.size(); }
  void CheckInvariants() const;

 private:
  enum class State : uint8_t { kLocating, kTransferring, kStopping };
  enum class Chunk : uint8_t { kMissing, kAsked, kFetching, kHere };
  struct Pull {
    uint64_t number = 0;
    ObjectReference ref;
    LocalObject* object = nullptr;
    State state = State::kLocating;
    uint32_t round = 0;             // of the question to the owner
    uint32_t silences = 0;          // intervals without an answer
    std::vector<uint32_t> failed;   // nodes, ascending
    Status trouble;                 // of a node that has the object and cannot bring it into memory
    NodeId source;
    Address source_address;         // whom we have asked for chunks, or nobody
    std::vector<Chunk> chunks;
    int64_t here = 0, asked = 0, fetching = 0;
    Time progress;                  // when the last chunk came
    bool timer = false;
  };
  struct Fetch {
    ObjectId object;
    uint32_t chunk = 0;
    uint32_t round = 0;
  };
  int64_t ChunkBytes() const { return context_.settings.object_chunk_bytes; }
  void Locate(Pull& pull);
  void Transfer(Pull& pull);
  void FetchChunk(Pull& pull, uint32_t chunk, const msg::ChunkReady& ready);
  void LeaveSource(Pull& pull, bool tell);
  void SourceFailed(Pull& pull, bool tell);
  void SetTimer(Pull& pull, Duration delay);
  void End(ObjectId object);
  void EndStopped(Pull& pull);

  const StoreContext& context_;
  OwnerTable& owners_;
  PullListener& listener_;
  std::map<ObjectId, Pull> pulls_;
  Lookup<uint64_t, ObjectId> by_number_;
  Lookup<uint64_t, Fetch> fetches_;
  uint64_t next_number_ = 1, next_fetch_ = 1;
  size_t stopping_ = 0;
};

}  // namespace orrery
