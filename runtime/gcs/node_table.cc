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
  const Address address = FromProto(request.address());
  if (NodeInfo* known = FindByAddress(address)) return {known, false};
  NodeInfo node;
  node.id = NodeId{++last_id_};
  node.address = address;
  node.name = request.name().empty() ? ToString(node.id) : request.name();
  node.hostname = request.hostname();
  node.pid = request.pid();
  node.head = request.head();
  node.labels = FromProto(request.labels());
  by_address_.Insert(address, node.id);
  ++alive_count_;
  ++epoch_;
  const NodeId id = node.id;
  NodeInfo* info = &nodes_.emplace(id, std::move(node)).first->second;
  by_id_.resize(id.value + 1, nullptr);
  by_id_[id.value] = info;
  return {info, true};
}

void NodeTable::MarkDead(NodeId id, std::string reason) {
  NodeInfo* node = Find(id);
  ORRERY_ASSERT(node != nullptr && node->alive());
  Transition(NodeInfo::Chart(), node->state, NodeInfo::State::kDead);
  node->death_reason = std::move(reason);
  --alive_count_;
  ++epoch_;
  dead_.push_back(id);
  if (dead_.size() > kDeadNodesKept) {
    const NodeId oldest = dead_.front();
    dead_.erase(dead_.begin());
    by_address_.Erase(nodes_.at(oldest).address);
    by_id_[oldest.value] = nullptr;
    nodes_.erase(oldest);
  }
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
