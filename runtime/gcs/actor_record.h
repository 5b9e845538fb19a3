// One actor as the GCS knows it.
#pragma once

#include <set>
#include <string>

#include "runtime/common/ids.h"
#include "runtime/common/status.h"
#include "runtime/env/actor_phase.h"
#include "runtime/env/address.h"
#include "runtime/env/state_chart.h"
#include "runtime/gcs/state_store.h"
#include "runtime/messages/message.h"

namespace orrery {

struct ActorRecord {
  static const StateChart& Chart();
  // How far the present incarnation is: none; a node is looked for; that node was asked for a worker; the worker runs
  // the constructor.
  enum class Step : uint8_t { kNone, kPlacing, kLeasing, kCreating };

  ActorId id;
  ActorPhase phase = ActorPhase::kDependenciesUnready;
  Step step = Step::kNone;
  JobId job;  // whose workers run it; a detached actor has one of its own
  Message creation;  // CreateActor; until it comes, one made of RegisterActor
  std::string name, name_space;
  bool detached = false;
  int32_t restarts_left = 0;  // -1: for ever
  uint32_t incarnation = 0;  // restarts so far
  LeaseId lease;
  uint32_t hop = 0;  // of the last question for the lease
  NodeId node;  // asked for a worker, or has it
  Address node_manager;
  WorkerId worker;  // once granted
  Address address;
  Status death;
  uint64_t end = 0;  // counts deaths
  std::set<Address> watchers;

  bool dead() const { return phase == ActorPhase::kDead; }
  const msg::TaskSpec& spec() const;
  const msg::ActorSpec& options() const;

  // The row of the durable state. Stored before what follows from it is told.
  void Store(StateStore& store) const;
  void Erase(StateStore& store) const;
  // What a row says. Kills, questions and watchers are not in it.
  static ActorRecord FromRow(const msg::StoredActor& row);
};

}  // namespace orrery
