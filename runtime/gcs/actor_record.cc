#include "runtime/gcs/actor_record.h"

#include "runtime/messages/convert.h"
#include "runtime/messages/orrery.pb.h"

namespace orrery {

const StateChart& ActorRecord::Chart() {
  constexpr auto kUnready = static_cast<uint8_t>(ActorPhase::kDependenciesUnready),
                 kPending = static_cast<uint8_t>(ActorPhase::kPendingCreation),
                 kRestarting = static_cast<uint8_t>(ActorPhase::kRestarting),
                 kAlive = static_cast<uint8_t>(ActorPhase::kAlive), kDead = static_cast<uint8_t>(ActorPhase::kDead),
                 kNone = StateChart::kNone;
  static const StateChart chart("Actor", {"DependenciesUnready", "PendingCreation", "Restarting", "Alive", "Dead"},
                                {{kNone, kUnready, "RegisterActor"},
                                 {kUnready, kPending, "CreateActor: its arguments have values"},
                                 {kPending, kAlive, "the constructor has returned"},
                                 {kRestarting, kAlive, "the constructor has returned"},
                                 {kPending, kRestarting, "its process is gone, max_restarts allows another"},
                                 {kAlive, kRestarting, "its process is gone, max_restarts allows another"},
                                 {kRestarting, kRestarting, "its process is gone, max_restarts allows another"},
                                 {kUnready, kDead, "no handle, owner gone, job ended, killed"},
                                 {kPending, kDead, "the same; constructor threw, no node can hold it"},
                                 {kAlive, kDead, "the same; its process is gone, no restarts left"},
                                 {kRestarting, kDead, "the same"},
                                 {kDead, kNone, "kDeadActorsKept later ones have ended"}});
  return chart;
}

const msg::TaskSpec& ActorRecord::spec() const { return creation.As<msg::CreateActor>().creation(); }
const msg::ActorSpec& ActorRecord::options() const { return spec().actor(); }

namespace {
std::string RowKey(ActorId id) { return std::to_string(id.owner.value) + "." + std::to_string(id.index); }
}  // namespace

void ActorRecord::Store(StateStore& store) const {
  msg::StoredActor row;
  row.mutable_creation()->CopyFrom(creation.As<msg::CreateActor>());
  row.set_state(static_cast<uint32_t>(phase));
  row.set_step(static_cast<uint32_t>(step));
  row.set_incarnation(incarnation);
  row.set_restarts_left(restarts_left);
  row.set_job(job.value);
  ToProto(lease, row.mutable_lease());
  row.set_hop(hop);
  row.set_node(node.value);
  ToProto(node_manager, row.mutable_node_manager());
  row.set_worker(worker.value);
  ToProto(address, row.mutable_address());
  row.set_status(static_cast<uint32_t>(death.code()));
  row.set_message(death.message());
  row.set_end(end);
  store.Put(StateTable::kActors, RowKey(id), row.SerializeAsString());
}

void ActorRecord::Erase(StateStore& store) const { store.Erase(StateTable::kActors, RowKey(id)); }

ActorRecord ActorRecord::FromRow(const msg::StoredActor& row) {
  ActorRecord actor;
  Draft<msg::CreateActor> creation;
  creation->CopyFrom(row.creation());
  actor.creation = std::move(creation);
  const msg::TaskSpec& spec = actor.spec();
  actor.id = {WorkerId{spec.owner()}, spec.index()};
  actor.name = spec.actor().name();
  actor.name_space = spec.actor().name_space();
  actor.detached = spec.actor().detached();
  actor.phase = static_cast<ActorPhase>(row.state());
  actor.step = static_cast<Step>(row.step());
  actor.incarnation = row.incarnation();
  actor.restarts_left = row.restarts_left();
  actor.job = JobId{row.job()};
  actor.lease = FromProto(row.lease());
  actor.hop = row.hop();
  actor.node = NodeId{row.node()};
  actor.node_manager = FromProto(row.node_manager());
  actor.worker = WorkerId{row.worker()};
  actor.address = FromProto(row.address());
  actor.death = {static_cast<StatusCode>(row.status()), row.message()};
  actor.end = row.end();
  return actor;
}

}  // namespace orrery
