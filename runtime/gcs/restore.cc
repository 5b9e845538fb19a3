// What the rows of a GCS's predecessor mean.
#include <map>

#include "runtime/gcs/gcs.h"
#include "runtime/messages/convert.h"
#include "runtime/messages/orrery.pb.h"

namespace orrery {

namespace {

uint64_t Number(const std::string& text) { return std::stoull(text); }

template <class Body>
Body Parsed(const std::string& value) {
  Body body;
  ORRERY_ASSERT_MSG(body.ParseFromString(value), "a row of the stored state");
  return body;
}

// Ends of nodes or jobs by their order.
std::map<uint64_t, std::pair<uint32_t, msg::StoredEnd>> Ends(const std::map<uint32_t, std::string>& rows) {
  std::map<uint64_t, std::pair<uint32_t, msg::StoredEnd>> ends;
  for (const auto& [id, value] : rows) {
    auto end = Parsed<msg::StoredEnd>(value);
    const uint64_t order = end.order();
    ends.emplace(order, std::pair(id, std::move(end)));
  }
  return ends;
}

}  // namespace

void Gcs::Restore(const std::vector<StateRow>& rows) {
  std::map<std::string, uint64_t> counters;
  std::map<StateTable, std::map<uint32_t, std::string>> by_id;
  std::vector<msg::StoredActor> actors;
  std::vector<msg::StoredPlacementGroup> groups;
  for (const StateRow& row : rows) {
    if (row.table == StateTable::kKv)
      kv_.Restore(row);
    else if (row.table == StateTable::kCounters)
      counters[row.key] = Number(row.value);
    else if (row.table == StateTable::kActors)
      actors.push_back(Parsed<msg::StoredActor>(row.value));
    else if (row.table == StateTable::kPlacementGroups)
      groups.push_back(Parsed<msg::StoredPlacementGroup>(row.value));
    else if (row.table == StateTable::kFloors)
      autoscaler_.RestoreFloor(row);
    else
      by_id[row.table][static_cast<uint32_t>(Number(row.key))] = row.value;
  }
  nodes_.Restore(counters["epoch"], static_cast<uint32_t>(counters["last_node"]));
  for (const auto& [id, value] : by_id[StateTable::kNodes]) {
    nodes_.RestoreNode(NodeId{id}, Parsed<msg::RegisterNode>(value));
  }
  for (auto& [order, end] : Ends(by_id[StateTable::kDeadNodes]))
    nodes_.RestoreDeath(NodeId{end.first}, end.second.reason());
  for (const auto& [id, value] : by_id[StateTable::kNodes]) {
    if (!nodes_.Alive(NodeId{id})) continue;
    resources_.RestoreNode(NodeId{id}, FromProto(Parsed<msg::RegisterNode>(value).total()),
                           nodes_.Find(NodeId{id})->labels);
  }
  jobs_.Restore(static_cast<uint32_t>(counters["last_job"]));
  for (const auto& [id, value] : by_id[StateTable::kJobs]) {
    Draft<msg::RegisterJob> registration;
    ORRERY_ASSERT_MSG(registration->ParseFromString(value), "a row of the stored state");
    jobs_.RestoreJob(JobId{id}, std::move(registration));
  }
  for (const auto& [order, end] : Ends(by_id[StateTable::kFinishedJobs]))
    jobs_.RestoreEnd(JobId{end.first}, order, end.second.status());
  groups_.Restore(counters["last_reservation"], groups);
  actors_.Restore(counters["last_actor_lease"], actors);
}

}  // namespace orrery
