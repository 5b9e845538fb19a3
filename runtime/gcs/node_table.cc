#include "runtime/gcs/node_table.h"

#include <algorithm>

#include "runtime/messages/convert.h"
#include "runtime/messages/orrery.pb.h"

namespace orrery {

const StateChart& NodeInfo::Chart() {
  constexpr auto kAlive = static_cast<uint8_t>(State::kAlive), kDead = static_cast<uint8_t>(State::kDead);
  static const StateChart chart("Node", {"Alive", "Dead"},
                                {{StateChart::kNone, kAlive, "RegisterNode"},
                                 {kAlive, kDead, "UnregisterNode, health checks unanswered, connection refused"}});
  return chart;
}

std::pair<NodeInfo*, bool> NodeTable::Register(const msg::RegisterNode& request) {
  if (NodeInfo* known = FindByAddress(FromProto(request.address()))) return {known, false};
  ++epoch_;
  return {Add(NodeId{++last_id_}, request), true};
}

NodeInfo* NodeTable::Add(NodeId id, const msg::RegisterNode& registration) {
  NodeInfo node;
  node.id = id;
  node.address = FromProto(registration.address());
  node.name = registration.name().empty() ? ToString(id) : registration.name();
  node.hostname = registration.hostname();
  node.pid = registration.pid();
  node.head = registration.head();
  node.labels = FromProto(registration.labels());
  by_address_.Insert(node.address, id);
  ++alive_count_;
  NodeInfo* info = &nodes_.emplace(id, std::move(node)).first->second;
  if (by_id_.size() <= id.value) by_id_.resize(id.value + 1, nullptr);
  by_id_[id.value] = info;
  return info;
}

NodeId NodeTable::MarkDead(NodeId id, std::string reason) {
  ++epoch_;
  RestoreDeath(id, std::move(reason));
  if (dead_.size() <= kDeadNodesKept) return {};
  const NodeId oldest = dead_.front();
  dead_.erase(dead_.begin());
  by_address_.Erase(nodes_.at(oldest).address);
  by_id_[oldest.value] = nullptr;
  nodes_.erase(oldest);
  return oldest;
}

void NodeTable::Restore(uint64_t epoch, uint32_t last_id) {
  ORRERY_ASSERT(nodes_.empty());
  epoch_ = epoch;
  last_id_ = last_id;
}

void NodeTable::RestoreNode(NodeId id, const msg::RegisterNode& registration) { Add(id, registration); }

void NodeTable::RestoreDeath(NodeId id, std::string reason) {
  NodeInfo* node = Find(id);
  ORRERY_ASSERT(node != nullptr && node->alive());
  Transition(NodeInfo::Chart(), node->state, NodeInfo::State::kDead);
  node->death_reason = std::move(reason);
  --alive_count_;
  dead_.push_back(id);
}

NodeInfo* NodeTable::Find(NodeId node) { return node.value < by_id_.size() ? by_id_[node.value] : nullptr; }

NodeInfo* NodeTable::FindByAddress(const Address& address) {
  const NodeId* id = by_address_.Find(address);
  return id == nullptr ? nullptr : Find(*id);
}

bool NodeTable::Alive(NodeId node) const {
  const NodeInfo* info = node.value < by_id_.size() ? by_id_[node.value] : nullptr;
  return info != nullptr && info->alive();
}

void NodeTable::CheckInvariants() const {
  const auto alive =
      std::count_if(nodes_.begin(), nodes_.end(), [](const auto& entry) { return entry.second.alive(); });
  ORRERY_ASSERT(static_cast<uint32_t>(alive) == alive_count_);
  ORRERY_ASSERT(dead_.size() <= kDeadNodesKept && nodes_.size() == alive_count_ + dead_.size());
}

}  // namespace orrery
