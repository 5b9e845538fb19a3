// The GCS's list of nodes: who is alive, in which epoch of the cluster, and where.
#pragma once

#include <algorithm>
#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "runtime/common/ids.h"
#include "runtime/common/lookup.h"
#include "runtime/common/resources.h"
#include "runtime/env/address.h"
#include "runtime/env/env.h"
#include "runtime/env/state_chart.h"
#include "runtime/messages/kinds.h"

namespace orrery {

// What the GCS knows of one node. A dead node keeps its entry (bounded by kDeadNodesKept) and never comes back.
struct NodeInfo {
  NodeId id;
  Address address;
  std::string name;
  std::string hostname;
  uint32_t pid = 0;
  bool head = false;
  enum class State : uint8_t { kAlive, kDead };
  State state = State::kAlive;
  bool alive() const { return state == State::kAlive; }
  static const StateChart& Chart();
  std::string death_reason;
  Labels labels;
  uint64_t queued_leases = 0;   // from the node's last report
  uint64_t running_leases = 0;
};

class NodeTable {
 public:
  static constexpr size_t kDeadNodesKept = 1000;  // as in Ray (maximum_gcs_dead_node_cached_count)

  // Adds the node, or finds the one of this address: registering twice is one registration.
  // Second: whether it is new.
  std::pair<NodeInfo*, bool> Register(const msg::RegisterNode& request);
  // Marks as dead; counts a new epoch. The node must be alive. Returns the node that was forgotten for it, if any.
  NodeId MarkDead(NodeId node, std::string reason);
  // What a GCS before this one knew: its count of epochs and last id, then each node, then the deaths in order.
  void Restore(uint64_t epoch, uint32_t last_id);
  void RestoreNode(NodeId id, const msg::RegisterNode& registration);
  void RestoreDeath(NodeId id, std::string reason);

  NodeInfo* Find(NodeId node);
  NodeInfo* FindByAddress(const Address& address);
  bool Alive(NodeId node) const;
  // The latest deaths, at most `limit`, oldest first.
  std::vector<NodeId> RecentlyDead(size_t limit) const {
    return {dead_.end() - static_cast<std::ptrdiff_t>(std::min(limit, dead_.size())), dead_.end()};
  }
  const std::map<NodeId, NodeInfo>& all() const { return nodes_; }
  uint32_t alive_count() const { return alive_count_; }
  // Counts membership changes; grows with each registration and death.
  uint64_t epoch() const { return epoch_; }
  uint32_t last_id() const { return last_id_; }
  void CheckInvariants() const;

 private:
  NodeInfo* Add(NodeId id, const msg::RegisterNode& registration);

  std::map<NodeId, NodeInfo> nodes_;
  std::vector<NodeInfo*> by_id_;  // [id]: the node, nullptr for one long dead; ids are dense and never used again
  Lookup<Address, NodeId, AddressHash> by_address_;
  std::vector<NodeId> dead_;  // oldest first
  uint32_t last_id_ = 0;
  uint32_t alive_count_ = 0;
  uint64_t epoch_ = 0;
};

}  // namespace orrery
