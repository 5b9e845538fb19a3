// The object memory of simulated nodes, behind Address::Memory() of their node managers: sizes without bytes. Chunks
// are flows that share the network, spill files lie on a disk with bandwidth, capacity and a queue.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <utility>
#include <vector>

#include "runtime/common/random.h"
#include "sim/engine/engine.h"
#include "sim/scenario/scenario.h"

namespace orrery {

// Serves every node manager of the run. Its bulk endpoint is the node manager's own address.
//
// FetchChunk: the request travels one way, then the bytes come as a flow, in the order asked for on one of two streams
// between the two nodes, as on the live bulk connections. It fails with kUnavailable when the other node manager is
// dead, or dies before the last byte. Disks serve one operation after the other, in the order asked, each for its bytes
// divided by the bandwidth. A file takes up its space from the moment it is asked for; files of a dead process are
// gone, as its session folder is.
class SimMemory final : public SimLocalEndpoint, public EventHandler {
 public:
  explicit SimMemory(SimEngine& engine);

  // Before the host's node manager first spills; else it has a default DiskSpec.
  void SetDisk(HostId host, const DiskSpec& disk);
  // From now on; what the disk is doing already is not changed.
  void SetDiskFull(HostId host, bool full);  // no write succeeds
  void SetDiskSpeed(HostId host, double factor);  // of both bandwidths; 1: as specified
  void SetDiskErrors(HostId host, double probability);  // of each read: the file is not what was written

  // SimLocalEndpoint
  void OnMessage(ProcessHandle process, Message message) override;
  void OnProcessGone(ProcessHandle process) override;
  // EventHandler. a: a step of Step; b: the fetch or disk operation, with SimEngine::kFlowFailed.
  void OnEvent(uint64_t a, uint64_t b) override;

  struct Totals {
    int64_t fetched = 0;  // bytes that arrived
    int64_t written = 0, read = 0;  // bytes of spill files
  };
  const Totals& totals() const { return totals_; }
  int64_t files() const { return static_cast<int64_t>(files_.size()); }  // spill files on all disks
  int64_t bytes_on_disk() const;
  size_t fetching() const { return fetches_.size(); }

 private:
  enum Step : uint64_t { kAsk, kArrived, kDisk };
  struct Fetch {
    ProcessHandle to, from;
    uint64_t request = 0;
    int64_t bytes = 0;
    enum class State : uint8_t { kAsking, kQueued, kFlowing } state = State::kAsking;
    bool over = false;  // answered, or its asker is dead: what is on its way still ends with an event
  };
  // Bulk connections from one node manager to another.
  struct Line {
    uint32_t flowing = 0;
    std::deque<uint64_t> queued;  // fetches
  };
  struct Disk {
    DiskSpec spec;
    int64_t used = 0;
    Time free_at;
    double factor = 1;
    double errors = 0;
    bool full = false;
  };
  // A write or read in a disk's queue.
  struct Operation {
    ProcessHandle process;
    bool write = false;
    uint64_t file = 0;
    uint64_t request = 0;  // of a read
    int64_t bytes = 0;
  };
  using LineKey = std::pair<ProcessHandle, ProcessHandle>;  // from, to
  using FileKey = std::pair<ProcessHandle, uint64_t>;

  void OnFetch(ProcessHandle process, const Message& message);
  void OnWrite(ProcessHandle process, const Message& message);
  void OnRead(ProcessHandle process, const Message& message);
  void OnDelete(ProcessHandle process, uint64_t file);
  void Ask(uint64_t fetch);
  void StartNext(const LineKey& key);
  void EndFetch(uint64_t fetch, const char* error);
  void Queue(Operation operation, double bandwidth);
  void EndOperation(uint64_t operation);
  Disk& DiskOf(ProcessHandle process) { return disks_[engine_.HostOf(process)]; }

  SimEngine& engine_;
  Random random_;
  std::map<HostId, Disk> disks_;
  std::map<FileKey, int64_t> files_;  // → bytes
  std::map<uint64_t, Fetch> fetches_;
  std::map<LineKey, Line> lines_;
  std::map<uint64_t, Operation> operations_;
  uint64_t next_ = 1;
  Totals totals_;
};

}  // namespace orrery
