// The live Address::Memory(): a node's shared memory, its bulk connections to other nodes, and its spill files.
//
// Bytes move on two threads of their own, one for sockets and one for disks; the node manager's thread only passes
// requests on. What a request writes to (FetchChunk, ReadSpill) or reads from (WriteSpill) must stay allocated until
// its answer has come, even when the other end is known to be gone: until then bytes may still arrive. What another
// node was told to fetch (ChunkReady) must stay until it says EndPull or its connection to the node manager breaks.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "runtime/transport/arena_map.h"
#include "runtime/transport/live_env.h"

namespace orrery {

struct ObjectMemoryOptions {
  int64_t capacity = 0;                      // bytes of the arena
  std::vector<std::string> spill_parents{};  // each gets a folder of this process; none: no spilling
  Duration stall_timeout = Duration::Seconds(10);  // a fetch without a byte for this long has failed
  Duration idle_timeout = Duration::Seconds(60);   // of bulk connections
};

// Takes FetchChunk, WriteSpill, ReadSpill, DeleteSpill, and answers with ChunkFetched (kUnavailable, kTimedOut,
// kPermissionDenied, kNotFound: another incarnation, kInvalidArgument: no such bytes there), SpillWritten (kDiskFull)
// and SpillRead (kInvalidArgument: malformed; kNotFound). Files are written, read and deleted in the order asked for.
class ObjectMemory final : public LocalEndpoint {
 public:
  // `env` outlives the memory; its socket folder gets the door "<port>.store" (arena_door.h), and its ip a port of its
  // own for bulk connections. kStoreFull without enough address space; kUnavailable when nothing can listen.
  static Result<std::unique_ptr<ObjectMemory>> Create(LiveEnv& env, ObjectMemoryOptions options);
  // Ends the threads, and removes door and files. Unanswered requests stay so.
  ~ObjectMemory() override;
  void OnMessage(Message message) override;

  // Where other nodes fetch from: NodeOptions::memory.
  Address address() const;
  const std::shared_ptr<ArenaMap>& arena() const;

 private:
  class Impl;
  explicit ObjectMemory(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace orrery
