// The GCS's durable state: rows that are stored before anything that follows from them is told to anybody.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "runtime/env/env.h"
#include "runtime/messages/kinds.h"
#include "runtime/messages/message.h"

namespace orrery {

// What a row is about. Numbers are part of the file format: never give one away again.
enum class StateTable : uint32_t {
  kCounters = 1,
  kNodes = 2,
  kDeadNodes = 3,
  kJobs = 4,
  kFinishedJobs = 5,
  kKv = 6,
  kActors = 7,
  kPlacementGroups = 8,
  kFloors = 9
};

struct StateRow {
  StateTable table{};
  std::string key;
  std::string value;
};

// The Env of everything inside the GCS. Rows changed by one event are stored together or not at all, by one StoreState
// to Address::Storage(); what the GCS sends in that event, or while a batch is under way, is held back, in order
// (output commit: Rethink the Sync, OSDI 2006). So managers change their state and send as if storing took no time, and
// a GCS that is killed at any instant has told nothing that its successor does not know. Rows that change meanwhile
// make up the next batch.
class StateStore final : public Env {
 public:
  // Not `durable`: rows are forgotten, nothing is held back.
  StateStore(Env& world, bool durable) : world_(world), durable_(durable) {}

  void Put(StateTable table, std::string key, std::string value);
  void Erase(StateTable table, std::string key);
  // A number that only grows, under a name of its own.
  void PutCounter(const std::string& name, uint64_t value) { Put(StateTable::kCounters, name, std::to_string(value)); }
  // To be called at the end of every event.
  void Commit();
  // kStateStored. An error means that the GCS cannot keep its word: the caller must end it.
  Status OnStateStored(const msg::StateStored& stored);
  // Nothing is held back.
  bool settled() const { return last_batch_ == stored_batch_ && rows_.empty(); }

  Time Now() const override { return world_.Now(); }
  void Send(const Address& to, Message message) override;
  void SetTimer(Duration delay, TimerKind kind, uint64_t id) override { world_.SetTimer(delay, kind, id); }
  void CancelTimer(TimerKind kind, uint64_t id) override { world_.CancelTimer(kind, id); }
  Random& RandomFor(RandomStream stream) override { return world_.RandomFor(stream); }
  void Trace(const TraceEvent& event) override { world_.Trace(event); }

 private:
  struct Change {
    StateRow row;
    bool erased = false;
  };
  struct Held {
    uint64_t batch = 0;
    Address to;
    Message message;
  };

  void SendBatch();
  // Sends what no longer waits for a batch.
  void Release();

  Env& world_;
  const bool durable_;
  std::vector<Change> rows_;  // of the next batch
  std::vector<Held> event_;  // sent by the event that is being handled
  std::deque<Held> held_;
  uint64_t last_batch_ = 0;  // sent to the storage
  uint64_t stored_batch_ = 0;
};

}  // namespace orrery
