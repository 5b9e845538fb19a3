// What a run's trace says of objects: rows of objects.csv, transfers.csv and store.csv, and their figures.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/common/ids.h"
#include "runtime/common/status.h"
#include "runtime/common/time.h"
#include "runtime/env/trace.h"
#include "sim/record/summary.h"

namespace orrery {

// Empty, and nearly free, for a program without large objects.
class ObjectLog {
 public:
  // Whether events of this kind are about objects.
  static bool Reads(TraceKind kind);
  // Reads object events and the deaths of nodes; other kinds are ignored. In order of time.
  void OnTrace(Time now, const TraceEvent& event);

  // "objects", "transfers" and "spill".
  void WriteSummary(Summary& summary) const;
  Status WriteObjects(const std::string& path) const;
  Status WriteTransfers(const std::string& path) const;
  Status WriteStore(const std::string& path) const;

  // bounds.transfer_lower_bound_bytes and transfers.regret_bytes (moved - bound); nothing where there is no bound.
  static void WriteBound(std::optional<int64_t> bound, int64_t moved, Summary& summary);

  int64_t moved_bytes() const { return moved_; }
  size_t size() const { return objects_.size(); }

 private:
  static constexpr Time kNever{-1};
  struct Copy {
    bool in_memory = false;
    bool on_disk = false;
  };
  struct Object {
    int64_t bytes = 0;
    Time created = kNever, freed = kNever;  // an owner may let go before the news of the last copy is there
    size_t most_copies = 0;
    std::map<NodeId, Copy> copies;
  };
  // Chunks of one object from one node to another; a pull that changes its source makes a second one.
  struct Transfer {
    ObjectId object;
    NodeId from, to;
    int64_t bytes = 0;
    Time first, last;  // arrival of its first and its last chunk
    bool complete = false;
  };
  struct Use {
    int64_t memory = 0, disk = 0;
  };
  struct Sample {
    Time when;
    NodeId node;
    Use use;
  };

  void OnCopy(Time now, const TraceEvent& event, ObjectId id);
  void OnChunk(Time now, const TraceEvent& event, ObjectId id);
  void OnFreed(Time now, ObjectId id);
  void OnNodeDead(Time now, NodeId node);
  void Change(Time now, NodeId node, const Object& object, Copy& copy, Copy next);

  std::map<ObjectId, Object> objects_;
  std::vector<Transfer> transfers_;
  std::map<std::pair<ObjectId, NodeId>, size_t> open_;  // object, receiver → its transfer under way
  std::map<NodeId, Use> use_;
  std::vector<Sample> samples_;  // one per node and instant: the last of it
  uint64_t lost_ = 0, rebuilt_ = 0, copied_ = 0;
  int64_t moved_ = 0, saved_ = 0, spilled_ = 0, restored_ = 0;
};

}  // namespace orrery
